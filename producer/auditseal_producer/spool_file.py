"""The file of a spool, held by one producer: accepted events on disk, in order, until the brokers have them.

What a write adds is on disk when it returns. One thread writes and one reads, each by a connection of its own.
"""

import os
import threading
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from weakref import WeakSet

from auditseal_producer.errors import SpoolCorruptedError
from auditseal_producer.spool_database import (
    SpooledEvent,
    StreamState,
    connect_to_read,
    connect_to_write,
    explain_sqlite,
    is_new,
    read_events,
    read_stream,
    write_events,
)
from auditseal_producer.spool_lock import SpoolLock


class SpoolFile:
    """Holds a spool's file until `close`; makes it where there is none.

    Attributes:
        path: The file.
        stream: The stream's state, as the last commit left it.
        events: How many events it held when it was opened.
        bytes: Their encoded size.

    Raises:
        SpoolBusyError: Another producer holds it.
        SpoolCorruptedError: It is damaged, or lacks accepted events, or isn't a spool.
        SpoolError: It can't be opened or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writing, self._reading = threading.Lock(), threading.Lock()
        with ExitStack() as opened, explain_sqlite(path):
            self._lock = SpoolLock(path)
            opened.callback(self._lock.release)
            self.events, self.bytes = self._check()
            self._writer = opened.enter_context(closing(connect_to_write(path)))
            self._reader = opened.enter_context(closing(connect_to_read(path)))
            self.stream = read_stream(path, self._writer)
            self._opened = opened.pop_all()
        self._lock.write_mark(self.stream.position)
        _open_files.add(self)

    def write(self, events: Sequence[SpooledEvent], sequence: int, removed: Iterable[int]) -> None:
        """Add events and remove others, all or nothing.

        Args:
            events: New events; their positions follow each other from `stream.position` on.
            sequence: The number that the stream's next event gets.
            removed: Positions of events that the brokers have.

        Raises:
            SpoolError: The new events aren't known to be on disk, and the others aren't removed.
        """
        state = StreamState(self.stream.id, sequence, self.stream.position + len(events))
        with self._writing, explain_sqlite(self.path):
            write_events(self._writer, events, state, removed)
            self.stream = state
            self._lock.write_mark(state.position)

    def read(self, after: int, most: int) -> list[SpooledEvent]:
        """Return up to `most` events behind a position, in order.

        Raises:
            SpoolCorruptedError: One of them is damaged.
            SpoolError: The file can't be read.
        """
        with self._reading, explain_sqlite(self.path):
            return list(read_events(self.path, self._reader, after, most))

    def close(self) -> None:
        """Close the file, and let another producer have it."""
        _open_files.discard(self)
        with self._writing, self._reading:
            self._opened.close()

    def pause(self) -> None:
        """Wait until no thread is in SQLite, and let none in."""
        self._writing.acquire()
        self._reading.acquire()

    def resume(self) -> None:
        """Let threads in again."""
        self._reading.release()
        self._writing.release()

    def _check(self) -> tuple[int, int]:
        """Check all of the file before any of it is changed; return the number of its events and their size."""
        position, sizes = 1, list[int]()
        if self.path.exists():
            with closing(connect_to_read(self.path)) as connection:
                if not is_new(connection):
                    position = read_stream(self.path, connection).position
                    sizes += [len(event.encoded) for _, event in read_events(self.path, connection, 0)]
        lost = self._lock.mark - position
        if lost > 0:
            raise SpoolCorruptedError(
                f"spool {self.path}: it lacks the last {lost} events that were accepted: its write-ahead file"
                f" {self.path}-wal is damaged or missing, or it is an older copy: keep its files, export its events"
                f" with auditseal spool export, move the files and {self._lock.path} away, and begin another one"
            )
        return len(sizes), sum(sizes)


_open_files: "WeakSet[SpoolFile]" = WeakSet()
_paused: list[SpoolFile] = []


def _pause_all() -> None:
    """Let no fork happen within a call of SQLite's: its locks would never be freed in the child."""
    for file in list(_open_files):
        file.pause()
        _paused.append(file)


def _resume_all() -> None:
    while _paused:
        _paused.pop().resume()


def _forget_all() -> None:
    """Resume in the child, which never uses the files of its parent."""
    _resume_all()
    _open_files.clear()


os.register_at_fork(before=_pause_all, after_in_parent=_resume_all, after_in_child=_forget_all)
