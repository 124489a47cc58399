"""The database of a spool: its tables, its rows, and SQLite's errors in the words of this package.

    event   position, event_id, key, stream_id, encoded, number, crc    accepted events, in the order of delivery
    stream  id, sequence, position, crc                                 one row: what the next event gets

Each row has a CRC-32 over all of its values, since SQLite has no checksum of its own for its pages.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

from uuid_utils import uuid7

from auditseal_producer.errors import SpoolCorruptedError, SpoolError
from auditseal_producer.outgoing import PublishedEvent

_APPLICATION_ID = 0x61756473  # "auds", in the header of the file
_FORMAT = 1
_BUSY_SECONDS = 5.0
_INSERT = "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?)"
_SELECT = "SELECT position, event_id, key, stream_id, encoded, number, crc FROM event"
_EVENTS = """CREATE TABLE event (
    position INTEGER PRIMARY KEY, event_id TEXT NOT NULL, key BLOB NOT NULL, stream_id TEXT NOT NULL,
    encoded BLOB NOT NULL, number INTEGER NOT NULL, crc INTEGER NOT NULL
)"""
_STREAM = (
    "CREATE TABLE stream (id TEXT NOT NULL, sequence INTEGER NOT NULL, position INTEGER NOT NULL, crc INTEGER NOT NULL)"
)
_KEEP = "keep its files, export its events with auditseal spool export, and begin another one"


class SpooledEvent(NamedTuple):
    """An event on disk, and its place in the spool."""

    position: int
    event: PublishedEvent


class StreamState(NamedTuple):
    """A stream's id, the number that its next event gets, and the spool's next position."""

    id: str
    sequence: int
    position: int


@contextmanager
def explain_sqlite(path: Path) -> Iterator[None]:
    """Turn errors of SQLite and of the operating system into those of this package.

    Raises:
        SpoolCorruptedError: The file is damaged, or isn't one of SQLite's.
        SpoolError: It can't be read or written.
    """
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
            raise SpoolCorruptedError(
                f"spool {path}: it is damaged, or not a spool: {error} ({name}): {_KEEP}"
            ) from error
        advice = "free some space on the disk" if name == "SQLITE_FULL" else "check the disk, and the file's rights"
        raise SpoolError(f"spool {path}: {error} ({name}): {advice}") from error
    except OSError as error:
        raise SpoolError(f"spool {path}: {error}: check the disk, and the file's rights") from error


def connect_to_write(path: Path) -> sqlite3.Connection:
    """Open the file, for the one producer that holds its lock, and make it first where there is none.

    `synchronous=FULL` syncs the write-ahead file at each commit (https://sqlite.org/pragma.html#pragma_synchronous).

    Raises:
        OSError: It can't be made.
        sqlite3.Error: It can't be opened.
    """
    if not path.exists():
        os.close(
            os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        )  # SQLite gives its other files these rights
        _sync_folder(path)
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL").fetchone()
        connection.execute("PRAGMA synchronous = FULL")
        if is_new(connection):
            _create(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Open the file to read alone; a producer may be writing to it.

    Raises:
        sqlite3.Error: It can't be opened.
    """
    uri = f"{path.absolute().as_uri()}?mode=ro"
    return sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)


def is_new(connection: sqlite3.Connection) -> bool:
    """Whether there is nothing in the file, not even what makes it a spool: it was just made.

    Raises:
        sqlite3.Error: It can't be read.
    """
    return _pragma(connection, "application_id") == 0 and _pragma(connection, "schema_version") == 0


def read_stream(path: Path, connection: sqlite3.Connection) -> StreamState:
    """Return the stream's state.

    Raises:
        SpoolCorruptedError: The file isn't a spool, or its state is damaged.
        SpoolError: It is a spool of another format.
        sqlite3.Error: It can't be read.
    """
    if _pragma(connection, "application_id") != _APPLICATION_ID:
        raise SpoolCorruptedError(f"spool {path}: this file isn't a spool: check the path")
    version = _pragma(connection, "user_version")
    if version != _FORMAT:
        raise SpoolError(
            f"spool {path}: its format is {version}, and this version of auditseal reads {_FORMAT}: drain it with the"
            " version that made it"
        )
    rows = connection.execute("SELECT id, sequence, position, crc FROM stream").fetchall()
    state = StreamState(*rows[0][:3]) if len(rows) == 1 else None
    if state is None or [type(value) for value in state] != [str, int, int] or _state_crc(state) != rows[0][3]:
        raise SpoolCorruptedError(f"spool {path}: its stream's state is damaged: {_KEEP}")
    return state


def read_events(path: Path, connection: sqlite3.Connection, after: int, most: int = -1) -> Iterator[SpooledEvent]:
    """Yield the events behind a position in order, each one checked; all of them, or `most`.

    Raises:
        SpoolCorruptedError: One is damaged.
        sqlite3.Error: The file can't be read.
    """
    for row in connection.execute(f"{_SELECT} WHERE position > ? ORDER BY position LIMIT ?", (after, most)):
        yield _check_row(path, row)


def read_event(path: Path, connection: sqlite3.Connection, position: int) -> SpooledEvent | None:
    """Return the event at a position, None where there isn't one.

    Raises:
        SpoolCorruptedError: It is damaged.
        sqlite3.Error: It can't be read.
    """
    row = connection.execute(f"{_SELECT} WHERE position = ?", (position,)).fetchone()
    return None if row is None else _check_row(path, row)


def write_events(
    connection: sqlite3.Connection, events: Sequence[SpooledEvent], state: StreamState, removed: Iterable[int]
) -> None:
    """Add events, remove others and set the stream's state, in one transaction; undo all of it if any part fails.

    Raises:
        sqlite3.Error: It isn't known to be on disk.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.executemany(_INSERT, [(position, *event, _crc(position, event)) for position, event in events])
        connection.executemany("DELETE FROM event WHERE position = ?", [(position,) for position in removed])
        connection.execute("UPDATE stream SET id = ?, sequence = ?, position = ?, crc = ?", (*state, _state_crc(state)))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _create(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(_EVENTS)
    connection.execute(_STREAM)
    state = StreamState(str(uuid7()), 0, 1)
    connection.execute("INSERT INTO stream VALUES (?, ?, ?, ?)", (*state, _state_crc(state)))
    connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {_FORMAT}")
    connection.execute("COMMIT")


def _check_row(path: Path, row: tuple[Any, ...]) -> SpooledEvent:
    position, *parts, crc = row
    event = PublishedEvent(*parts)
    # A damaged cell may have any type.
    types = [str, bytes, str, bytes, int]
    if [type(part) for part in event] != types or _crc(position, event) != crc:
        raise SpoolCorruptedError(f"spool {path}: the event at position {position} is damaged: {_KEEP}")
    return SpooledEvent(position, event)


def _crc(position: int, event: PublishedEvent) -> int:
    texts = f"{position} {event.event_id} {event.stream_id} {event.number} ".encode()
    return crc32(event.encoded, crc32(event.key, crc32(texts)))


def _state_crc(state: StreamState) -> int:
    return crc32(f"{state.id} {state.sequence} {state.position}".encode())


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    value: int = connection.execute(f"PRAGMA {name}").fetchone()[0]
    return value


def _sync_folder(path: Path) -> None:
    folder = os.open(path.absolute().parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
