"""Where an index is kept: a directory, or a prefix in an S3 bucket. It needs no lock: it can be built again."""

import os
import shutil
import stat
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, BinaryIO, Protocol
from urllib.parse import unquote, urlsplit

from auditseal_schemas.errors import ConfigurationError, quoted
from auditseal_search.errors import IndexFileError


class IndexStore(Protocol):
    """Named files. A write is whole or doesn't happen, and a later one replaces an earlier one.

    All methods raise `IndexFileError` if the store is unreachable, full, or refuses.
    """

    @property
    def url(self) -> str:
        """The store's URL."""
        ...

    def read(self, name: str) -> bytes | None:
        """Return a file's content, None where there is no such file."""
        ...

    def fetch(self, name: str, path: Path) -> bool:
        """Copy a file to one of this machine, and return whether it is there; memory stays flat."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """Store a small file."""
        ...

    def store(self, name: str, path: Path) -> None:
        """Store a copy of a file of this machine."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file; one that is not there is removed already."""
        ...

    def names(self, prefix: str) -> list[str]:
        """Return the names of the files whose names begin with a prefix, sorted."""
        ...

    def location(self, name: str) -> str:
        """Return a file's place as DuckDB takes it: a path, or an `s3://` URL."""
        ...

    def secret(self) -> str | None:
        """Return what DuckDB's `CREATE SECRET` takes, so that it can read the files; None where it needs nothing."""
        ...


class DirectoryStore:
    """An index in a directory, which is made where it is missing."""

    def __init__(self, root: Path) -> None:
        """Take the directory."""
        self._root = root.absolute()

    @property
    def url(self) -> str:
        """The directory's URL."""
        return self._root.as_uri()

    def read(self, name: str) -> bytes | None:
        """Return a file's content; see `IndexStore`."""
        try:
            with self._open(name) as file:
                return file.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise IndexFileError(f"the index file {self._root / name} can't be read: {error.strerror}") from error

    def fetch(self, name: str, path: Path) -> bool:
        """Copy a file; see `IndexStore`."""
        try:
            with self._open(name) as source, path.open("wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise IndexFileError(f"the index file {self._root / name} can't be copied: {error.strerror}") from error
        return True

    def write(self, name: str, data: bytes) -> None:
        """Store a small file; see `IndexStore`. After a crash it is the old one or the new one."""
        self._replace(name, lambda file: file.write(data))

    def store(self, name: str, path: Path) -> None:
        """Store a copy of a file; see `IndexStore`."""

        def copy(file: Any) -> None:
            with path.open("rb") as source:
                while piece := source.read(1 << 20):
                    file.write(piece)

        self._replace(name, copy)

    def remove(self, name: str) -> None:
        """Remove a file; see `IndexStore`."""
        try:
            (self._root / name).unlink(missing_ok=True)
        except OSError as error:
            raise IndexFileError(f"the index file {self._root / name} can't be removed: {error.strerror}") from error

    def names(self, prefix: str) -> list[str]:
        """Return the files' names; see `IndexStore`."""
        found = (path.relative_to(self._root).as_posix() for path in self._root.rglob("*") if path.is_file())
        return sorted(name for name in found if name.startswith(prefix))

    def location(self, name: str) -> str:
        """Return a file's path."""
        return str(self._root / name)

    def secret(self) -> None:
        """Return None: DuckDB reads files as this process does."""

    def _open(self, name: str) -> BinaryIO:
        """Open a regular file: a FIFO would wait without end, and a device have none.

        Raises:
            IndexFileError: It is something else.
            OSError: It can't be opened.
        """
        path = self._root / name
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise IndexFileError(f"the index file {path} is not a regular file: remove it, and build the index again")
        return os.fdopen(descriptor, "rb")

    def _replace(self, name: str, fill: Any) -> None:
        path = self._root / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with NamedTemporaryFile(dir=path.parent, prefix=".new-", delete=False) as file:
                temporary = Path(file.name)
                try:
                    fill(file)
                    file.flush()
                    os.fsync(file.fileno())
                except BaseException:
                    temporary.unlink()
                    raise
            temporary.replace(path)
        except OSError as error:
            raise IndexFileError(f"the index file {path} can't be written: {error.strerror}") from error


def open_index(place: str) -> IndexStore:
    """Return the store of an index: a path, `file:///path`, or `s3://bucket/prefix?endpoint=…&region=…`.

    Raises:
        ConfigurationError: The text names none of them.
    """
    if place.startswith("s3://"):
        from auditseal_search.bucket_store import BucketStore  # noqa: PLC0415  (boto3 takes 0.3 s and 20 MB)

        return BucketStore.at(place)
    if not place.startswith("file://"):
        return DirectoryStore(Path(place))
    parts = urlsplit(place)
    if parts.netloc or parts.query or parts.fragment:
        raise ConfigurationError(f"{quoted(place)} does not name an index: write a path, or s3://bucket/prefix")
    return DirectoryStore(Path(unquote(parts.path)))
