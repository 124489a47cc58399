"""For a service's own tests: what it records, checked and encoded as in production, without a Kafka."""

from hashlib import sha256
from typing import Unpack

from auditseal_producer.client_log import ClientLog
from auditseal_producer.outgoing import make_event
from auditseal_producer.pending import PendingReceipt
from auditseal_producer.receipt import Receipt
from auditseal_schemas.event import AuditEvent, EventFields
from auditseal_schemas.event_codec import decode_event, encode_event
from auditseal_schemas.event_parts import Source, Stream

_STREAM_ID = "recorded-events"


class RecordedEvents:
    """Replaces an AuditProducer in tests; `events` are the events recorded so far, decoded from the bytes sent.

    Attributes:
        events: In the order of recording.
    """

    def __init__(self, *, service: str = "test", environment: str = "test") -> None:
        self.events: list[AuditEvent] = []
        self._log = ClientLog(None)
        self._source = Source(service=service, environment=environment)

    def record(self, **fields: Unpack[EventFields]) -> PendingReceipt:
        """Record one event; its receipt is there at once.

        Raises:
            EventError: As `AuditProducer.record`.
        """
        stream = Stream(_STREAM_ID, len(self.events))
        encoded = encode_event(make_event(self._source, stream, fields))
        event = decode_event(encoded)
        self.events.append(event)
        pending = PendingReceipt(event.event_id, stream.id, self._log)
        pending.place(stream.sequence)
        pending.settle(
            Receipt(
                topic="recorded",
                partition=0,
                offset=stream.sequence,
                timestamp=int(event.occurred_at.timestamp() * 1000),
                event_id=event.event_id,
                stream=stream,
                sha256=sha256(encoded).digest(),
            ),
            None,
        )
        return pending

    def only_event(self) -> AuditEvent:
        """Return the event, where exactly one was to be recorded.

        Raises:
            AssertionError: None or several were.
        """
        if len(self.events) != 1:
            raise AssertionError(f"one event was expected, {len(self.events)} were recorded: {self.events}")
        return self.events[0]


class AsyncRecordedEvents:
    """Replaces an AsyncAuditProducer in tests.

    Attributes:
        events: In the order of recording.
    """

    def __init__(self, *, service: str = "test", environment: str = "test") -> None:
        self._recorded = RecordedEvents(service=service, environment=environment)
        self.events = self._recorded.events
        self.only_event = self._recorded.only_event

    async def record(self, **fields: Unpack[EventFields]) -> Receipt:
        """Record one event.

        Raises:
            EventError: As `AsyncAuditProducer.record`.
        """
        return self._recorded.record(**fields).result()
