"""The event's schemas are frozen once released, and each later one reads all earlier ones."""

import json
from dataclasses import MISSING, fields, is_dataclass
from hashlib import sha256
from importlib.resources import files
from io import BytesIO
from typing import Any

import fastavro
import pytest

import auditseal_schemas
from auditseal_schemas.event import SCHEMA_VERSION, AuditEvent
from auditseal_schemas.event_codec import EVENT_PREFIXES, encode_event, schema_fingerprint, schema_name
from auditseal_schemas.event_parts import Actor, Authorization, Change, Reason, Resource, Source, Stream
from auditseal_schemas.schema import parsed_schema, schema_text
from tests.factory.events import LEAST

# SHA-256 of the file without its last newline, and CRC-64-AVRO. A released schema never changes: add a version.
FROZEN = {
    1: ("5050edfa6e4cdaf96dc76a142f3fb9965763bba0166334f8e31dff6ada5bb528", "0b3cf52187c92066"),
}
PARTS = {"Actor": Actor, "Resource": Resource, "Reason": Reason, "Authorization": Authorization, "Change": Change}
RECORDS = {"AuditEvent": AuditEvent, "Source": Source, "Stream": Stream, **PARTS}


def crc_64_avro(data: bytes) -> bytes:
    """Compute the fingerprint as the Avro specification's own code does, bit by bit."""
    empty = 0xC15D213AA4D7A795
    crc = empty
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (empty if crc & 1 else 0)
    return crc.to_bytes(8, "little")


def all_records(schema: Any) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    if isinstance(schema, list):
        for branch in schema:
            found |= all_records(branch)
    elif isinstance(schema, dict):
        if schema["type"] == "record":
            found[schema["name"]] = schema
            for field in schema["fields"]:
                found |= all_records(field["type"])
        elif schema["type"] == "array":
            found |= all_records(schema["items"])
    return found


CURRENT = json.loads(schema_text(schema_name(SCHEMA_VERSION)))


def test_every_version_that_ships_is_pinned_and_known() -> None:
    shipped = {path.name for path in files(auditseal_schemas).joinpath("avro").iterdir() if "audit_event" in path.name}
    assert shipped == {f"{schema_name(version)}.avsc" for version in FROZEN}
    assert set(FROZEN) == set(range(1, SCHEMA_VERSION + 1))
    assert set(EVENT_PREFIXES.values()) == set(FROZEN)


@pytest.mark.parametrize("version", FROZEN)
def test_a_released_schema_never_changes(version: int) -> None:
    digest, fingerprint = FROZEN[version]
    assert sha256(schema_text(schema_name(version))).hexdigest() == digest
    assert schema_fingerprint(schema_name(version)).hex() == fingerprint


@pytest.mark.parametrize("version", FROZEN)
def test_the_fingerprint_is_the_specification_s(version: int) -> None:
    canonical = fastavro.schema.to_parsing_canonical_form(json.loads(schema_text(schema_name(version))))
    assert crc_64_avro(canonical.encode()) == schema_fingerprint(schema_name(version))
    assert crc_64_avro(b'"int"').hex() == "8f5c393f1ad57572"  # from Avro's own test data, schema-tests.txt


@pytest.mark.parametrize("version", FROZEN)
def test_the_current_schema_reads_every_earlier_version(version: int) -> None:
    """By Avro's resolution rules, with the writer's schema and the current one as reader's."""
    written = encode_event(LEAST)
    writer, reader = parsed_schema(schema_name(version)), parsed_schema(schema_name(SCHEMA_VERSION))
    value = fastavro.schemaless_reader(BytesIO(written[10:]), writer, None)
    output = BytesIO()
    fastavro.schemaless_writer(output, writer, value)
    read = fastavro.schemaless_reader(BytesIO(output.getvalue()), writer, reader)
    assert set(read) == {field["name"] for field in CURRENT["fields"]}
    assert read["actor"]["id"] == "i"


def test_added_fields_would_be_readable_with_their_defaults() -> None:
    """What a second version may do: the rule that the files are held to, shown on a made-up one."""
    later = json.loads(schema_text(schema_name(1)))
    later["fields"].append({"name": "severity", "type": ["null", "string"], "default": None})
    writer = parsed_schema(schema_name(1))
    body = encode_event(LEAST)[10:]
    read = fastavro.schemaless_reader(BytesIO(body), writer, fastavro.parse_schema(later))
    assert read["severity"] is None


def test_unions_are_of_null_and_one_type_with_null_as_default() -> None:
    unions = [
        field
        for record in all_records(CURRENT).values()
        for field in record["fields"]
        if isinstance(field["type"], list)
    ]
    assert len(unions) == 25
    for field in unions:
        assert (len(field["type"]), field["type"][0], field["default"]) == (2, "null", None), field["name"]


@pytest.mark.parametrize("name", RECORDS)
def test_the_schema_and_the_value_type_have_the_same_fields_and_defaults(name: str) -> None:
    kind = RECORDS[name]
    assert is_dataclass(kind)
    record = all_records(CURRENT)[name]
    defaults = {field["name"]: field.get("default", MISSING) for field in record["fields"]}
    ours: dict[str, Any] = {}
    for field in fields(kind):
        default = field.default if field.default_factory is MISSING else dict(field.default_factory())
        ours[field.name] = [] if default == () else default
    ours.pop("schema_version", None)
    defaults.pop("schema_version", None)
    assert list(ours.items()) == list(defaults.items())


def test_the_value_types_cover_all_records() -> None:
    assert set(all_records(CURRENT)) == set(RECORDS)


def test_nothing_has_a_size_of_zero() -> None:
    """An array of such items would let a few bytes claim any number of them."""
    assert all(record["fields"] for record in all_records(CURRENT).values())


def test_a_schema_is_read_and_parsed_once() -> None:
    assert schema_text("sealed_record") is schema_text("sealed_record")
    assert parsed_schema("block_header") is parsed_schema("block_header")
