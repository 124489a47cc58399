r"""The lock file of a spool: one producer at a time, and the mark up to which its events were accepted.

    PID POSITION\n      10 and 19 digits, filled up with spaces on the left

The mark is written after each commit. So it is never ahead of an intact spool, whatever ends the process or the
machine: a spool that is behind its mark has lost events. SQLite alone would not notice a damaged or missing
write-ahead file, whose first bad frame it takes for the end (https://sqlite.org/walformat.html, section 4.4).

The lock is a POSIX one, which a forked child does not inherit, and which ends with its process. It also ends when the
process closes the file anywhere: so a process that holds it never opens the file again.
"""

import fcntl
import os
import re
import struct
from contextlib import suppress
from pathlib import Path

from auditseal_producer.errors import SpoolBusyError, SpoolCorruptedError, SpoolError

_CONTENT = re.compile(rb" *(\d{1,10}) +(\d{1,19})\n")
_MOST_BYTES = 32  # one more than a lock file has
_FLOCK = struct.Struct("hhqqi4x")  # struct flock: type, whence, start, length, process


class SpoolLock:
    """Holds `SPOOL.lock` until `release`.

    Attributes:
        path: The lock file.
        process: The process that took it.
        mark: The first position that no accepted event has.

    Raises:
        SpoolBusyError: Another producer, of this process or another one, holds it.
        SpoolCorruptedError: The file's content isn't a lock's.
        SpoolError: It can't be made, read or locked.
    """

    def __init__(self, spool: Path) -> None:
        self.path = lock_path(spool)
        self.process = os.getpid()
        if _held_here(spool) is not None:
            raise self._busy("another producer of this process")
        try:
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise SpoolError(
                f"spool {spool}: its lock file can't be opened: {error}: check path, rights and disk"
            ) from error
        try:
            self._take()
            self.mark = self._read_mark()
        except BaseException:
            os.close(self._file)
            raise
        self._identity = _identity(os.fstat(self._file))
        _held[self._identity] = self

    def write_mark(self, position: int) -> None:
        """Write the first position that no accepted event has. An error is ignored: an older mark only finds less."""
        self.mark = position
        with suppress(OSError):
            os.pwrite(self._file, f"{self.process:>10} {position:>19}\n".encode(), 0)

    def release(self) -> None:
        """Let the next producer have the spool."""
        del _held[self._identity]
        os.close(self._file)

    def _take(self) -> None:
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            found = _CONTENT.fullmatch(os.pread(self._file, _MOST_BYTES, 0))
            raise self._busy(f"process {int(found[1])}" if found else "another process") from error
        except OSError as error:
            raise SpoolError(f"spool: {self.path} can't be locked: {error}: use a disk of this machine") from error

    def _busy(self, holder: str) -> SpoolBusyError:
        return SpoolBusyError(
            f"spool: {self.path} is held by {holder}: give each producer a path of its own, by {{n}} in the file's name"
        )

    def _read_mark(self) -> int:
        content = os.pread(self._file, _MOST_BYTES, 0)
        if not content.strip(b"\0"):  # new, or the machine went down before its first content was on disk
            return 0
        found = _CONTENT.fullmatch(content)
        if found is None:
            raise SpoolCorruptedError(
                f"spool: {self.path} isn't a spool's lock file: check the path; if it is right, keep the spool's files,"
                " export its events with auditseal spool export, and begin another one"
            )
        return int(found[2])


_held: dict[tuple[int, int], SpoolLock] = {}
"""The locks of this process, by device and inode; in a forked child those of its parent, until it takes its own."""


def lock_path(spool: Path) -> Path:
    """Return the lock file of a spool."""
    return Path(f"{spool}.lock")


def read_mark(spool: Path) -> int:
    """Return the first position that no accepted event has, as the lock file says; 0 where it says nothing."""
    lock = _held_here(spool)
    if lock is not None:
        return lock.mark
    try:
        found = _CONTENT.fullmatch(lock_path(spool).read_bytes())
    except OSError:
        return 0
    return int(found[2]) if found else 0


def find_holder(spool: Path) -> int | None:
    """Return the process that holds a spool's lock, None where none does. The lock is never taken to find out."""
    if _held_here(spool) is not None:
        return os.getpid()
    try:
        file = os.open(lock_path(spool), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        # fcntl(2), F_GETLK: the lock that keeps this one from being taken
        answer = fcntl.fcntl(file, fcntl.F_GETLK, _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
    finally:
        os.close(file)
    kind, *_, process = _FLOCK.unpack(answer)
    return None if kind == fcntl.F_UNLCK else process


def _held_here(spool: Path) -> SpoolLock | None:
    try:
        lock = _held.get(_identity(lock_path(spool).stat()))
    except OSError:
        return None
    return lock if lock is not None and lock.process == os.getpid() else None


def _identity(state: os.stat_result) -> tuple[int, int]:
    return state.st_dev, state.st_ino
