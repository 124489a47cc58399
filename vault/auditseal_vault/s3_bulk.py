"""Many objects of a bucket, read with one request each and many requests in flight.

A GET's answer has the object's lock in its headers, where the reader may see locks. This is the short way for answers
that leave no question open. Every other answer is dropped, and the object is read again by the vault's own verbs, which
repeat, renew credentials and say what is wrong.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial
from urllib.parse import quote

from auditseal_schemas.limits import MAX_OBJECT_BYTES
from auditseal_vault.bulk_reader import read_version
from auditseal_vault.encryption import header_encryption
from auditseal_vault.http_connections import HttpAnswer, HttpRequest, TransferError
from auditseal_vault.interface import ReadOutcome, Retention, StoredObject, StoredVersion, VaultReader
from auditseal_vault.s3_client import S3Client

_OK = 200
_NO_VERSION = {"", "null"}
_HOLDS = {"ON": True, "OFF": False}


def read_in_bulk(
    vault: VaultReader, client: S3Client, prefix: str, versions: Iterable[StoredVersion]
) -> Iterator[ReadOutcome]:
    """Yield the outcome of reading each version, in the order given; see `VaultReader.read_many`.

    Args:
        vault: Reads again what this can't settle.
        client: Sends and signs.
        prefix: The vault's prefix in the bucket.
        versions: What to read.

    Raises:
        BotoCoreError: The credentials are missing.
        UnavailableError: The store can't be read.
    """
    for version, answer in client.send_each(versions, partial(_request, client, prefix)):
        yield _stored(vault, version, answer) or read_version(vault, version)


def _request(client: S3Client, prefix: str, version: StoredVersion) -> HttpRequest:
    query = f"?versionId={quote(version.version_id, safe='')}" if version.version_id else ""
    return client.signed_request(prefix + version.key, min(version.size, MAX_OBJECT_BYTES), query=query)


def _stored(vault: VaultReader, version: StoredVersion, answer: HttpAnswer | TransferError) -> StoredObject | None:
    """Return the object that an answer holds beyond doubt, else None: whole, of this version, and with a lock."""
    if isinstance(answer, TransferError) or answer.status != _OK or answer.is_cut or len(answer.body) != version.size:
        return None
    headers = answer.headers
    if version.version_id not in _NO_VERSION and headers.get("x-amz-version-id") != version.version_id:
        return None
    mode, until = headers.get("x-amz-object-lock-mode"), headers.get("x-amz-object-lock-retain-until-date")
    lock: Retention | None
    if mode is None and until is None:  # it has no lock, or this reader may not see it in the headers
        lock = vault.retention(version.key, version.version_id)
    else:
        lock = _lock(mode, until)
        if lock is None:
            return None
    hold = _HOLDS.get(headers.get("x-amz-object-lock-legal-hold", ""))
    return StoredObject(version.key, version.version_id, answer.body, lock, header_encryption(headers), hold)


def _lock(mode: str | None, until: str | None) -> Retention | None:
    """Return the lock that the headers of an answer describe, None where they describe none."""
    try:
        end = datetime.fromisoformat(until or "")
    except ValueError:
        return None
    return Retention(mode, end) if mode and end.tzinfo else None
