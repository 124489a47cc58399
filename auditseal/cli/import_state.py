"""What `auditseal import` remembers: the imported events by id, so that a second run adds nothing."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from uuid import UUID

from auditseal_schemas.errors import ConfigurationError

_VERSION = 2
_FIRST_VERSION = 1  # without the digests


class ImportState:
    """The events that the brokers have, by id, in an SQLite file of about 50 bytes an event.

    Of each it has a digest of the record, since two records may have one id. Old files have events without one.

    An id is saved after its acknowledgement. If the process dies in between, the next run publishes that event a second
    time, with the same id.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._taken: dict[bytes, bytes] = {}
        self._done: SimpleQueue[bytes] = SimpleQueue()

    def digest_of(self, event_id: str) -> bytes | None:
        """Return a record's digest by its id; None if this state has no such record.

        Digests of an old file are empty.

        The record is one that was imported before, or is on its way in this run.
        """
        key = UUID(event_id).bytes
        if key in self._taken:
            return self._taken[key]
        row = self._database.execute("SELECT digest FROM imported WHERE id = ?", (key,)).fetchone()
        return None if row is None else row[0]

    def take(self, event_id: str, digest: bytes) -> None:
        """Note that an event is on its way."""
        self._taken[UUID(event_id).bytes] = digest

    def acknowledge(self, event_id: str) -> None:
        """Note that the brokers have an event; any thread may call this."""
        self._done.put(UUID(event_id).bytes)

    def save(self) -> None:
        """Save what was acknowledged.

        Raises:
            sqlite3.Error: The file can't be written.
        """
        saved = {key: self._taken[key] for key in self._acknowledged()}
        with self._database:
            self._database.executemany("INSERT OR IGNORE INTO imported VALUES (?, ?)", saved.items())
        for key in saved:
            del self._taken[key]

    def _acknowledged(self) -> Iterator[bytes]:
        while True:
            try:
                yield self._done.get_nowait()
            except Empty:
                return


@contextmanager
def open_state(path: Path) -> Iterator[ImportState]:
    """Open a state file, or make it, for this process alone.

    Raises:
        ConfigurationError: It can't be opened, isn't a state file, or another import uses it.
    """
    try:
        database = sqlite3.connect(path, timeout=1, isolation_level="IMMEDIATE")
        try:
            _prepare(database, path)
        except BaseException:
            database.close()
            raise
    except sqlite3.Error as error:
        problem = f"--state {path}: {error}: check the path, and that no other import uses it"
        raise ConfigurationError(problem) from error
    state = ImportState(database)
    try:
        yield state
    finally:
        try:
            state.save()
        finally:
            database.close()


def _prepare(database: sqlite3.Connection, path: Path) -> None:
    """Lock the file for this process alone, and make its table where it is new."""
    database.execute("PRAGMA locking_mode = EXCLUSIVE")
    (version,) = database.execute("PRAGMA user_version").fetchone()
    (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if version not in {_VERSION, _FIRST_VERSION} and (version or tables):
        raise ConfigurationError(f"--state {path}: it is not a state file of auditseal import: name another")
    with database:
        if version == _FIRST_VERSION:
            database.execute("ALTER TABLE imported ADD COLUMN digest BLOB NOT NULL DEFAULT x''")
        else:
            database.execute(
                "CREATE TABLE IF NOT EXISTS imported (id BLOB PRIMARY KEY, digest BLOB NOT NULL) WITHOUT ROWID"
            )
        database.execute(f"PRAGMA user_version = {_VERSION}")
