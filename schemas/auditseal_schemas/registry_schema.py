"""Values that name their schema by the id of a schema registry, read as events (docs/reference/event-encoding.md).

Confluent's serializers write two forms, and both leave the event's Avro encoding as it is:

| form | the value | the header `__value_schema_id` |
| --- | --- | --- |
| V0 | `00`, the id in 4 bytes, big-endian, and the encoding | absent |
| V1 | the encoding | `01` and the 16 bytes of the schema's GUID |

An id means what the trust file says. The file pins each id to a version of the audit event. So an administrator of a
registry can't change how a sealed record is read.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NamedTuple, Self
from uuid import UUID

import fastavro
from fastavro.schema import SchemaParseException, UnknownType, to_parsing_canonical_form

from auditseal_schemas.errors import MalformedError, quoted
from auditseal_schemas.event import SCHEMA_VERSION
from auditseal_schemas.event_codec import EVENT_PREFIXES, PREFIX_BYTES, schema_name
from auditseal_schemas.record import SealedRecord
from auditseal_schemas.schema import parsed_schema

HEADER = "__value_schema_id"
"""The record header of V1."""
_V0, _V1 = b"\x00", b"\x01"
_V0_BYTES, _V1_BYTES = 5, 17
_MOST = (1 << 31) - 1  # an id is an int of Java, from 1 on
_NUMBER = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)
_LISTED = 5  # fields that a difference names
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)

# What fastavro raises on what is not a schema; none of them means anything else here.
_BROKEN = (AttributeError, KeyError, RecursionError, SchemaParseException, TypeError, UnknownType, ValueError)


def schema_sha256(schema: Any) -> str:
    """Return the SHA-256 of a schema's Parsing Canonical Form in hexadecimal (Avro 1.12, Schema Fingerprints).

    Args:
        schema: The schema, parsed by fastavro.
    """
    return sha256(to_parsing_canonical_form(schema).encode()).hexdigest()


EVENT_SHA256: Mapping[str, int] = {
    schema_sha256(parsed_schema(schema_name(version))): version for version in range(1, SCHEMA_VERSION + 1)
}
"""The versions of the audit event, by the `schema_sha256` of each."""
_PREFIX_OF = {version: prefix for prefix, version in EVENT_PREFIXES.items()}


@dataclass(frozen=True, slots=True, order=True)
class PinnedSchema:
    """The meaning of an id of a schema registry, as a trust file states it.

    Attributes:
        id: A decimal number, or a GUID in lower case with hyphens.
        version: The version of the audit event whose schema it is.
    """

    id: str
    version: int

    @classmethod
    def parse(cls, schema_id: str, digest: str) -> Self:
        """Read the id and the SHA-256 of a trust file's line.

        Raises:
            MalformedError: The id has another spelling, or no version of the audit event has this SHA-256.
        """
        is_number = _NUMBER.fullmatch(schema_id) and int(schema_id) <= _MOST
        if not (is_number or _GUID.fullmatch(schema_id)):
            problem = f"{quoted(schema_id)} is not a number from 1 to {_MOST}, nor a GUID in lower case"
            raise MalformedError("schema.id", problem)
        if digest not in EVENT_SHA256:
            problem = f"{quoted(digest)} is not the SHA-256 of a schema of the audit event"
            raise MalformedError("schema.sha256", problem)
        return cls(schema_id, EVENT_SHA256[digest])

    @property
    def sha256(self) -> str:
        """The SHA-256 of the schema, as the trust file has it."""
        return next(digest for digest, version in EVENT_SHA256.items() if version == self.version)

    def line(self, topic: str) -> str:
        """Return the line of a trust file that pins it for a topic, which is named `<cluster>/<topic>`."""
        return f"schema {topic} {self.id} {self.sha256}"


class ReadValue(NamedTuple):
    """A record's value, and the id by which the record names its schema.

    Attributes:
        value: The encoded event where the id is pinned, and otherwise the record's value.
        schema_id: The id of a registry; None where the record names none.
        is_unknown: Whether it names an id that isn't pinned.
    """

    value: bytes | None
    schema_id: str | None = None
    is_unknown: bool = False


def read_value(record: SealedRecord, pinned: Iterable[PinnedSchema]) -> ReadValue:
    """Return a record's value as `decode_event` takes it, where the record names a pinned schema.

    A value that is not to be read as an event stays as it is, and `decode_event` refuses it.

    Args:
        record: The record.
        pinned: The schemas of the record's topic.
    """
    named = _named(record)
    if named is None:
        return ReadValue(record.value)
    schema_id, body = named
    for schema in pinned:
        if schema.id == schema_id:
            return ReadValue(_PREFIX_OF[schema.version] + body, schema_id)
    return ReadValue(record.value, schema_id, is_unknown=True)


def _named(record: SealedRecord) -> tuple[str, bytes] | None:
    """Return the id that a record names and the encoding without its framing, None where it names none.

    An encoded event names its schema by itself. A header that is there twice, or is not of V1, names none.
    """
    value = record.value
    if value is None or value[:PREFIX_BYTES] in EVENT_PREFIXES:
        return None
    headers = [content or b"" for name, content in record.headers or () if name == HEADER]
    if headers:
        content = headers[0]
        is_guid = len(headers) == 1 and len(content) == _V1_BYTES and content.startswith(_V1)
        return (str(UUID(bytes=content[1:])), value) if is_guid else None
    number = int.from_bytes(value[1:_V0_BYTES], "big")
    is_framed = value.startswith(_V0) and len(value) >= _V0_BYTES and 1 <= number <= _MOST
    return (str(number), value[_V0_BYTES:]) if is_framed else None


def event_schema_sha256(text: str) -> str:
    """Return the SHA-256 of a schema that is one of the audit event; names of fields and types count, not their texts.

    Args:
        text: The schema as a registry has it, which is not trusted.

    Raises:
        MalformedError: It is not an Avro schema, or not one of the audit event: it says what differs.
    """
    try:
        schema = fastavro.parse_schema(json.loads(text))
        digest = schema_sha256(schema)
        differs = "" if digest in EVENT_SHA256 else _difference(schema)
    except _BROKEN as error:
        raise MalformedError(
            "schema", f"it is not an Avro schema: {type(error).__name__}: {quoted(str(error))}"
        ) from error
    if differs:
        raise MalformedError("schema", f"it is not a schema of the audit event: {differs}")
    return digest


def _difference(schema: Any) -> str:
    """Say how a schema differs from that of the latest audit event."""
    theirs, ours = (
        json.loads(to_parsing_canonical_form(each)) for each in (schema, parsed_schema(schema_name(SCHEMA_VERSION)))
    )
    if not isinstance(theirs, dict) or theirs.get("type") != "record":
        return "it is not a record"
    if theirs["name"] != ours["name"]:
        return f"it is the record {quoted(theirs['name'])}, not {ours['name']}"
    given, wanted = ({field["name"]: field["type"] for field in each["fields"]} for each in (theirs, ours))
    lacks, adds = [name for name in wanted if name not in given], [name for name in given if name not in wanted]
    other = [name for name in given if name in wanted and given[name] != wanted[name]]
    parts = (("it lacks", lacks), ("it adds", adds), ("it has other types for", other))
    named = [f"{what} {', '.join(map(quoted, names[:_LISTED]))}" for what, names in parts if names]
    return "; ".join(named) or "its fields have another order"


def unknown_schema(schema_id: str) -> str:
    """Say of a record that it names a schema which is not pinned, and what to do."""
    return (
        f"it names the schema {schema_id} of a registry, and the trust file does not pin it: add the line that"
        " `auditseal registry pin` prints"
    )
