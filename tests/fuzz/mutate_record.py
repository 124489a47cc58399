"""Mutations of a sealed record: its parts are taken apart, one is changed, and it is put together again."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random

from auditseal_schemas.errors import MalformedError
from auditseal_schemas.limits import MAX_CONTENT_BYTES
from auditseal_schemas.record import Oversize, SealedRecord, encode_headers, encode_optional, parse_record
from auditseal_schemas.varint import encode_long
from tests.fuzz.edit import LONGS, Edit


def encode_record(record: SealedRecord) -> bytes:
    """Return a record's encoding, whatever its parts are."""
    key, headers, value = encode_optional(record.key), encode_headers(record.headers), encode_optional(record.value)
    oversize = b"\x00"
    if record.oversize:
        oversize = b"\x02" + encode_long(record.oversize.length) + b"".join(encode_optional(record.oversize.sha256))[1:]
    start = encode_long(record.offset) + encode_long(record.timestamp)
    return b"".join((start, *key, headers, *value, oversize, encode_long(len(record.salt)), record.salt))


def mutate_record(data: bytes, random: Random, edit: Edit) -> bytes:
    """Return the encoding of the record with a part changed; edited bytes if the data are not a record."""
    if random.random() < 0.35:
        return edit(data)
    try:
        record = parse_record(data)
    except MalformedError:
        return edit(data)
    return encode_record(random.choice(_CHANGES)(record, random, edit))


def _offset(record: SealedRecord, random: Random, _: Edit) -> SealedRecord:
    return replace(record, offset=random.choice((max(record.offset - 1, 0), record.offset // 2, random.choice(LONGS))))


def _timestamp(record: SealedRecord, random: Random, _: Edit) -> SealedRecord:
    return replace(record, timestamp=random.choice(LONGS))


def _key(record: SealedRecord, random: Random, edit: Edit) -> SealedRecord:
    return replace(record, key=random.choice((None, b"", edit(record.key or b"key"))))


def _value(record: SealedRecord, random: Random, edit: Edit) -> SealedRecord:
    return replace(record, value=random.choice((None, b"", edit(record.value or b"value"))))


def _headers(record: SealedRecord, random: Random, edit: Edit) -> SealedRecord:
    headers: Sequence[tuple[str, bytes | None]] = record.headers or ()
    name = edit(b"name").decode(errors="ignore")
    one = (name, random.choice((None, b"", edit(b"value"))))
    return replace(record, headers=random.choice((None, (), (*headers, one), (one, *headers) * 2, (one,) * 70)))


def _oversize(record: SealedRecord, random: Random, edit: Edit) -> SealedRecord:
    length = random.choice((MAX_CONTENT_BYTES, MAX_CONTENT_BYTES + 1, random.choice(LONGS)))
    bare = replace(record, key=None, headers=None, value=None) if random.random() < 0.8 else record
    return replace(bare, oversize=Oversize(length, random.choice((bytes(32), edit(bytes(32))))))


def _salt(record: SealedRecord, random: Random, edit: Edit) -> SealedRecord:
    return replace(record, salt=random.choice((b"", bytes(16), edit(bytes(16)))))


_CHANGES: tuple[Callable[[SealedRecord, Random, Edit], SealedRecord], ...] = (
    _offset,
    _timestamp,
    _key,
    _value,
    _headers,
    _headers,
    _oversize,
    _salt,
)
