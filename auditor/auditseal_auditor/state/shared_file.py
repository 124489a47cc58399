"""A file that several runs share: it is replaced whole under a lock, and its path may be a link.

A link is followed once, so that the file it leads to is replaced and the link stays. A second file, `NAME.lock`, holds
the lock and stays, since the file itself is replaced. Nothing but a regular file is opened for reading or replaced.
"""

import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Self

from auditseal_auditor.errors import StateFileError
from auditseal_schemas.errors import ConfigurationError

_LOCK_SECONDS = 10.0
"""Seconds to wait while another run writes the file, which takes some milliseconds."""
_NEW_MODE = 0o600
_OPEN = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # opening a FIFO would wait for its other end


class SharedFile:
    """The state file that a path leads to.

    Attributes:
        path: Where the file is: no part of it is a link.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def at(cls, path: Path) -> Self:
        """Return the file that a path leads to, whether or not it exists.

        Raises:
            ConfigurationError: The path is a link that leads nowhere or in a circle, or it leads to something that is
                not a regular file, or to a file that has other names too.
        """
        try:
            real = path.resolve(strict=False)
            status = real.stat() if os.path.lexists(real) else None
        except (OSError, RuntimeError) as error:  # RuntimeError: Python's word for a circle of links until 3.12
            raise ConfigurationError(f"the state file {path} can't be found: {error}; say another --state") from error
        if status is None:
            if path.is_symlink():
                problem = f"the state file {path} is a link to {real}, which doesn't exist: is its disk mounted?"
                raise ConfigurationError(problem)
        elif not stat.S_ISREG(status.st_mode):
            raise ConfigurationError(f"{real} is not a regular file, as a state file must be; say another --state")
        elif status.st_nlink > 1:
            problem = f"the state file {real} has {status.st_nlink} names (hard links), and only one would be replaced"
            raise ConfigurationError(f"{problem}: remove the others, or use a symbolic link")
        return cls(real)

    def exists(self) -> bool:
        """Return whether the file exists."""
        return self.path.exists()

    def read(self) -> str:
        """Return the file's text.

        Raises:
            FileNotFoundError: There is no such file.
            StateFileError: The file can't be read.
        """
        try:
            with os.fdopen(os.open(self.path, os.O_RDONLY | _OPEN), encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            raise
        except (OSError, UnicodeDecodeError) as error:
            raise StateFileError(f"the state file {self.path} can't be read: {error}") from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the file's lock.

        Raises:
            StateFileError: Another run holds it for too long, or the lock file can't be used.
        """
        name = self.path.with_name(f"{self.path.name}.lock")
        try:
            descriptor = os.open(name, os.O_RDONLY | os.O_CREAT | _OPEN, 0o666)
        except OSError as error:
            raise StateFileError(f"{self._unwritable}: its lock can't be opened: {error}") from error
        with os.fdopen(descriptor, "rb"):
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise StateFileError(f"{self._unwritable}: its lock {name} is not a regular file, so remove that")
            try:
                _wait_for_lock(descriptor, name)
            except OSError as error:
                raise StateFileError(f"{self._unwritable}: its lock {name} can't be taken: {error}") from error
            yield

    def replace(self, text: str) -> None:
        """Replace the file's text; it keeps its mode, and its owner where this user may set one.

        After a crash the file is the old one or the new one, whole.

        Raises:
            StateFileError: The file can't be written.
        """
        try:
            file = tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=self.path.parent, delete=False)  # noqa: SIM115
            with file, _removed_on_error(Path(file.name)):
                file.write(text)
                file.flush()
                self._copy_rights(file.fileno())
                os.fsync(file.fileno())
                Path(file.name).replace(self.path)
            _sync_directory(self.path.parent)
        except OSError as error:
            raise StateFileError(f"{self._unwritable}: {error}") from error

    @property
    def _unwritable(self) -> str:
        return f"the state file {self.path} can't be written"

    def _copy_rights(self, descriptor: int) -> None:
        try:
            old = self.path.stat()
        except FileNotFoundError:
            os.fchmod(descriptor, _NEW_MODE)
            return
        with suppress(PermissionError):  # only root may give a file away; the mode then decides who reads it
            os.fchown(descriptor, old.st_uid, old.st_gid)
        os.fchmod(descriptor, stat.S_IMODE(old.st_mode))


def _wait_for_lock(descriptor: int, name: Path) -> None:
    deadline = monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if monotonic() > deadline:
                raise StateFileError(f"another run has held {name} locked for {_LOCK_SECONDS:.0f} s") from error
            sleep(0.05)
        else:
            return


@contextmanager
def _removed_on_error(path: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:  # an interrupt, too, must not leave a file that nobody reads
        path.unlink(missing_ok=True)
        raise


def _sync_directory(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
