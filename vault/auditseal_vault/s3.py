"""A vault in an S3 bucket with Object Lock. Its promises and their limits: docs/explanation/object-lock.md."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import takewhile
from urllib.parse import quote

from botocore.exceptions import ClientError
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from auditseal_schemas.errors import UnavailableError, quoted
from auditseal_schemas.limits import MAX_OBJECT_BYTES
from auditseal_vault.encryption import Encryption, answered_encryption, check_encryption
from auditseal_vault.errors import AlreadyStoredError, HoldRefusedError
from auditseal_vault.interface import NewObject, ReadOutcome, Retention, StoredVersion
from auditseal_vault.s3_bulk import read_in_bulk
from auditseal_vault.s3_bulk_write import write_in_bulk
from auditseal_vault.s3_client import Bucket, S3Client
from auditseal_vault.s3_errors import (
    ABSENT,
    BROKEN_ANSWER,
    CONFLICT,
    DENIED,
    FORBIDDEN,
    NOT_FOUND,
    PRECONDITION_FAILED,
    S3_ERRORS,
    code_of,
    refused_read,
    status_of,
)
from auditseal_vault.s3_listing import ListingError, list_versions
from auditseal_vault.s3_write import locked_write

_ATTEMPTS = 4
_MOST_WORDS = 500
_NO_LOCK = {"NoSuchObjectLockConfiguration", "ObjectLockConfigurationNotFoundError"}
_NO_ANSWER = {DENIED, "MethodNotAllowed", "NotImplemented"}
"""This reader may not see holds, or the store doesn't have them."""
_HOLD_REFUSALS = {
    DENIED: "the store refuses to set the legal hold: use credentials with s3:PutObjectLegalHold on it",
    **dict.fromkeys(ABSENT, "the store does not have this version: run auditseal verify"),
}


