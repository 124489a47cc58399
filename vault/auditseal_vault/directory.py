"""A vault in a directory: atomic, durable and tamper-evident, but not WORM, since its owner may delete files."""

import errno
import os
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import islice
from pathlib import Path

from auditseal_schemas.errors import UnavailableError, quoted
from auditseal_schemas.limits import MAX_OBJECT_BYTES
from auditseal_vault.bulk_reader import read_each
from auditseal_vault.concurrent_calls import call_for_each
from auditseal_vault.directory_tree import STAGING, check_way, open_file, walk
from auditseal_vault.encryption import Encryption
from auditseal_vault.errors import AlreadyStoredError, RefusedObjectError, UnreadableObjectError
from auditseal_vault.interface import NewObject, ReadOutcome, Retention, StoredVersion

_READ_ONLY = 0o444
_DENIED = {errno.EACCES, errno.EPERM}
_NOT_A_DIRECTORY = {errno.ELOOP, errno.ENOTDIR}  # a link, a file
_STALE_SECONDS = 3600.0  # a put takes some seconds; one that was suspended for longer fails, and is repeated


class DirectoryVault:
    """Objects as files below `root`; each has one version, without a name of its own and without a lock."""

    def __init__(self, root: Path) -> None:
        """Take the directory, which must be there: one that is missing may be a disk that isn't mounted."""
        self._root = root.absolute()

    def check_root(self) -> None:
        """Check that the directory is there.

        Raises:
            UnavailableError: It isn't: without its disk, a vault would look stolen, or begin again.
        """
        if not self._root.is_dir():
            raise UnavailableError(f"{self._root} is no directory that can be read: is it mounted, is the path right?")

    @property
    def url(self) -> str:
        """The vault's URL."""
        return self._root.as_uri()

    @property
    def enforces_worm(self) -> bool:
        """False: the owner of a file can change it."""
        return False

    def versions(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[StoredVersion]:
        """Yield every file, and every entry that isn't one and shouldn't be there; see `VaultReader`.

        Such an entry is a link, FIFO, socket or device; a directory at a block's key; or an empty directory below a
        log's, other than `blocks`. None of them can be read.
        """
        try:
            self.check_root()
            if "/" in prefix:
                self._path(prefix.rpartition("/")[0])
            check_way(self._root, prefix)
            for key in islice(walk(self._root, prefix, after), limit):
                yield self._entry(key)
        except OSError as error:
            raise UnavailableError(f"{self.url} can't be listed: {error}") from error

    def versions_of(self, key: str) -> Sequence[StoredVersion]:
        """Return the one entry of a key; see `VaultReader`."""
        self._path(key)
        try:
            self.check_root()
            check_way(self._root, key)
            return (self._entry(key),)
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise UnavailableError(f"{self.url} can't be asked for {key}: {error}") from error

    def holds(self, key: str) -> bool:
        """Return whether a file exists; see `VaultReader`."""
        try:
            self.check_root()
            return self._path(key).is_file()
        except OSError as error:
            raise UnavailableError(f"{self.url} can't be asked for {key}: {error}") from error

    def read(self, key: str, version_id: str = "") -> bytes:
        """Return a file's content; see `VaultReader`. Nothing but a regular file is opened for reading."""
        if version_id:
            raise UnavailableError(f"{self.url} has no versions, and none that is called {quoted(version_id)}")
        path = self._path(key)
        try:
            with os.fdopen(open_file(self._root, key), "rb") as file:
                return file.read(MAX_OBJECT_BYTES + 1)
        except OSError as error:
            self.check_root()
            if error.errno in _NOT_A_DIRECTORY:
                raise UnreadableObjectError(f"{path} is behind a link or a file, where no block is: {error}") from error
            if error.errno in _DENIED:
                raise RefusedObjectError(f"{path} can't be read: may this user read it? {error}") from error
            raise UnavailableError(f"{path} can't be read: {error}") from error

    def read_many(self, versions: Iterable[StoredVersion]) -> Iterator[ReadOutcome]:
        """Yield what reading each file gives; see `VaultReader`."""
        return read_each(self, versions)

    def retention(self, key: str, version_id: str) -> Retention | None:  # noqa: ARG002  (the interface's)
        """Return None: a directory has no locks."""
        return None

    def encryption(self, key: str, version_id: str) -> Encryption | None:  # noqa: ARG002  (the interface's)
        """Return None: a directory encrypts nothing, and its file system doesn't say."""
        return None

    def legal_hold(self, key: str, version_id: str) -> bool:  # noqa: ARG002  (the interface's)
        """Return False: a directory has no holds."""
        return False

    def put(self, key: str, data: bytes, retain_until: datetime) -> None:  # noqa: ARG002  (the interface's)
        """Store a new file; see `Vault`. The name appears with all of the content or not at all.

        Files that killed puts left behind are removed once they are an hour old.
        """
        path, staging = self._path(key), self._root / STAGING
        try:
            self.check_root()
            check_way(self._root, key)
            _make_durably(path.parent)
            _make_durably(staging)
            _sweep(staging)
            with tempfile.NamedTemporaryFile(dir=staging) as file:
                file.write(data)
                file.flush()
                os.fchmod(file.fileno(), _READ_ONLY)
                os.fsync(file.fileno())
                _link_new(Path(file.name), path)
            _sync(path.parent)
        except OSError as error:
            raise UnavailableError(f"{path} can't be stored: {error}") from error

    def put_many(self, objects: Iterable[NewObject]) -> None:
        """Store new files, some at once, since each waits for the disk; see `Vault`."""
        call_for_each(self._put_missing, objects)

    def extend_lock(self, key: str, version_id: str, retain_until: datetime) -> None:
        """Do nothing: a directory has no locks."""

    def _put_missing(self, new: NewObject) -> None:
        with suppress(AlreadyStoredError):
            self.put(new.key, new.data, new.retain_until)

    def _entry(self, key: str) -> StoredVersion:
        status = os.lstat(self._root / key)
        size = status.st_size if stat.S_ISREG(status.st_mode) else 0
        return StoredVersion(key, "", is_latest=True, is_delete_marker=False, size=size)

    def _path(self, key: str) -> Path:
        parts = key.split("/")
        if any(part in {"", ".", "..", STAGING} or "\0" in part for part in parts):
            raise UnavailableError(f"{quoted(key)} is not a key of a vault")
        return self._root.joinpath(*parts)


def _link_new(source: Path, path: Path) -> None:
    """Give a file its name, which, unlike with a rename, replaces nothing."""
    try:
        path.hardlink_to(source)
    except FileExistsError as error:
        raise AlreadyStoredError(f"{path} exists") from error


def _sweep(staging: Path) -> None:
    """Remove the files that no living put can still be writing."""
    oldest = time.time() - _STALE_SECONDS
    for path in staging.iterdir():
        with suppress(FileNotFoundError):  # another writer's put ended, or it sweeps too
            if path.lstat().st_mtime < oldest:
                path.unlink()


def _make_durably(folder: Path) -> None:
    """Make a folder and its missing parents, each one's name on disk before anything is put into it."""
    if folder.is_dir():
        return
    _make_durably(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync(folder.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
