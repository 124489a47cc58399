"""A digest of what a record says: it tells two records with the same id apart."""

import json
from hashlib import sha256

from auditseal_importers.formats import RecordFormat
from auditseal_schemas.strict_json import parse_json

DIGEST_BYTES = 16
"""Bytes of a digest."""
_NOT_JSON = frozenset({RecordFormat.PGAUDIT_CSV, RecordFormat.SYSLOG})


def content_digest(kind: RecordFormat, record: bytes) -> bytes:
    """Return a digest of a record.

    It is the same for each order of a JSON object's members: journalctl writes them in another one each time.

    Raises:
        EventError: A record of a JSON format isn't JSON.
    """
    if kind not in _NOT_JSON:
        record = json.dumps(parse_json(record, "the record"), sort_keys=True).encode()
    return sha256(record).digest()[:DIGEST_BYTES]
