"""Where an index is kept: a directory, or a prefix in an S3 bucket. It needs no lock: it can be built again."""

import os
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from auditseal_schemas.errors import ConfigurationError, UnavailableError, quoted
from auditseal_vault.open import open_vault
from auditseal_vault.s3 import S3Vault
from auditseal_vault.s3_client import Bucket
from auditseal_vault.s3_errors import NOT_FOUND, S3_ERRORS, status_of

_ATTEMPTS = 4


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
            return (self._root / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UnavailableError(f"the index file {self._root / name} can't be read: {error.strerror}") from error

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
    """An index below a prefix of an S3 bucket."""

    def __init__(self, bucket: Bucket) -> None:
        """Take the bucket; nothing is sent before a method is called."""
        self.bucket = bucket
        # Not the vault's client, whose bounds are those of blocks: a segment has some 50 MiB.
        config = Config(
            retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={"addressing_style": "path"} if bucket.endpoint else {},
        )
        self._client = boto3.client("s3", endpoint_url=bucket.endpoint, region_name=bucket.region, config=config)

    @property
    def url(self) -> str:
        """The prefix's URL."""
        return f"s3://{self.bucket.name}/{self.bucket.prefix}"

    def read(self, name: str) -> bytes | None:
        """Return an object's content; see `IndexStore`."""
        try:
            answer = self._client.get_object(Bucket=self.bucket.name, Key=self.bucket.prefix + name)
            content: bytes = answer["Body"].read()
        except ClientError as error:
            if status_of(error) == NOT_FOUND:
                return None
            raise self._unavailable(name, error) from error
        except S3_ERRORS as error:
            raise self._unavailable(name, error) from error
        return content

    def write(self, name: str, data: bytes) -> None:
        """Store a small object; see `IndexStore`."""
        try:
            self._client.put_object(Bucket=self.bucket.name, Key=self.bucket.prefix + name, Body=data)
        except S3_ERRORS as error:
            raise self._unavailable(name, error) from error

    def store(self, name: str, path: Path) -> None:
        """Store a copy of a file, in parts where it is large; see `IndexStore`."""
        try:
            self._client.upload_file(str(path), self.bucket.name, self.bucket.prefix + name)
        except S3_ERRORS as error:
            raise self._unavailable(name, error) from error

    def remove(self, name: str) -> None:
        """Remove an object; see `IndexStore`."""
        try:
            self._client.delete_object(Bucket=self.bucket.name, Key=self.bucket.prefix + name)
        except S3_ERRORS as error:
            raise self._unavailable(name, error) from error

    def names(self, prefix: str) -> list[str]:
        """Return the objects' names; see `IndexStore`."""
        pages = self._client.get_paginator("list_objects_v2")
        start = len(self.bucket.prefix)
        try:
            return [
                entry["Key"][start:]
                for page in pages.paginate(Bucket=self.bucket.name, Prefix=self.bucket.prefix + prefix)
                for entry in page.get("Contents", ())
            ]
        except S3_ERRORS as error:
            raise self._unavailable(prefix, error) from error

    def location(self, name: str) -> str:
        """Return an object's `s3://` URL."""
        return f"s3://{self.bucket.name}/{self.bucket.prefix}{name}"

    def _unavailable(self, name: str, error: Exception) -> UnavailableError:
        return UnavailableError(f"the index file {name} in {self.url}: {quoted(str(error), 500)}")


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
