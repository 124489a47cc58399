"""What `auditseal import` remembers: the ids of imported events, so that a second run adds nothing."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from uuid import UUID

from auditseal_schemas.errors import ConfigurationError

_VERSION = 1


class ImportState:
    """The ids of events that the brokers have, in an SQLite file of about 30 bytes an event.

    An id is saved after its acknowledgement. If the process dies in between, the next run publishes that event a second
    time, with the same id.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._taken: set[bytes] = set()
        self._done: SimpleQueue[bytes] = SimpleQueue()

    def take(self, event_id: str) -> bool:
        """Return whether an event is to be published: it wasn't, and isn't on its way in this run."""
        key = UUID(event_id).bytes
        query = "SELECT 1 FROM imported WHERE id = ?"
        if key in self._taken or self._database.execute(query, (key,)).fetchone():
            return False
        self._taken.add(key)
        return True

    def acknowledge(self, event_id: str) -> None:
        """Note that the brokers have an event; any thread may call this."""
        self._done.put(UUID(event_id).bytes)

    def save(self) -> None:
        """Save what was acknowledged.

        Raises:
            sqlite3.Error: The file can't be written.
        """
        saved = list(self._acknowledged())
        with self._database:
            self._database.executemany("INSERT OR IGNORE INTO imported VALUES (?)", [(key,) for key in saved])
        self._taken.difference_update(saved)

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
    if version != _VERSION and (version or tables):
        raise ConfigurationError(f"--state {path}: it is not a state file of auditseal import: name another")
    with database:
        database.execute("CREATE TABLE IF NOT EXISTS imported (id BLOB PRIMARY KEY) WITHOUT ROWID")
        database.execute(f"PRAGMA user_version = {_VERSION}")
