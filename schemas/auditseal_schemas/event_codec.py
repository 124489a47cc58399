"""An audit event's bytes: Avro single-object encoding, `C3 01`, CRC-64-AVRO of the schema (little-endian), body.

There is one encoding of an event: arrays and maps as one block, minimal varints, attributes in the order of their keys'
UTF-8 bytes. The encoder is written out by hand since fastavro, which has to try the branches of each union, takes five
times as long; decoding goes through fastavro and encodes again by it, so that each checks the other.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from fastavro.schema import fingerprint, to_parsing_canonical_form

from auditseal_schemas.errors import DecodeError, EventError, MalformedError
from auditseal_schemas.event import SCHEMA_VERSION, AuditEvent
from auditseal_schemas.event_parts import (
    Actor,
    Authorization,
    Category,
    Change,
    Outcome,
    Reason,
    Resource,
    Source,
    Stream,
)
from auditseal_schemas.event_skim import check_counts
from auditseal_schemas.schema import decode_value, parsed_schema
from auditseal_schemas.varint import encode_long

MAX_EVENT_BYTES = 1_000_000
"""Bytes of an encoded event, prefix included. A topic takes batches of 1 MiB (1,048,576 bytes): what is left, 48,576,
is for the key, headers that tracing adds, and the framing of the record and its batch."""

PREFIX_BYTES = 10
T = TypeVar("T")
_MAGIC = b"\xc3\x01"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_utf8 = str.encode  # not that of a subclass, which may do anything
_NULL = b"\x00"
_SOME = b"\x02"
_END = b"\x00"
_LENGTHS = tuple(encode_long(length) for length in range(1 << 10))
_OPTIONAL_LENGTHS = tuple(_SOME + length for length in _LENGTHS)
CATEGORIES = {category: encode_long(index) for index, category in enumerate(Category)}
"""The encoding of each category."""
_OUTCOMES = {outcome: encode_long(index) for index, outcome in enumerate(Outcome)}


def schema_name(version: int) -> str:
    """Return the name of a version's schema file, without its ending."""
    return f"audit_event.v{version}"


def schema_fingerprint(name: str) -> bytes:
    """Return the CRC-64-AVRO of a schema's canonical form, little-endian (Avro 1.12, Single-object encoding)."""
    return bytes.fromhex(fingerprint(to_parsing_canonical_form(parsed_schema(name)), "CRC-64-AVRO"))


# Made when imported, not when first used: were a thread loading a schema while another one forks the process, the child
# would wait for its import lock for ever (seen).
EVENT_PREFIXES: Mapping[bytes, int] = {
    _MAGIC + schema_fingerprint(schema_name(version)): version for version in range(1, SCHEMA_VERSION + 1)
}
"""The versions that can be read, by the ten bytes that their events begin with."""
EVENT_PREFIX = next(prefix for prefix, version in EVENT_PREFIXES.items() if version == SCHEMA_VERSION)
"""That of the version that is written."""


class UnnumberedEvent(NamedTuple):
    """An event's encoding but for its sequence number, which is between the two."""

    head: bytes
    tail: bytes

    def numbered(self, sequence: int) -> bytes:
        """Return the event's one encoding with a sequence number.

        Raises:
            EventError: It takes more than MAX_EVENT_BYTES.
        """
        encoded = self.head + encode_long(sequence) + self.tail
        if len(encoded) > MAX_EVENT_BYTES:
            _check_size(len(encoded))
        return encoded


def encode_event(event: AuditEvent) -> bytes:
    """Return an event's one encoding.

    Raises:
        EventError: It takes more than MAX_EVENT_BYTES, or is of an earlier schema version (keep the bytes it came as).
    """
    return encode_unnumbered(event).numbered(event.stream.sequence)


def encode_unnumbered(event: AuditEvent) -> UnnumberedEvent:
    """Encode all of an event but its sequence number, which a producer takes at the last moment.

    Raises:
        EventError: As `encode_event`; the number is taken to be a small one.
    """
    if event.schema_version != SCHEMA_VERSION:
        raise EventError("schema_version", f"only version {SCHEMA_VERSION} is written, not {event.schema_version}")
    head = b"".join(
        (
            EVENT_PREFIX,
            encode_text(event.event_id),
            _LENGTHS[event.schema_version],
            _NULL if event.event_type is None else _optional(event.event_type),
            encode_long(microseconds_of(event.occurred_at)),
            _NULL if event.tenant is None else _optional(event.tenant),
            CATEGORIES[event.category],
            encode_source(event.source),
            _actor(event.actor),
            encode_text(event.action),
            _array(event.resources, _resource),
            _OUTCOMES[event.outcome],
            _NULL if event.status_code is None else _optional(event.status_code),
            _NULL if event.reason is None else _reason(event.reason),
            _NULL if event.authorization is None else _authorization(event.authorization),
            _array(event.changes, _change),
            _NULL if event.trace_id is None else _optional(event.trace_id),
            _NULL if event.span_id is None else _optional(event.span_id),
            _NULL if event.correlation_id is None else _optional(event.correlation_id),
            encode_text(event.stream.id),
        )
    )
    tail = _array(event.attributes.items(), _attribute)
    _check_size(len(head) + 1 + len(tail))
    return UnnumberedEvent(head, tail)


