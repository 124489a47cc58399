"""The WORM drill: attack a canary the way an attacker with every permission would, and refuse a store that gives way.

Its canaries are under `v1-drill/`, next to the blocks' `v1/` and never among them, each under a name drawn at random.
They stay: nothing can delete them before their short lock ends, and afterwards nobody needs to.
"""

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from auditseal_schemas.halt import Halt, HaltError
from auditseal_vault.encryption import Encryption, answered_encryption, check_encryption
from auditseal_vault.interface import VaultReader
from auditseal_vault.s3 import S3Vault
from auditseal_vault.s3_client import Bucket, S3Client
from auditseal_vault.s3_errors import (
    CONFLICT,
    CREDENTIALS_REFUSED,
    DENIED,
    NOT_FOUND,
    PRECONDITION_FAILED,
    code_of,
    concerns_kms,
    status_of,
)
from auditseal_vault.s3_write import locked_write

CANARY_PREFIX = "v1-drill/"
RETENTION = timedelta(minutes=10)
"""Of a canary: short, and still longer than the store's clock may lead ours."""
WRITERS = 32
"""Conditional writes of one key at once, of which one must succeed."""

_REFUSAL = range(400, 500)
_NOT_LET_IN = CREDENTIALS_REFUSED | {DENIED, "NoSuchBucket"}
"""What besides says nothing of locks when the canary is to be stored."""


def drill(vault: VaultReader) -> Encryption | None:
    """Attack a vault's store; return how it encrypts at rest, by its own word, where it withstood everything.

    A vault that enforces no WORM isn't attacked, and encrypts nothing.

    Raises:
        HaltError: WORM_REFUSED; the store failed the step that the error names. NOT_ENCRYPTED; it does not encrypt the
            canary as the vault's writes ask for.
        UnavailableError: The store is unreachable; nothing is known about its locks.
    """
    if isinstance(vault, S3Vault):
        with vault.mapped_errors("the drill"):
            return drill_bucket(S3Client(vault.bucket, attempts=1).boto3, vault.bucket, vault.asked_encryption)
    return None


def drill_bucket(client: Any, bucket: Bucket, asked: Encryption | None = None) -> Encryption | None:
    """Run every step against a bucket; return how a canary is encrypted where the store withstood all of them.

    Args:
        client: A client that repeats nothing: a repeated write would be refused by its own first attempt.
        bucket: Where the canaries go.
        asked: The encryption at rest that the canaries ask for, as the vault's writes do.

    Raises:
        HaltError: WORM_REFUSED; it names the step that the store failed, and what that step asks of it. NOT_ENCRYPTED.
        ClientError, BotoCoreError: The store is unreachable, answered with a 5xx, or knows neither us nor the bucket:
            nothing is known about its locks.
    """
    canary = _Canary(client, bucket, asked)
    canary.store()
    encryption = canary.check_encryption()
    canary.withstand()
    canary.show_lock()
    _race(client, bucket)
    return encryption


