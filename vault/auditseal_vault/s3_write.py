"""The one form of a locked write to S3."""

from base64 import b64encode
from datetime import datetime
from hashlib import sha256
from typing import Any

from auditseal_vault.encryption import Encryption


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
