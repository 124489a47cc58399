"""A vault in an S3 bucket with Object Lock. Its promises and their limits: docs/explanation/object-lock.md."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import quote

from botocore.exceptions import ClientError
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from auditseal_schemas.errors import UnavailableError, quoted
from auditseal_schemas.limits import MAX_OBJECT_BYTES
from auditseal_vault.errors import AlreadyStoredError
from auditseal_vault.interface import Retention, StoredVersion
from auditseal_vault.s3_client import Bucket, make_client, put_locked
from auditseal_vault.s3_errors import (
    BROKEN_ANSWER,
    CONFLICT,
    FORBIDDEN,
    NOT_FOUND,
    PRECONDITION_FAILED,
    S3_ERRORS,
    code_of,
    refused_read,
    status_of,
)

_ATTEMPTS = 4
_MOST_WORDS = 500
_PAGE = 1000  # the most that S3 lists at once
_NO_LOCK = {"NoSuchObjectLockConfiguration", "ObjectLockConfigurationNotFoundError"}


class S3Vault:
    """Objects in a bucket, each locked in COMPLIANCE mode."""

    def __init__(self, bucket: Bucket) -> None:
        """Take the bucket; nothing is sent before a method is called."""
        self.bucket = bucket
        self._client = make_client(bucket, _ATTEMPTS)

    @property
    def url(self) -> str:
        """The vault's URL."""
        query = [f"{name}={value}" for name in ("endpoint", "region") if (value := getattr(self.bucket, name))]
        return f"s3://{self.bucket.name}/{quote(self.bucket.prefix)}" + ("?" + "&".join(query) if query else "")

    @property
    def enforces_worm(self) -> bool:
        """True: the store promises it, and the drill holds it to that."""
        return True

    def versions(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[StoredVersion]:
        """Yield every version and marker; see `VaultReader`."""
        marker = {"KeyMarker": self.bucket.prefix + after} if after else {}
        remaining, last = limit, after
        while remaining is None or remaining > 0:
            with self.mapped_errors(f"{prefix}*"):
                page = self._client.list_object_versions(
                    Bucket=self.bucket.name,
                    Prefix=self.bucket.prefix + prefix,
                    MaxKeys=min(remaining or _PAGE, _PAGE),
                    **marker,
                )
                found, is_last, before = self._in_order(page), not page["IsTruncated"], marker
            self._check_order(found, prefix, after, last)
            yield from found[:remaining]
            if remaining is not None:
                remaining -= len(found)
            if is_last:
                return
            last = found[-1].key if found else last
            marker = {name: page[f"Next{name}"] for name in ("KeyMarker", "VersionIdMarker") if f"Next{name}" in page}
            if marker in ({}, before):
                raise UnavailableError(
                    f"{quoted(prefix)} in {self.url}: the store's listing continues without a place to continue from"
                )

    def holds(self, key: str) -> bool:
        """Return whether a key's latest version can be read; see `VaultReader`."""
        with self.mapped_errors(key):
            try:
                self._client.head_object(Bucket=self.bucket.name, Key=self.bucket.prefix + key)
            except ClientError as error:
                if status_of(error) in {FORBIDDEN, NOT_FOUND}:  # to whom may not ListBucket, S3 forbids what is absent
                    return False
                raise
        return True

    def read(self, key: str, version_id: str = "") -> bytes:
        """Return the content of a version; see `VaultReader`."""
        version = {"VersionId": version_id} if version_id else {}
        with self.mapped_errors(key):
            try:
                answer = self._client.get_object(Bucket=self.bucket.name, Key=self.bucket.prefix + key, **version)
            except ClientError as error:
                problem = self._problem(key, error)
                raise refused_read(problem, status_of(error), code_of(error), version_id) from error
            with answer["Body"] as body:
                content: bytes = body.read(MAX_OBJECT_BYTES + 1)
        wanted = min(answer["ContentLength"], MAX_OBJECT_BYTES + 1)
        if len(content) != wanted:
            raise UnavailableError(
                f"{key} in {self.url}: the store closed the connection after {len(content)} of {wanted} bytes"
            )
        return content

    def retention(self, key: str, version_id: str) -> Retention | None:
        """Return a version's lock; see `VaultReader`."""
        with self.mapped_errors(key):
            try:
                answer = self._client.get_object_retention(
                    Bucket=self.bucket.name, Key=self.bucket.prefix + key, VersionId=version_id
                )
            except ClientError as error:
                if code_of(error) in _NO_LOCK or (code_of(error) == "InvalidRequest" and "Lock" in str(error)):
                    return None
                raise
        lock = answer.get("Retention") or {}
        return Retention(lock["Mode"], lock["RetainUntilDate"]) if "Mode" in lock else None

    def put(self, key: str, data: bytes, retain_until: datetime) -> None:
        """Store a new object under lock; see `Vault`. A 412 after a timeout may be answering our own write."""
        attempts = Retrying(
            retry=retry_if_exception(lambda error: isinstance(error, ClientError) and status_of(error) == CONFLICT),
            wait=wait_random_exponential(multiplier=0.1, max=1),
            stop=stop_after_attempt(_ATTEMPTS),
            reraise=True,
        )
        with self.mapped_errors(key):
            try:
                attempts(put_locked, self._client, self.bucket.name, self.bucket.prefix + key, data, retain_until)
            except ClientError as error:
                if status_of(error) == PRECONDITION_FAILED:
                    raise AlreadyStoredError(f"{key} exists in {self.url}") from error
                raise

    def _in_order(self, page: dict[str, Any]) -> list[StoredVersion]:
        """Merge the versions and the markers of a page, which boto3 hands over apart."""
        entries = [(entry, False) for entry in page.get("Versions", ())]
        entries += [(entry, True) for entry in page.get("DeleteMarkers", ())]
        # Stable: where the store gives whole seconds only, versions stay in the store's order among themselves.
        entries.sort(key=lambda pair: (pair[0]["IsLatest"], pair[0]["LastModified"]), reverse=True)
        entries.sort(key=lambda pair: pair[0]["Key"].encode())
        start = len(self.bucket.prefix)
        return [
            StoredVersion(entry["Key"][start:], entry["VersionId"], entry["IsLatest"], is_marker, entry.get("Size", 0))
            for entry, is_marker in entries
        ]

    def _check_order(self, found: list[StoredVersion], prefix: str, after: str, last: str) -> None:
        """Check that a page continues the listing: a store that starts over would be listed forever."""
        for entry in found:
            if not entry.key.startswith(prefix) or entry.key == after or entry.key.encode() < last.encode():
                problem = f"the store lists {quoted(entry.key)}, which is not what was asked for, or out of order"
                raise UnavailableError(f"{quoted(prefix)} in {self.url}: {problem}")

    @contextmanager
    def mapped_errors(self, what: str) -> Iterator[None]:
        """Map errors; their texts may be the store's own."""
        try:
            yield
        except S3_ERRORS as error:
            raise UnavailableError(self._problem(what, error)) from error
        except BROKEN_ANSWER as error:
            problem = f"the store's answer is not one of S3's: {quoted(repr(error), _MOST_WORDS)}"
            raise UnavailableError(f"{what} in {self.url}: {problem}") from error

    def _problem(self, what: str, error: Exception) -> str:
        return f"{what} in {self.url}: {quoted(str(error), _MOST_WORDS)}"
