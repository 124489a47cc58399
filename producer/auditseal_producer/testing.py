"""For a service's own tests: what it records, checked and encoded as in production, without a Kafka."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from hashlib import sha256
from types import TracebackType
from typing import Self, Unpack

from auditseal_producer.client_log import ClientLog
from auditseal_producer.durations import check_seconds
from auditseal_producer.errors import (
    BrokerUnavailableError,
    BufferFullError,
    DeliveryError,
    ProducerClosedError,
    UndeliveredError,
)
from auditseal_producer.outgoing import EventEncoder, Outgoing, read_published
from auditseal_producer.pending import PendingReceipt
from auditseal_producer.receipt import ProducerCounts, Receipt
from auditseal_producer.receipts import ErrorCallback
from auditseal_producer.redaction import Redaction
from auditseal_producer.stream_events import pause_attributes, stream_fields
from auditseal_producer.user_code import call_safely
from auditseal_schemas.errors import AuditsealError
from auditseal_schemas.event import AuditEvent, EventFields
from auditseal_schemas.event_codec import decode_event
from auditseal_schemas.event_parts import Source, Stream
from auditseal_schemas.stream_event import StreamEvent

_STREAM_ID = "recorded-events"


class RecordedEvents:
    """Acts as an AuditProducer whose brokers answer at once.

    Attributes:
        events: The events with a receipt, in the order of recording, decoded from the bytes sent.
        failures: The errors of the others, in the order of recording.
    """

    def __init__(
        self,
        *,
        service: str = "test",
        environment: str = "test",
        on_error: ErrorCallback | None = None,
        redact: Sequence[Redaction] = (),
    ) -> None:
        self.events: list[AuditEvent] = []
        self.failures: list[DeliveryError] = []
        source = Source(service=service, environment=environment)
        self._service = service
        self._encoder = EventEncoder(source, Stream(_STREAM_ID, 0), tuple(redact))
        self._on_error = on_error
        self._log = ClientLog(None)
        self._sequence = self._refused = self._reported = 0
        self._full = self._down = self._closed = False

    @property
    def counts(self) -> ProducerCounts:
        """As `AuditProducer.counts`."""
        return ProducerCounts(len(self.events), len(self.failures), self._refused, 0)

    def record(self, **fields: Unpack[EventFields]) -> PendingReceipt:
        """Record one event; its handle is done at once.

        Raises:
            EventError: As `AuditProducer.record`, and so are the others.
            BufferFullError: Within `buffer_full()`.
            ProducerClosedError: After `close`.
        """
        try:
            return self._publish(self._encoder.encode(fields))
        except AuditsealError:
            self._refused += 1
            raise

    def republish(self, encoded: bytes) -> PendingReceipt:
        """As `AuditProducer.republish`.

        Raises:
            DecodeError: The bytes aren't an event.
            BufferFullError: As `record`, and so are the others.
        """
        try:
            return self._publish(read_published(encoded))
        except AuditsealError:
            self._refused += 1
            raise

    def pause(self, until: datetime) -> PendingReceipt:
        """As `AuditProducer.pause`.

        Raises:
            EventError: The time has no time zone.
            BufferFullError: As `record`, and so are the others.
        """
        about = pause_attributes(until)
        return self.record(**stream_fields(StreamEvent.PAUSED, self._service, _STREAM_ID, self.counts, **about))

    def check_broker(self, timeout: float) -> None:
        """As `AuditProducer.check_broker`.

        Raises:
            BrokerUnavailableError: Within `brokers_down()`.
        """
        check_seconds("timeout", timeout)
        if self._down:
            raise BrokerUnavailableError(f"the brokers don't answer within {timeout} s: the test took them away")

    def flush(self, timeout: float) -> None:
        """As `AuditProducer.flush`; nothing ever waits.

        Raises:
            UndeliveredError: Some failed since the last flush.
        """
        check_seconds("timeout", timeout)
        failed = self.failures[self._reported :]
        self._reported = len(self.failures)
        if failed:
            raise UndeliveredError(0, len(failed), failed[0])

    def close(self, timeout: float) -> None:
        """As `AuditProducer.close`.

        Raises:
            UndeliveredError: As `flush`.
        """
        check_seconds("timeout", timeout)
        if not self._closed:
            self._closed = True
            self.flush(timeout)

    @contextmanager
    def buffer_full(self) -> Iterator[None]:
        """Refuse events within the block, as a buffer without room does."""
        self._full = True
        try:
            yield
        finally:
            self._full = False

    @contextmanager
    def brokers_down(self) -> Iterator[None]:
        """Accept events within the block, and let them end in a DeliveryError."""
        self._down = True
        try:
            yield
        finally:
            self._down = False

    def only_event(self) -> AuditEvent:
        """Return the event, where exactly one was expected.

        Raises:
            AssertionError: There are none, or several.
        """
        if len(self.events) != 1:
            raise AssertionError(f"one event was expected, {len(self.events)} were recorded: {self.events}")
        return self.events[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close(0)
        except UndeliveredError as undelivered:
            if error is None:
                raise
            error.add_note(str(undelivered))

    def _publish(self, outgoing: Outgoing) -> PendingReceipt:
        if self._closed:
            raise ProducerClosedError("the producer is closed: record events before close()")
        if self._full:
            raise BufferFullError("no room for another event: the test made the buffer full")
        encoded, number, self._sequence = outgoing.place(self._sequence)
        pending = PendingReceipt(outgoing.event_id, outgoing.stream_id, self._log)
        pending.place(number)
        if self._down:
            self._fail(pending, encoded)
        else:
            self._acknowledge(pending, encoded)
        return pending

    def _acknowledge(self, pending: PendingReceipt, encoded: bytes) -> None:
        event = decode_event(encoded)
        self.events.append(event)
        receipt = Receipt(
            topic="recorded",
            partition=0,
            offset=len(self.events) - 1,
            timestamp=int(event.occurred_at.timestamp() * 1000),
            event_id=event.event_id,
            stream=event.stream,
            sha256=sha256(encoded).digest(),
        )
        pending.settle(receipt, None)

    def _fail(self, pending: PendingReceipt, encoded: bytes) -> None:
        failure = DeliveryError(pending.event_id, encoded, "_MSG_TIMED_OUT", "the test took the brokers away")
        self.failures.append(failure)
        pending.settle(None, failure)
        if self._on_error is not None:
            call_safely(self._log.logger, "on_error", self._on_error, failure)


class AsyncRecordedEvents:
    """Acts as an AsyncAuditProducer whose brokers answer at once.

    Attributes:
        events: As `RecordedEvents.events`.
        failures: As `RecordedEvents.failures`.
    """

    def __init__(
        self, *, service: str = "test", environment: str = "test", on_error: ErrorCallback | None = None
    ) -> None:
        self._recorded = RecordedEvents(service=service, environment=environment, on_error=on_error)
        self.events = self._recorded.events
        self.failures = self._recorded.failures
        self.only_event = self._recorded.only_event

    @property
    def counts(self) -> ProducerCounts:
        """As `AuditProducer.counts`."""
        return self._recorded.counts

    async def record(self, **fields: Unpack[EventFields]) -> Receipt:
        """Record one event.

        Raises:
            DeliveryError: Within `brokers_down()`.
            AuditsealError: As `RecordedEvents.record`.
        """
        return self._recorded.record(**fields).result()

    async def accept(self, **fields: Unpack[EventFields]) -> PendingReceipt:
        """Record one event; its handle is done at once.

        Raises:
            AuditsealError: As `RecordedEvents.record`.
        """
        return self._recorded.record(**fields)

    def offer(self, **fields: Unpack[EventFields]) -> PendingReceipt:
        """Record one event; its handle is done at once.

        Raises:
            AuditsealError: As `RecordedEvents.record`.
        """
        return self._recorded.record(**fields)

    async def accepted(self, handle: PendingReceipt) -> None:
        """Return at once."""

    def receipt_of(self, handle: PendingReceipt) -> "asyncio.Future[Receipt]":
        """As `AsyncAuditProducer.receipt_of`."""
        return asyncio.wrap_future(handle)

    async def republish(self, encoded: bytes) -> Receipt:
        """As `RecordedEvents.republish`.

        Raises:
            AuditsealError: As `record`.
        """
        return self._recorded.republish(encoded).result()

    async def pause(self, until: datetime) -> Receipt:
        """As `RecordedEvents.pause`, and wait for the receipt.

        Raises:
            EventError: The time has no time zone.
            AuditsealError: As `record`.
        """
        return self._recorded.pause(until).result()

    async def check_broker(self, timeout: float) -> None:
        """As `RecordedEvents.check_broker`.

        Raises:
            BrokerUnavailableError: Within `brokers_down()`.
        """
        self._recorded.check_broker(timeout)

    async def flush(self, timeout: float) -> None:
        """As `RecordedEvents.flush`.

        Raises:
            UndeliveredError: Some failed since the last flush.
        """
        self._recorded.flush(timeout)

    async def close(self, timeout: float) -> None:
        """As `RecordedEvents.close`.

        Raises:
            UndeliveredError: As `flush`.
        """
        self._recorded.close(timeout)

    def buffer_full(self) -> AbstractContextManager[None]:
        """As `RecordedEvents.buffer_full`."""
        return self._recorded.buffer_full()

    def brokers_down(self) -> AbstractContextManager[None]:
        """As `RecordedEvents.brokers_down`."""
        return self._recorded.brokers_down()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._recorded.__exit__(kind, error, trace)
