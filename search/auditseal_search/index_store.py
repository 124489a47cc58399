"""Where an index is kept: a directory, or a prefix in an S3 bucket. It needs no lock: it can be built again."""

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, BinaryIO, Protocol, TypeVar
from urllib.parse import unquote, urlsplit

import boto3
from boto3.exceptions import S3UploadFailedError
from botocore.config import Config
from botocore.exceptions import ClientError, CredentialRetrievalError, NoCredentialsError
from botocore.session import Session

from auditseal_schemas.errors import ConfigurationError, UnavailableError, quoted
from auditseal_search.errors import MissingFileError
from auditseal_vault.open import open_vault
from auditseal_vault.s3 import S3Vault
from auditseal_vault.s3_client import Bucket, concerns_credentials
from auditseal_vault.s3_errors import NOT_FOUND, S3_ERRORS, status_of

_ATTEMPTS = 4
Result = TypeVar("Result")


class IndexStore(Protocol):
    """Named files. A write is whole or doesn't happen, and a later one replaces an earlier one.

    All methods raise `UnavailableError` if the store is unreachable, full, or refuses.
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
            raise UnavailableError(f"the index file {self._root / name} can't be read: {error.strerror}") from error

    def fetch(self, name: str, path: Path) -> bool:
        """Copy a file; see `IndexStore`."""
        try:
            with self._open(name) as source, path.open("wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise UnavailableError(f"the index file {self._root / name} can't be copied: {error.strerror}") from error
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
            raise UnavailableError(f"the index file {self._root / name} can't be removed: {error.strerror}") from error

    def names(self, prefix: str) -> list[str]:
        """Return the files' names; see `IndexStore`."""
        found = (path.relative_to(self._root).as_posix() for path in self._root.rglob("*") if path.is_file())
        return sorted(name for name in found if name.startswith(prefix))

    def location(self, name: str) -> str:
        """Return a file's path."""
        return str(self._root / name)

    def _open(self, name: str) -> BinaryIO:
        """Open a regular file: a FIFO would wait without end, and a device have none.

        Raises:
            UnavailableError: It is something else.
            OSError: It can't be opened.
        """
        path = self._root / name
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise UnavailableError(f"the index file {path} is not a regular file: remove it, and build the index again")
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
            raise UnavailableError(f"the index file {path} can't be written: {error.strerror}") from error


class BucketStore:
    """An index below a prefix of an S3 bucket. Where the credentials are refused, a new client looks for others.

    Attributes:
        bucket: The bucket and the prefix.
    """

    def __init__(self, bucket: Bucket) -> None:
        """Take the bucket; nothing is sent before a method is called."""
        self.bucket = bucket
        self._client = self._connect()

    @property
    def url(self) -> str:
        """The prefix's URL."""
        return f"s3://{self.bucket.name}/{self.bucket.prefix}"

    def read(self, name: str) -> bytes | None:
        """Return an object's content; see `IndexStore`."""

        def read(client: Any) -> bytes:
            content: bytes = client.get_object(**self._object(name))["Body"].read()
            return content

        try:
            return self._call(name, read)
        except MissingFileError:
            return None

    def fetch(self, name: str, path: Path) -> bool:
        """Copy an object; see `IndexStore`."""
        place = self._object(name)
        try:
            self._call(name, lambda client: client.download_file(place["Bucket"], place["Key"], str(path)))
        except MissingFileError:
            return False
        return True

    def write(self, name: str, data: bytes) -> None:
        """Store a small object; see `IndexStore`."""
        self._call(name, lambda client: client.put_object(**self._object(name), Body=data))

    def store(self, name: str, path: Path) -> None:
        """Store a copy of a file, in parts where it is large; see `IndexStore`."""
        place = self._object(name)
        self._call(name, lambda client: client.upload_file(str(path), place["Bucket"], place["Key"]))

    def remove(self, name: str) -> None:
        """Remove an object; see `IndexStore`."""
        self._call(name, lambda client: client.delete_object(**self._object(name)))

    def names(self, prefix: str) -> list[str]:
        """Return the objects' names; see `IndexStore`."""
        start, place = len(self.bucket.prefix), self._object(prefix)

        def listed(client: Any) -> list[str]:
            pages = client.get_paginator("list_objects_v2").paginate(Bucket=place["Bucket"], Prefix=place["Key"])
            return [entry["Key"][start:] for page in pages for entry in page.get("Contents", ())]

        return self._call(prefix, listed)

    def location(self, name: str) -> str:
        """Return an object's `s3://` URL."""
        return f"{self.url}{name}"

    def _object(self, name: str) -> dict[str, str]:
        return {"Bucket": self.bucket.name, "Key": self.bucket.prefix + name}

    def _connect(self) -> Any:
        """Return a client with the credentials that boto3's chain has now.

        It is not the vault's client, whose bounds are those of blocks: a segment has some 50 MiB.
        """
        config = Config(
            retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={"addressing_style": "path"} if self.bucket.endpoint else {},
        )
        session = boto3.Session(botocore_session=Session())
        return session.client("s3", endpoint_url=self.bucket.endpoint, region_name=self.bucket.region, config=config)

    def _call(self, name: str, call: Callable[[Any], Result]) -> Result:
        """Call the client; once more, with a new one, where the credentials are refused.

        Raises:
            MissingFileError: There is no such object.
            UnavailableError: The store refused, or is unreachable.
        """
        try:
            try:
                return call(self._client)
            except (ClientError, CredentialRetrievalError, NoCredentialsError, S3UploadFailedError) as error:
                if not concerns_credentials(_cause(error)):
                    raise
                self._client = self._connect()
                return call(self._client)
        except (*S3_ERRORS, S3UploadFailedError) as error:
            is_missing = isinstance(error, ClientError) and status_of(error) == NOT_FOUND
            problem = f"the index file {name} in {self.url}: {quoted(str(error), 500)}"
            raise (MissingFileError if is_missing else UnavailableError)(problem) from error


def _cause(error: Exception) -> Exception:
    """Return the store's answer behind a failed upload."""
    return error.__context__ if isinstance(error, S3UploadFailedError) and error.__context__ else error


def open_index(place: str) -> IndexStore:
    """Return the store of an index: a path, `file:///path`, or `s3://bucket/prefix?endpoint=…&region=…`.

    Raises:
        ConfigurationError: The text names none of them.
    """
    if place.startswith("s3://"):
        vault = open_vault(place)
        assert isinstance(vault, S3Vault)
        return BucketStore(vault.bucket)
    if not place.startswith("file://"):
        return DirectoryStore(Path(place))
    parts = urlsplit(place)
    if parts.netloc or parts.query or parts.fragment:
        raise ConfigurationError(f"{quoted(place)} does not name an index: write a path, or s3://bucket/prefix")
    return DirectoryStore(Path(unquote(parts.path)))
