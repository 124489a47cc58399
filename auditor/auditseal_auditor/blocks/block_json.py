"""A block, a record or a proof as JSON, with what was verified of it."""

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from auditseal_auditor.blocks.single_block import SingleBlock
from auditseal_schemas.checkpoint import Checkpoint
from auditseal_schemas.errors import DecodeError
from auditseal_schemas.event_codec import decode_event
from auditseal_schemas.event_json import event_to_json
from auditseal_schemas.event_proof import ProvenRecord
from auditseal_schemas.header import Header
from auditseal_schemas.record import SealedRecord
from auditseal_schemas.registry_schema import PinnedSchema, ReadValue, read_value, unknown_schema

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_GAP_CAUSES = ("unknown: a transaction marker or compaction", "below the log's start", "unreadable for the sealer")
_TIMESTAMP_TYPES = ("none", "create", "append")
NOT_SHOWN = "not shown by a proof: that the vault is whole, and that these keys were still valid at this height"
"""What `auditseal verify` shows and a proof of one record does not."""


def verified_claims(single: SingleBlock) -> list[str]:
    """Return the checks that the block passed, and those that were not made."""
    keys = (
        "keys that follow from the pinned ones: each block that announces the next keys is signed by the keys before"
        if single.is_rotated
        else "the keys that the trust file pins"
    )
    return [
        "the block: every byte of it, its records, links and root are what its header says",
        "its checkpoint: of the tree that ends with its header",
        f"its signature: by {keys}",
        "not checked: whether these keys are valid here, its place in the log, its storage; `auditseal verify` does",
    ]


def block_to_json(single: SingleBlock, record: SealedRecord | None) -> dict[str, Any]:
    """Return a block, and one of its records if one was asked for, as a value for `json.dumps`."""
    checkpoint = single.block.checkpoint
    return {
        "version": 1,
        "object": single.object,
        "version_id": single.version_id,
        "header": _header_to_json(single.block.header),
        "leaf": single.block.leaf.hex(),
        "checkpoint": {
            "size": checkpoint.size,
            "root": b64encode(checkpoint.root).decode(),
            "note": single.block.note.format().decode(),
        },
        "keys": [str(key) for key in single.keys],
        "verified": verified_claims(single),
        "record": record and record_to_json(record, single.schemas),
    }


def record_to_json(record: SealedRecord, schemas: Iterable[PinnedSchema] = ()) -> dict[str, Any]:
    """Return a record; `event` is the decoded event, null where the value is not an event: `problem` says why.

    Bytes are hexadecimal digits; `…_text` is the same as text, where it is UTF-8. Where there is an event, `value` is
    null.

    Args:
        record: The record.
        schemas: The schemas of a registry that the trust file pins for its log.
    """
    read = read_value(record, schemas)
    event, problem = _event_of(read)
    oversize = record.oversize
    return {
        "offset": record.offset,
        "timestamp": record.timestamp,
        "time": _time_of_ms(record.timestamp),
        "key": _hex(record.key),
        "key_text": _text(record.key),
        "headers": None if record.headers is None else [_header_pair(*pair) for pair in record.headers],
        "value_bytes": None if record.value is None else len(record.value),
        "value_sha256": None if record.value is None else sha256(record.value).hexdigest(),
        "value": None if event else _hex(record.value),
        "value_text": None if event else _text(record.value),
        "oversize": oversize and {"length": oversize.length, "sha256": oversize.sha256.hex()},
        "salt": record.salt.hex(),
        "registry_schema": read.schema_id,
        "problem": problem,
        "event": event,
    }


def proven_to_json(proven: ProvenRecord) -> dict[str, Any]:
    """Return what a proof of one record establishes, as what `json.dumps` takes."""
    header = proven.header
    return {
        "kind": "record",
        "origin": str(header.origin),
        "height": header.height,
        "index": proven.index,
        "sealed_time": time_text(header.sealed_at),
        "checkpoint": _checkpoint_to_json(proven.checkpoint),
        "keys": [str(key) for key in proven.keys],
        "record": record_to_json(proven.record, proven.schemas),
        "not_shown": NOT_SHOWN,
    }


def heads_to_json(old: Checkpoint, new: Checkpoint) -> dict[str, Any]:
    """Return what a proof of consistency establishes, as what `json.dumps` takes."""
    heads = {"old": _checkpoint_to_json(old), "new": _checkpoint_to_json(new)}
    return {"kind": "consistency", "origin": str(new.origin), **heads}


def time_text(microseconds: int) -> str | None:
    """Return a time in UTC; None where it is outside the calendar: a record may hold any 64-bit number."""
    try:
        return (_EPOCH + timedelta(microseconds=microseconds)).isoformat().replace("+00:00", "Z")
    except OverflowError:
        return None


def _header_to_json(header: Header) -> dict[str, Any]:
    fields = {name: _plain(value) for name, value in asdict(header).items()}
    predecessor = header.predecessor
    return fields | {
        "origin": str(header.origin),
        "predecessor": predecessor
        and predecessor._asdict() | {"root": predecessor.root.hex(), "keys": list(predecessor.keys)},
        "gaps": [gap._asdict() | {"means": _GAP_CAUSES[gap.cause]} for gap in header.gaps],
        "timestamp_type": _TIMESTAMP_TYPES[header.timestamp_type],
        "min_time": None if header.min_timestamp is None else _time_of_ms(header.min_timestamp),
        "max_time": None if header.max_timestamp is None else _time_of_ms(header.max_timestamp),
        "sealed_time": time_text(header.sealed_at),
        "extensions": [{"key": key, "value": value.hex()} for key, value in header.extensions],
    }


def _plain(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else list(value) if isinstance(value, tuple) else value


def _event_of(read: ReadValue) -> tuple[dict[str, Any] | None, str | None]:
    """Return the event that a value is and None, or None and why it is not one. A null value is not a fault."""
    if read.value is None:
        return None, None
    try:
        return event_to_json(decode_event(read.value)), None
    except DecodeError as error:
        return None, unknown_schema(read.schema_id) if read.schema_id and read.is_unknown else str(error)


def _hex(data: bytes | None) -> str | None:
    return None if data is None else data.hex()


def _text(data: bytes | None) -> str | None:
    try:
        return None if data is None else data.decode()
    except UnicodeDecodeError:
        return None


def _header_pair(name: str, value: bytes | None) -> dict[str, Any]:
    return {"key": name, "value": _hex(value), "value_text": _text(value)}


def _time_of_ms(milliseconds: int) -> str | None:
    return None if milliseconds == -1 else time_text(milliseconds * 1000)


def _checkpoint_to_json(checkpoint: Checkpoint) -> dict[str, Any]:
    return {"size": checkpoint.size, "root": b64encode(checkpoint.root).decode()}
