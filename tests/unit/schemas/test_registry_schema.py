"""Values that name their schema by a registry's id: both framings, and everything that only looks like one."""

import json
from uuid import UUID

import pytest

from auditseal_schemas.errors import DecodeError, MalformedError
from auditseal_schemas.event_codec import PREFIX_BYTES, decode_event, encode_event
from auditseal_schemas.record import SealedRecord
from auditseal_schemas.registry_schema import (
    EVENT_SHA256,
    HEADER,
    PinnedSchema,
    ReadValue,
    event_schema_sha256,
    read_value,
    unknown_schema,
)
from auditseal_schemas.schema import schema_text
from tests.factory.events import FULL

ENCODED = encode_event(FULL)
BODY = ENCODED[PREFIX_BYTES:]
GUID = "6d9ecb1a-3f51-5f0b-8e5c-0123456789ab"
PINNED = (PinnedSchema(GUID, 1), PinnedSchema("7", 1))
V1 = (HEADER, b"\x01" + UUID(GUID).bytes)
SCHEMA = json.loads(schema_text("audit_event.v1"))


def record(value: bytes | None, *headers: tuple[str, bytes | None]) -> SealedRecord:
    return SealedRecord(0, 1, b"k", headers, value)


def v0(number: int, body: bytes = BODY) -> bytes:
    return b"\x00" + number.to_bytes(4, "big") + body


def test_the_sha256_of_the_schema_is_frozen() -> None:
    assert EVENT_SHA256 == {"56ad077ede9a4783e6815ce6af174e196c2c15d9720b21070886fb47ce116e0a": 1}


@pytest.mark.parametrize(
    ("given", "schema_id"),
    [
        pytest.param(record(v0(7)), "7", id="V0"),
        pytest.param(record(v0(7), ("traceparent", b"00-ab")), "7", id="V0 among other headers"),
        pytest.param(record(BODY, ("x", None), V1), GUID, id="V1"),
        pytest.param(record(ENCODED, V1), None, id="an encoded event names its schema by itself"),
    ],
)
def test_a_pinned_id_makes_an_event(given: SealedRecord, schema_id: str | None) -> None:
    read = read_value(given, PINNED)
    assert read == ReadValue(ENCODED, schema_id)
    assert decode_event(read.value or b"") == FULL


@pytest.mark.parametrize(
    ("given", "schema_id"),
    [
        pytest.param(record(v0(8)), "8", id="an id that is not pinned"),
        pytest.param(record(v0(2**31 - 1)), "2147483647", id="the highest id"),
        pytest.param(record(BODY, (HEADER, b"\x01" + bytes(16))), str(UUID(int=0)), id="a GUID that is not pinned"),
        pytest.param(record(v0(8, b"")), "8", id="nothing after the id"),
    ],
)
def test_an_id_that_is_not_pinned_is_named(given: SealedRecord, schema_id: str) -> None:
    assert read_value(given, PINNED) == ReadValue(given.value, schema_id, is_unknown=True)
    assert f"the schema {schema_id} of a registry" in unknown_schema(schema_id)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(record(None, V1), id="no value"),
        pytest.param(record(b""), id="an empty value"),
        pytest.param(record(b"\x00\x00\x00\x07"), id="a cut id"),
        pytest.param(record(v0(0)), id="the id 0"),
        pytest.param(record(v0(2**32 - 1)), id="a negative id"),
        pytest.param(record(b"\x01" + v0(7)[1:]), id="another magic byte"),
        pytest.param(record(BODY, V1, V1), id="two headers"),
        pytest.param(record(v0(7), V1, V1), id="two headers, and V0"),
        pytest.param(record(BODY, (HEADER, None)), id="an empty header"),
        pytest.param(record(BODY, (HEADER, b"\x00" + UUID(GUID).bytes)), id="a header of another magic byte"),
        pytest.param(record(BODY, (HEADER, V1[1] + b"\x00")), id="a header that is too long"),
        pytest.param(record(BODY, (HEADER, V1[1][:-1])), id="a cut header"),
        pytest.param(record(BODY, ("__key_schema_id", V1[1])), id="the key's header"),
        pytest.param(record(BODY), id="a bare encoding"),
    ],
)
def test_what_only_looks_like_a_framing_names_nothing(given: SealedRecord) -> None:
    assert read_value(given, PINNED) == ReadValue(given.value)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(given, id=f"{form}, {name}")
        for name, body in {
            "cut": BODY[:-1],
            "bytes follow": BODY + b"\x00",
            "nothing": b"",
            "noise": b"\xff" * 50,
            "framed again": v0(7),
        }.items()
        for form, given in {"V0": record(v0(7, body)), "V1": record(body, V1)}.items()
    ],
)
def test_a_body_that_does_not_decode_by_its_schema_is_refused(given: SealedRecord) -> None:
    read = read_value(given, PINNED)
    assert read.schema_id in {"7", GUID}
    with pytest.raises(DecodeError):
        decode_event(read.value or b"")


def test_a_schema_is_one_of_the_audit_event_whatever_its_texts_say() -> None:
    (digest,) = EVENT_SHA256
    bare = {**SCHEMA, "doc": "another text", "fields": [{**each, "doc": "…"} for each in SCHEMA["fields"]]}
    for schema in (SCHEMA, bare, {**bare, "avro.java.string": "String"}):
        assert event_schema_sha256(json.dumps(schema, indent=3)) == digest


FIELDS = SCHEMA["fields"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not an Avro schema"),
        ("[" * 100_000, "not an Avro schema"),
        ('{"type": "record"}', "not an Avro schema"),
        ('{"type": "record", "name": "x", "fields": [{"name": "a", "type": "nothing"}]}', "not an Avro schema"),
        ('"string"', "it is not a record"),
        ('["null", "string"]', "it is not a record"),
        (json.dumps({**SCHEMA, "namespace": "shop"}), "it is the record 'shop.AuditEvent', not auditseal.AuditEvent"),
        (json.dumps({**SCHEMA, "fields": FIELDS[1:]}), "it lacks 'event_id'"),
        (json.dumps({**SCHEMA, "fields": [*FIELDS, {"name": "more", "type": "long"}]}), "it adds 'more'"),
        (
            json.dumps({**SCHEMA, "fields": [{**FIELDS[0], "type": "bytes"}, *FIELDS[1:]]}),
            "it has other types for 'event_id'",
        ),
        (json.dumps({**SCHEMA, "fields": [FIELDS[1], FIELDS[0], *FIELDS[2:]]}), "its fields have another order"),
    ],
)
def test_another_schema_is_refused_with_the_difference(text: str, said: str) -> None:
    with pytest.raises(MalformedError, match=said) as caught:
        event_schema_sha256(text)
    assert str(caught.value).isprintable()