class _Canary:
    """One locked object, and all that must not be possible to it."""

    def __init__(self, client: Any, bucket: Bucket, asked: Encryption | None) -> None:
        self._client, self._bucket, self._asked = client, bucket.name, asked
        self._key = f"{bucket.prefix}{CANARY_PREFIX}{secrets.token_hex(16)}"
        self._until = (datetime.now(UTC) + RETENTION).replace(microsecond=0)
        self._content = secrets.token_bytes(64)
        self._version, self._stored = "", dict[str, Any]()

    def store(self) -> None:
        """Store the canary, and look at its lock."""
        try:
            self._stored = self._put(self._content)
        except ClientError as error:
            code = code_of(error)
            if status_of(error) in _REFUSAL and code not in _NOT_LET_IN and not concerns_kms(code):
                self._check_bucket()
                raise _failed("locked write", f"a locked conditional write is refused: {error}") from error
            raise
        (stored,) = self._versions() or (None,)
        if stored is None or stored["VersionId"] in {"", "null"}:
            raise _failed("versioning", "the object has no version: the bucket isn't versioned, so nothing is locked")
        self._version = stored["VersionId"]
        self._check_lock("locked write")

    def check_encryption(self) -> Encryption | None:
        """Return how the store says that it encrypted the canary, in the answer to the write and when asked again."""
        shown = answered_encryption(self._head())
        for answered in (answered_encryption(self._stored), shown):
            check_encryption(self._asked, answered, f"the drill's {self._key} in {self._bucket}")
        return shown

    def _check_bucket(self) -> None:
        """Report a missing bucket as one: some stores look for its lock configuration first, and miss that."""
        try:
            self._client.head_bucket(Bucket=self._bucket)
        except ClientError as error:
            if status_of(error) == NOT_FOUND:
                raise

    def withstand(self) -> None:
        """Try to overwrite, delete, shorten and downgrade; then see that nothing came of it."""
        sooner = self._until - RETENTION / 2
        of_version = {"Bucket": self._bucket, "Key": self._key, "VersionId": self._version}
        retain, delete = self._client.put_object_retention, self._client.delete_object
        bypass = {"BypassGovernanceRetention": True}
        shortened = {"Mode": "COMPLIANCE", "RetainUntilDate": sooner}
        downgraded = {"Mode": "GOVERNANCE", "RetainUntilDate": self._until}
        attacks: tuple[tuple[str, Callable[[], object]], ...] = (
            ("overwrite", lambda: self._put(b"other")),
            ("delete", lambda: delete(**of_version)),
            ("delete with bypass", lambda: delete(**of_version, **bypass)),
            ("shorten", lambda: retain(**of_version, Retention=shortened)),
            ("shorten with bypass", lambda: retain(**of_version, Retention=shortened, **bypass)),
            ("downgrade", lambda: retain(**of_version, Retention=downgraded)),
            ("downgrade with bypass", lambda: retain(**of_version, Retention=downgraded, **bypass)),
        )
        for step, attack in attacks:
            _must_be_refused(step, attack)
            self._check_unharmed(step)

    def _check_unharmed(self, step: str) -> None:
        """Check that the canary is there, alone, with its content and its lock: a refusal may be a mere word."""
        versions = self._versions()
        if [version["VersionId"] for version in versions] != [self._version]:
            raise _failed(step, f"refused, and yet the key has {len(versions)} versions and markers instead of its one")
        answer = self._client.get_object(Bucket=self._bucket, Key=self._key, VersionId=self._version)
        with answer["Body"] as body:
            if body.read(len(self._content) + 1) != self._content:
                raise _failed(step, "refused, and yet the content has changed")
        self._check_lock(step)

    def _check_lock(self, step: str) -> None:
        head = self._head()
        mode, until = head.get("ObjectLockMode"), head.get("ObjectLockRetainUntilDate")
        if mode != "COMPLIANCE" or until is None or until < self._until:
            raise _failed(step, f"the lock is {mode} until {until}, and should be COMPLIANCE until {self._until}")

    def show_lock(self) -> None:
        """Ask for the lock as auditors do."""
        try:
            answer = self._client.get_object_retention(Bucket=self._bucket, Key=self._key, VersionId=self._version)
        except ClientError as error:
            if status_of(error) in _REFUSAL:
                raise _failed("show the lock", f"auditors can't see it: {error}") from error
            raise
        if answer["Retention"] != {"Mode": "COMPLIANCE", "RetainUntilDate": self._until}:
            raise _failed("show the lock", f"it is shown as {answer['Retention']}")

    def _put(self, content: bytes) -> dict[str, Any]:
        write = locked_write(self._key, content, self._until, self._asked)
        answer: dict[str, Any] = self._client.put_object(Bucket=self._bucket, **write)
        return answer

    def _head(self) -> dict[str, Any]:
        answer: dict[str, Any] = self._client.head_object(Bucket=self._bucket, Key=self._key, VersionId=self._version)
        return answer

    def _versions(self) -> list[dict[str, Any]]:
        answer = self._client.list_object_versions(Bucket=self._bucket, Prefix=self._key)
        return [*answer.get("Versions", ()), *answer.get("DeleteMarkers", ())]


def _race(client: Any, bucket: Bucket) -> None:
    """Let many writers create one key at once, each with its own content: one must succeed, and be what is stored."""
    key = f"{bucket.prefix}{CANARY_PREFIX}{secrets.token_hex(16)}"
    until = (datetime.now(UTC) + RETENTION).replace(microsecond=0)
    contents = [secrets.token_bytes(64) for _ in range(WRITERS)]
    with ThreadPoolExecutor(WRITERS) as pool:
        outcomes = list(pool.map(lambda content: _is_stored(client, bucket.name, key, content, until), contents))
    winners = [content for content, stored in zip(contents, outcomes, strict=True) if stored]
    if len(winners) != 1:
        raise _failed("race", f"{len(winners)} of {WRITERS} conditional writes of one key succeeded, and one must")
    answer = client.get_object(Bucket=bucket.name, Key=key)
    with answer["Body"] as body:
        if body.read(len(winners[0]) + 1) != winners[0]:
            raise _failed("race", "what is stored is not what the one successful write wrote")


def _is_stored(client: Any, bucket: str, key: str, content: bytes, until: datetime) -> bool:
    try:
        client.put_object(Bucket=bucket, **locked_write(key, content, until))
    except ClientError as error:
        if status_of(error) in {PRECONDITION_FAILED, CONFLICT}:
            return False
        raise
    return True


def _must_be_refused(step: str, attack: Callable[[], object]) -> None:
    try:
        attack()
    except ClientError as error:
        if status_of(error) in _REFUSAL and code_of(error) not in CREDENTIALS_REFUSED:
            return
        raise
    raise _failed(step, "the store allowed it")


def _failed(step: str, problem: str) -> HaltError:
    return HaltError(Halt.WORM_REFUSED, f"step {step!r} of the WORM drill: {problem}")
