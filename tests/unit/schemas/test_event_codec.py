"""The one encoding of an event: a byte-exact vector, the size limit, and what the decoder refuses."""

from io import BytesIO

import fastavro
import pytest

from auditseal_schemas.errors import DecodeError, EventError
from auditseal_schemas.event import SCHEMA_VERSION, AuditEvent
from auditseal_schemas.event_check import MAX_ITEMS, MAX_TEXT_BYTES
from auditseal_schemas.event_codec import (
    MAX_EVENT_BYTES,
    PREFIX_BYTES,
    decode_event,
    encode_event,
    encode_unnumbered,
    schema_name,
)
from auditseal_schemas.schema import encode_value, parsed_schema
from auditseal_schemas.varint import encode_long
from tests.factory.events import FULL, LEAST

# By hand from avro/audit_event.v1.avsc: magic and fingerprint, then each field on a line of its own.
LEAST_HEX = (
    "c3010b3cf52187c92066"
    "48 30313931653361302d376236632d376465662d383132332d343536373839616263646566"  # event_id
    "02 00 02 00 0e"  # schema_version 1, no event_type, 1 µs, no tenant, category OTHER
    "02 73 00 00 02 65 00"  # source
    "02 74 02 69 00 00 00 00 00 00"  # actor
    "02 61"  # action
    "02 02 72 02 31 00 00 00"  # one resource
    "00 00 00 00 00"  # SUCCESS, no status_code, reason, authorization, changes
    "00 00 00"  # no trace_id, span_id, correlation_id
    "02 78 06"  # stream
    "00"  # attributes
)


def padded_event(extra: int) -> AuditEvent:
    """Make an event that takes MAX_EVENT_BYTES + extra bytes."""
    attributes = {f"key-{index}": "x" * (MAX_TEXT_BYTES - 100) for index in range(3)}
    base = len(encode_event(replace_attributes(attributes | {"last": "x" * 100_000})))
    return replace_attributes(attributes | {"last": "x" * (100_000 + MAX_EVENT_BYTES - base + extra)})


def replace_attributes(attributes: dict[str, str]) -> AuditEvent:
    names = [name for name in AuditEvent.__dataclass_fields__ if name != "attributes"]
    return AuditEvent(**{name: getattr(LEAST, name) for name in names}, attributes=attributes)


def test_the_least_event_is_these_bytes() -> None:
    assert encode_event(LEAST) == bytes.fromhex(LEAST_HEX)
    assert decode_event(bytes.fromhex(LEAST_HEX)) == LEAST


@pytest.mark.parametrize("event", [LEAST, FULL])
def test_decoding_gives_the_event_back(event: AuditEvent) -> None:
    assert decode_event(encode_event(event)) == event


def test_fastavro_reads_what_the_encoder_wrote() -> None:
    body = BytesIO(encode_event(FULL)[PREFIX_BYTES:])
    read = fastavro.schemaless_reader(body, parsed_schema(schema_name(SCHEMA_VERSION)), None)
    assert body.read() == b""
    assert read["actor"]["name"] == "Zoë"
    assert read["occurred_at"] == FULL.occurred_at
    assert read["stream"]["sequence"] == 1 << 40
    assert list(read["attributes"]) == ["alpha", "zeta"]


@pytest.mark.parametrize("extra", [-1, 0])
def test_an_event_up_to_the_limit_is_encoded(extra: int) -> None:
    encoded = encode_event(padded_event(extra))
    assert len(encoded) == MAX_EVENT_BYTES + extra
    assert len(decode_event(encoded).attributes) == 4


def test_an_event_over_the_limit_is_refused() -> None:
    with pytest.raises(EventError, match=rf"takes {MAX_EVENT_BYTES + 1} bytes; at most {MAX_EVENT_BYTES}"):
        encode_event(padded_event(1))


def test_an_event_over_the_limit_is_refused_before_it_has_a_number() -> None:
    """The number then counts as one byte."""
    assert encode_unnumbered(padded_event(0)).numbered(LEAST.stream.sequence) == encode_event(padded_event(0))
    with pytest.raises(EventError, match=rf"takes {MAX_EVENT_BYTES + 1} bytes"):
        encode_unnumbered(padded_event(1))


def test_another_schema_version_is_not_written() -> None:
    names = [name for name in AuditEvent.__dataclass_fields__ if name != "schema_version"]
    later = AuditEvent(**{name: getattr(LEAST, name) for name in names}, schema_version=SCHEMA_VERSION + 1)
    with pytest.raises(EventError, match="schema_version: only version 1 is written, not 2"):
        encode_event(later)


GOOD = encode_event(LEAST)
RESOURCES_AT = GOOD.index(bytes.fromhex("0261 02 0272")) + 2


@pytest.mark.parametrize(
    ("encoded", "problem"),
    [
        (b"", "begins with nothing"),
        (b'{"action": "login"}', "no audit event of a known schema"),
        (b"\xc3\x01" + bytes(8) + GOOD[10:], "no audit event of a known schema"),
        (GOOD[:-1], "can't be decoded"),
        (GOOD + b"\x00", "not canonical"),
        (GOOD[:-1] + b"\x80\x00", "not minimal"),  # a padded varint
        (
            GOOD[:RESOURCES_AT] + b"\x01\x0e" + GOOD[RESOURCES_AT + 1 :],
            "it is negative",
        ),  # an array block with its size
        (GOOD[:-1] + b"\x04" + b"\x02k\x02v" * 2 + b"\x00", "not canonical"),  # a key twice
        (GOOD[:-1] + b"\x04\x02b\x02v\x02a\x02v\x00", "not in the order of their keys"),
        (GOOD[:RESOURCES_AT] + b"\x00" + GOOD[RESOURCES_AT + 8 :], "resources: has 0 items"),
        (GOOD.replace(b"0191e3a0", b"0191E3A0"), "not canonical"),
        (GOOD.replace(b"-7def", b"-4def"), "event_id: must be a UUIDv7"),
        (GOOD[:47] + b"\x04" + GOOD[48:], "schema_version says 2, the fingerprint 1"),
        (GOOD[:51] + b"\x10" + GOOD[52:], "can't be decoded: IndexError"),  # a category that isn't there
        (GOOD[:49] + b"\xff" * 9 + b"\x01" + GOOD[50:], "can't be decoded: OverflowError"),  # beyond the year 9999
        (bytes(MAX_EVENT_BYTES + 1), "at most 1000000 are allowed"),
    ],
)
def test_anything_else_is_a_decode_error(encoded: bytes, problem: str) -> None:
    with pytest.raises(DecodeError) as refusal:
        decode_event(encoded)
    assert problem in str(refusal.value)


@pytest.mark.parametrize(("at", "item"), [(RESOURCES_AT, b"\x02r\x021\x00\x00"), (len(GOOD) - 1, None)])
def test_too_many_parts_are_refused(at: int, item: bytes | None) -> None:
    count = MAX_ITEMS + 1
    keys = sorted(str(index).encode() for index in range(count))
    items = item * count if item else b"".join(encode_long(len(key)) + key + b"\x00" for key in keys)
    end = GOOD[at + 1 + 6 :] if item else b"\x00"
    with pytest.raises(DecodeError, match="has 1001 items"):
        decode_event(GOOD[:at] + encode_long(count) + items + end)


def test_encoding_by_fastavro_gives_the_same_bytes() -> None:
    value = fastavro.schemaless_reader(BytesIO(encode_event(FULL)[10:]), parsed_schema(schema_name(1)), None)
    assert encode_value(schema_name(1), value) == encode_event(FULL)[10:]