class S3Vault:
    """Objects in a bucket, each locked in COMPLIANCE mode.

    Attributes:
        bucket: The place.
        asked_encryption: The encryption at rest that each write asks for; None for the bucket's default.
    """

    def __init__(self, bucket: Bucket, asked_encryption: Encryption | None = None) -> None:
        """Take the bucket; nothing is sent before a method is called."""
        self.bucket, self.asked_encryption = bucket, asked_encryption
        self._client = S3Client(bucket, _ATTEMPTS)

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
        above = self.bucket.prefix
        list_page = partial(self._client.call, "list_object_versions")
        with self.mapped_errors(f"{prefix}*"):
            for entry in list_versions(list_page, above + prefix, above + after if after else "", limit):
                yield replace(entry, key=entry.key[len(above) :]) if above else entry

    def versions_of(self, key: str) -> Sequence[StoredVersion]:
        """Return every version and marker of a key; see `VaultReader`."""
        return tuple(takewhile(lambda entry: entry.key == key, self.versions(key)))

    def holds(self, key: str) -> bool:
        """Return whether a key's latest version can be read; see `VaultReader`."""
        with self.mapped_errors(key):
            try:
                self._client.call("head_object", Key=self.bucket.prefix + key)
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
                answer = self._client.call("get_object", Key=self.bucket.prefix + key, **version)
            except ClientError as error:
                problem = self._problem(key, error)
                raise refused_read(problem, code_of(error), version_id) from error
            with answer["Body"] as body:
                content: bytes = body.read(MAX_OBJECT_BYTES + 1)
        wanted = min(answer["ContentLength"], MAX_OBJECT_BYTES + 1)
        if len(content) != wanted:
            raise UnavailableError(
                f"{key} in {self.url}: the store closed the connection after {len(content)} of {wanted} bytes"
            )
        return content

    def read_many(self, versions: Iterable[StoredVersion]) -> Iterator[ReadOutcome]:
        """Yield what reading each version gives, with one request each; see `VaultReader`."""
        with self.mapped_errors("reading objects"):
            yield from read_in_bulk(self, self._client, self.bucket.prefix, versions)

    def retention(self, key: str, version_id: str) -> Retention | None:
        """Return a version's lock; see `VaultReader`."""
        with self.mapped_errors(key):
            try:
                answer = self._client.call("get_object_retention", Key=self.bucket.prefix + key, VersionId=version_id)
            except ClientError as error:
                if _is_without_locks(error):
                    return None
                raise
        lock = answer.get("Retention") or {}
        return Retention(lock["Mode"], lock["RetainUntilDate"]) if "Mode" in lock else None

    def encryption(self, key: str, version_id: str) -> Encryption | None:
        """Return how a version is encrypted at rest, as the store says; see `VaultReader`."""
        version = {"VersionId": version_id} if version_id else {}
        with self.mapped_errors(key):
            return answered_encryption(self._client.call("head_object", Key=self.bucket.prefix + key, **version))

    def legal_hold(self, key: str, version_id: str) -> bool | None:
        """Return whether a version is under a legal hold; see `VaultReader`. One that was deleted is under none."""
        with self.mapped_errors(key):
            try:
                answer = self._client.call("get_object_legal_hold", Key=self.bucket.prefix + key, VersionId=version_id)
            except ClientError as error:
                if code_of(error) in _NO_ANSWER:
                    return None
                if _is_without_locks(error) or code_of(error) in ABSENT:
                    return False
                raise
        return bool(answer["LegalHold"]["Status"] == "ON")

    def set_legal_hold(self, key: str, version_id: str, *, held: bool) -> None:
        """Put a version under a legal hold, or lift it. The version's retention stays as it is.

        Raises:
            HoldRefusedError: The credentials may not do this, or the store does not have the version.
            UnavailableError: The store refused, or is unreachable.
        """
        hold = {"Status": "ON" if held else "OFF"}
        with self.mapped_errors(key):
            try:
                self._client.call(
                    "put_object_legal_hold", Key=self.bucket.prefix + key, VersionId=version_id, LegalHold=hold
                )
            except ClientError as error:
                if what := _HOLD_REFUSALS.get(code_of(error)):
                    raise HoldRefusedError(f"{key}, version {version_id}, in {self.url}: {what}") from error
                raise

    def put(self, key: str, data: bytes, retain_until: datetime) -> None:
        """Store a new object under lock; see `Vault`. A 412 after a timeout may be answering our own write."""
        attempts = Retrying(
            retry=retry_if_exception(lambda error: isinstance(error, ClientError) and status_of(error) == CONFLICT),
            wait=wait_random_exponential(multiplier=0.1, max=1),
            stop=stop_after_attempt(_ATTEMPTS),
            reraise=True,
        )
        write = locked_write(self.bucket.prefix + key, data, retain_until, self.asked_encryption)
        with self.mapped_errors(key):
            try:
                answer = attempts(self._client.call, "put_object", **write)
            except ClientError as error:
                if status_of(error) == PRECONDITION_FAILED:
                    raise AlreadyStoredError(f"{key} exists in {self.url}") from error
                raise
        check_encryption(self.asked_encryption, answered_encryption(answer), f"{key} in {self.url}")

    def put_many(self, objects: Iterable[NewObject]) -> None:
        """Store new objects, with one request each; see `Vault`."""
        with self.mapped_errors("writing objects"):
            write_in_bulk(self, self._client, self.bucket.prefix, objects, self.asked_encryption)

    def extend_lock(self, key: str, version_id: str, retain_until: datetime) -> None:
        """Lock a version in COMPLIANCE mode until a later time. The store refuses a time that is not later.

        Raises:
            UnavailableError: The store refused, or is unreachable.
        """
        lock = {"Mode": "COMPLIANCE", "RetainUntilDate": retain_until}
        with self.mapped_errors(key):
            self._client.call(
                "put_object_retention", Key=self.bucket.prefix + key, VersionId=version_id, Retention=lock
            )

    @contextmanager
    def mapped_errors(self, what: str) -> Iterator[None]:
        """Map errors; their texts may be the store's own."""
        try:
            yield
        except S3_ERRORS as error:
            raise UnavailableError(self._problem(what, error)) from error
        except ListingError as error:
            raise UnavailableError(f"{what} in {self.url}: {error}") from error
        except BROKEN_ANSWER as error:
            problem = f"the store's answer is not one of S3's: {quoted(repr(error), _MOST_WORDS)}"
            raise UnavailableError(f"{what} in {self.url}: {problem}") from error

    def _problem(self, what: str, error: Exception) -> str:
        return f"{what} in {self.url}: {quoted(str(error), _MOST_WORDS)}"


def _is_without_locks(error: ClientError) -> bool:
    """Return whether the store says that an object has no lock, or that its bucket has no Object Lock."""
    return code_of(error) in _NO_LOCK or (code_of(error) == "InvalidRequest" and "Lock" in str(error))