def _check_size(size: int) -> None:
    if size > MAX_EVENT_BYTES:
        raise EventError("", f"the event takes {size} bytes; at most {MAX_EVENT_BYTES} are allowed: shorten it")


def decode_event(encoded: bytes) -> AuditEvent:
    """Read an event that is the whole of the bytes, in its one encoding, of any version that this package knows.

    Memory stays below 16 MiB: there are at most MAX_EVENT_BYTES, and counts are looked at before anything is made.

    Raises:
        DecodeError: The bytes are anything else.
    """
    if len(encoded) > MAX_EVENT_BYTES:
        raise DecodeError(f"{len(encoded)} bytes are not an event: at most {MAX_EVENT_BYTES} are allowed")
    version = EVENT_PREFIXES.get(encoded[:PREFIX_BYTES])
    if version is None:
        raise DecodeError(
            f"no audit event of a known schema: it begins with {encoded[:PREFIX_BYTES].hex() or 'nothing'}"
        )
    name, body = schema_name(version), encoded[PREFIX_BYTES:]
    try:
        check_counts(name, body)
        fields = decode_value(name, body)
        event = _event(fields)
    except (MalformedError, EventError) as error:
        raise DecodeError(f"no audit event: {error}") from error
    if event.schema_version != version:
        raise DecodeError(f"schema_version says {event.schema_version}, the fingerprint {version}")
    if list(event.attributes) != list(fields["attributes"]):
        raise DecodeError("the attributes are not in the order of their keys")
    return event


def _event(fields: dict[str, Any]) -> AuditEvent:
    """Make the value; fields that the writer's version lacks take their defaults, which are the schema's."""
    parts: dict[str, Any] = {
        "event_id": str(fields["event_id"]),
        "category": Category(fields["category"]),
        "outcome": Outcome(fields["outcome"]),
        "source": Source(**fields["source"]),
        "actor": Actor(**fields["actor"]),
        "stream": Stream(**fields["stream"]),
        "resources": tuple(Resource(**resource) for resource in fields["resources"]),
        "changes": tuple(Change(**change) for change in fields["changes"]),
        "reason": None if fields["reason"] is None else Reason(**fields["reason"]),
        "authorization": None if fields["authorization"] is None else Authorization(**fields["authorization"]),
    }
    return AuditEvent(**(fields | parts))


def microseconds_of(time: datetime) -> int:
    """Return the microseconds from the epoch to an aware time; negative before it."""
    return (time - _EPOCH) // _MICROSECOND


def encode_text(text: str) -> bytes:
    """Return a text's length and its UTF-8 bytes."""
    data = _utf8(text)
    length = len(data)
    return (_LENGTHS[length] if length < 1024 else encode_long(length)) + data


def _optional(text: str | None) -> bytes:
    if text is None:
        return _NULL
    data = _utf8(text)
    length = len(data)
    return (_OPTIONAL_LENGTHS[length] if length < 1024 else _SOME + encode_long(length)) + data


def _array(items: Collection[T], encode: Callable[[T], bytes]) -> bytes:
    if not items:
        return _END
    return b"".join((_LENGTHS[len(items)], *map(encode, items), _END))


@lru_cache(maxsize=64)
def encode_source(source: Source) -> bytes:
    """Encode the source; cached, since a process has one."""
    return b"".join(
        (
            encode_text(source.service),
            _optional(source.version),
            _optional(source.instance),
            encode_text(source.environment),
            _optional(source.region),
        )
    )


def _actor(actor: Actor) -> bytes:
    return b"".join(
        (
            encode_text(actor.type),
            encode_text(actor.id),
            _NULL if actor.name is None else _optional(actor.name),
            _NULL if actor.auth_method is None else _optional(actor.auth_method),
            _NULL if actor.session_id is None else _optional(actor.session_id),
            _NULL if actor.on_behalf_of is None else _optional(actor.on_behalf_of),
            _NULL if actor.ip is None else _optional(actor.ip),
            _NULL if actor.user_agent is None else _optional(actor.user_agent),
        )
    )


def _resource(resource: Resource) -> bytes:
    return encode_text(resource.type) + encode_text(resource.id) + _optional(resource.name) + _optional(resource.parent)


def _reason(reason: Reason) -> bytes:
    return _SOME + _optional(reason.code) + _optional(reason.text)


def _authorization(authorization: Authorization) -> bytes:
    granted = b"\x01" if authorization.granted else b"\x00"
    return _SOME + granted + _optional(authorization.permission) + _optional(authorization.policy)


def _change(change: Change) -> bytes:
    return encode_text(change.field) + _optional(change.before) + _optional(change.after)


def _attribute(item: tuple[str, str]) -> bytes:
    return encode_text(item[0]) + encode_text(item[1])
