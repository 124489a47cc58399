"""The hand-written record codec against fastavro's, and against every single-byte change."""

from io import BytesIO
from typing import Any

import fastavro
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from auditseal_schemas.errors import MalformedError
from auditseal_schemas.limits import MAX_CONTENT_BYTES
from auditseal_schemas.record import (
    Oversize,
    RecordEncoder,
    SealedRecord,
    encode_headers,
    encode_optional,
    parse_record,
    scan_record,
)
from auditseal_schemas.schema import parsed_schema
from auditseal_schemas.varint import encode_long
from tests.factory.blocks import read_or_refuse

BYTES = st.none() | st.binary(max_size=200) | st.integers(0, 20_000).map(bytes)
OFFSETS = st.integers(0, 2**63 - 1) | st.integers(0, 2**15)
TIMESTAMPS = st.integers(-(2**63), 2**63 - 1) | st.just(-1)
HEADERS = st.none() | st.lists(st.tuples(st.text(max_size=20), st.none() | st.binary(max_size=20)), max_size=4).map(
    tuple
)
PLAIN = st.builds(SealedRecord, OFFSETS, TIMESTAMPS, BYTES, HEADERS, BYTES)
OVERSIZE = st.builds(
    SealedRecord,
    OFFSETS,
    TIMESTAMPS,
    st.none(),
    st.none(),
    st.none(),
    st.builds(Oversize, st.integers(MAX_CONTENT_BYTES + 1, 2**63 - 1), st.binary(min_size=32, max_size=32)),
)
RECORDS = st.builds(
    lambda record, salt: SealedRecord(
        record.offset, record.timestamp, record.key, record.headers, record.value, record.oversize, salt
    ),
    PLAIN | OVERSIZE,
    st.just(b"") | st.binary(min_size=16, max_size=16),
)


def as_avro(record: SealedRecord) -> dict[str, Any]:
    headers = record.headers
    return {
        "offset": record.offset,
        "timestamp": record.timestamp,
        "key": record.key,
        "headers": None if headers is None else [{"key": name, "value": value} for name, value in headers],
        "value": record.value,
        "oversize": record.oversize and record.oversize._asdict(),
        "salt": record.salt,
    }


def encode(record: SealedRecord) -> bytes:
    """The normative encoding: that of fastavro by the normative schema."""
    output = BytesIO()
    fastavro.schemaless_writer(output, parsed_schema("sealed_record"), as_avro(record))
    return output.getvalue()


@given(PLAIN)
@example(SealedRecord(0, -1, None, None, None))
@example(SealedRecord(2**63 - 1, 2**63 - 1, b"", (), b""))
@example(SealedRecord(2**13, 0, b"", (("", None),), bytes(2**13)))
@example(SealedRecord(2**13 - 1, 0, b"", (("ä", b""),), bytes(2**13 - 1)))
def test_the_encoder_writes_what_fastavro_writes(record: SealedRecord) -> None:
    written = RecordEncoder().encode(record.offset, record.timestamp, record.key, record.headers, record.value)
    assert written == encode(record)


@given(st.lists(PLAIN, max_size=6))
def test_the_encoder_remembers_nothing_wrong(records: list[SealedRecord]) -> None:
    encoder = RecordEncoder()
    for record in records:
        written = encoder.encode(record.offset, record.timestamp, record.key, record.headers, record.value)
        assert written == encode(record)


@given(RECORDS)
def test_every_legal_record_is_read_as_fastavro_reads_it(record: SealedRecord) -> None:
    data = encode(record)
    assert parse_record(data) == record
    read: Any = fastavro.schemaless_reader(BytesIO(data), parsed_schema("sealed_record"), None)
    assert read == as_avro(record)


@given(RECORDS, st.binary(max_size=5), st.binary(max_size=5))
def test_a_span_says_where_the_parts_lie(record: SealedRecord, before: bytes, after: bytes) -> None:
    data = before + encode(record) + after
    span = scan_record(data, len(before))
    assert (span.offset, span.timestamp, span.end) == (record.offset, record.timestamp, len(data) - len(after))
    assert data[span.key : span.headers] == b"".join(encode_optional(record.key))
    assert data[span.headers : span.value] == encode_headers(record.headers)
    assert data[span.value : span.oversize] == b"".join(encode_optional(record.value))
    assert data[span.salt : span.end] == encode_long(len(record.salt)) + record.salt


@given(RECORDS)
def test_a_record_cut_anywhere_is_refused(record: SealedRecord) -> None:
    data = encode(record)[:300]
    whole = len(data) < 300
    for length in range(len(data)):
        with pytest.raises(MalformedError):
            parse_record(data[:length])
    if whole:
        with pytest.raises(MalformedError, match="follow it"):
            parse_record(data + b"\x00")


@given(RECORDS, st.data())
def test_a_changed_byte_is_refused_or_another_record(record: SealedRecord, data: st.DataObject) -> None:
    encoded = encode(record)
    position = data.draw(st.integers(0, len(encoded) - 1) | st.integers(0, min(30, len(encoded) - 1)))
    changed = bytearray(encoded)
    changed[position] ^= data.draw(st.integers(1, 255))
    other = read_or_refuse(parse_record, bytes(changed))
    assert other != record
    assert other is None or encode(other) == changed


@given(st.binary(max_size=60))
@example(bytes.fromhex("0000000200000000"))
def test_whatever_is_read_has_this_one_encoding(data: bytes) -> None:
    record = read_or_refuse(parse_record, data)
    assert record is None or encode(record) == data
