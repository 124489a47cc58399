"""An event on its way into librdkafka: all of it encoded before any lock is taken."""

from collections.abc import Sequence
from datetime import UTC, datetime
from time import time_ns
from typing import NamedTuple, TypeAlias

from uuid_utils import uuid7

from auditseal_producer.redaction import Redaction, redact_event
from auditseal_schemas.errors import EventError
from auditseal_schemas.event import AuditEvent, EventFields
from auditseal_schemas.event_check import check_names
from auditseal_schemas.event_codec import UnnumberedEvent, decode_event, encode_unnumbered
from auditseal_schemas.event_key import event_key
from auditseal_schemas.event_parts import Source, Stream
from auditseal_schemas.event_plain import PlainEventEncoder

_LONGEST_NUMBER = 10  # bytes of a varint
_new_tuple = tuple.__new__  # as a NamedTuple's own __new__ does, which is written in Python


Placed: TypeAlias = tuple[bytes, int, int]
"""An event's bytes, its number in its stream, and the number that the next new event gets."""


class NewEvent(NamedTuple):
    """An event that gets the next number of a channel."""

    event_id: str
    key: bytes
    stream_id: str
    encoding: UnnumberedEvent

    @property
    def most_bytes(self) -> int:
        """The encoded size with the longest number."""
        return len(self.encoding.head) + len(self.encoding.tail) + _LONGEST_NUMBER

    def place(self, number: int) -> Placed:
        """Return the event with a number.

        Raises:
            EventError: It takes more than MAX_EVENT_BYTES.
        """
        return self.encoding.numbered(number), number, number + 1


class PublishedEvent(NamedTuple):
    """An event that was published before, and stays as it was."""

    event_id: str
    key: bytes
    stream_id: str
    encoded: bytes
    number: int

    @property
    def most_bytes(self) -> int:
        """The encoded size."""
        return len(self.encoded)

    def place(self, number: int) -> Placed:
        """Return the event with its own number; that of the channel stays free."""
        return self.encoded, self.number, number


Outgoing: TypeAlias = NewEvent | PublishedEvent


class EventEncoder:
    """Makes the events of one source and stream: stamps, checks, redacts and encodes what a service says."""

    def __init__(self, source: Source, stream: Stream, rules: Sequence[Redaction] = ()) -> None:
        self._source = source
        self._stream = stream
        self._stream_id = stream.id
        self._rules = rules
        self._plain = PlainEventEncoder(source, stream)

    def encode(self, fields: EventFields) -> NewEvent:
        """Encode an event: each value that a service gives is read once, here.

        Raises:
            EventError: The event breaks the schema or a limit. Its size is checked with its number.
        """
        if not self._rules:
            event_id = fields["event_id"] if "event_id" in fields else str(uuid7())
            encoding = self._plain.encode(event_id, time_ns() // 1000, fields)
            if encoding is not None:
                key = event_key(fields.get("tenant"), fields["actor"])
                return _new_tuple(NewEvent, (event_id, key, self._stream_id, encoding))
        return self._encode_any(fields)

    def _encode_any(self, fields: EventFields) -> NewEvent:
        event = redact_event(make_event(self._source, self._stream, fields), self._rules)
        return NewEvent(event.event_id, event_key(event.tenant, event.actor), event.stream.id, encode_unnumbered(event))


def make_event(source: Source, stream: Stream, fields: EventFields) -> AuditEvent:
    """Return the event that a service describes, with an id and a time where it gave none.

    Raises:
        EventError: As AuditEvent, or a field is missing or not one of an event.
    """
    if "event_id" not in fields:
        fields["event_id"] = str(uuid7())
    if "occurred_at" not in fields:
        fields["occurred_at"] = datetime.now(UTC)
    try:
        return AuditEvent(source=source, stream=stream, **fields)
    except TypeError:
        # Python names an internal class: say it in the words of record() where a name is the fault.
        check_names("", fields, EventFields.__required_keys__, tuple(EventFields.__annotations__))
        raise


def read_published(encoded: bytes) -> PublishedEvent:
    """Return an event that was encoded before, as it is: id, source, stream and number stay.

    Raises:
        EventError: The bytes aren't an event in its one encoding.
    """
    if not isinstance(encoded, bytes):
        raise EventError("", f"an encoded event must be bytes, not {type(encoded).__name__}")
    event = decode_event(encoded)
    return PublishedEvent(
        event.event_id, event_key(event.tenant, event.actor), event.stream.id, encoded, event.stream.sequence
    )
