"""The one form of a locked write to S3, as boto3's arguments and as headers."""

from base64 import b64encode
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from auditseal_vault.encryption import Encryption

_HEADERS = {
    "IfNoneMatch": "If-None-Match",
    "ObjectLockMode": "x-amz-object-lock-mode",
    "ChecksumAlgorithm": "x-amz-sdk-checksum-algorithm",
    "ChecksumSHA256": "x-amz-checksum-sha256",
    "ContentType": "Content-Type",
    "ServerSideEncryption": "x-amz-server-side-encryption",
    "SSEKMSKeyId": "x-amz-server-side-encryption-aws-kms-key-id",
}
_UNTIL = "ObjectLockRetainUntilDate"


def locked_write(key: str, data: bytes, retain_until: datetime, encryption: Encryption | None = None) -> dict[str, Any]:
    """Return `put_object`'s arguments that create an object under a COMPLIANCE lock, if there is none of that key.

    The store answers 412 where the key exists, and 409 where two writers met: then the call may be repeated.
    The checksum is given as a header. Left to boto3 it is a trailer over TLS, which not every store reads.
    Without `encryption` the bucket's default applies.
    """
    return {
        "Key": key,
        "Body": data,
        "IfNoneMatch": "*",
        "ObjectLockMode": "COMPLIANCE",
        "ObjectLockRetainUntilDate": retain_until,
        "ChecksumAlgorithm": "SHA256",
        "ChecksumSHA256": b64encode(sha256(data).digest()).decode(),
        "ContentType": "application/octet-stream",
        **(encryption.arguments() if encryption else {}),
    }


def write_headers(write: dict[str, Any]) -> tuple[str, ...]:
    """Return the headers with which boto3 sends a locked write, except those of its body and its signature."""
    lock_end = f"x-amz-object-lock-retain-until-date: {write[_UNTIL].astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    named = {name: value for name, value in write.items() if name not in {"Key", "Body", _UNTIL}}
    return (lock_end, *(f"{_HEADERS[name]}: {value}" for name, value in named.items()))
