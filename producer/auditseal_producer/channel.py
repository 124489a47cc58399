"""One stream of events into Kafka: a librdkafka producer, the thread that serves it, and what waits in it."""

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from typing import cast

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from uuid_utils import uuid7

from auditseal_producer.config import ProducerConfig
from auditseal_producer.errors import (
    BrokerUnavailableError,
    BufferFullError,
    DeliveryError,
    ProducerClosedError,
    PublishError,
    UndeliveredError,
)
from auditseal_producer.receipt import PendingReceipt, ProducerCounts, Receipt
from auditseal_schemas.errors import AuditsealError, ConfigurationError, EventError
from auditseal_schemas.event import AuditEvent, EventFields
from auditseal_schemas.event_codec import MAX_EVENT_BYTES, encode_event
from auditseal_schemas.event_key import event_key
from auditseal_schemas.event_parts import Stream

ErrorCallback = Callable[[DeliveryError], object]

_POLL_SECONDS = 0.1
_PURGE_SECONDS = 10.0
_HELP_EVERY = 100  # events
_log = logging.getLogger("auditseal_producer")


def stamp_fields(fields: EventFields) -> EventFields:
    """Return the fields with an id and a time, where the service gave none."""
    return {"event_id": str(uuid7()), "occurred_at": datetime.now(UTC), **fields}


class Channel:
    """A stream: its id, its sequence, its buffer. Lives in one process; any of its threads may use it.

    The lock is held from taking a sequence number until librdkafka has queued the event, so that events are queued in
    the order of their numbers and a refused one leaves no gap. It is not held while a receipt is handed out.
    """

    def __init__(self, config: ProducerConfig, on_error: ErrorCallback | None) -> None:
        self._config = config
        self._source = config.source
        self._on_error = on_error
        self._stream_id = str(uuid7())
        self._sequence = 0
        self._lock = threading.Lock()
        self._helping = threading.Lock()
        self._room = threading.Condition(self._lock)
        self._idle = threading.Condition(self._lock)
        self._events = self._bytes = 0
        self._acknowledged = self._failed = self._refused = 0
        self._failed_unreported = 0
        self._first_error: DeliveryError | None = None
        self._closed = False
        self._served = True
        try:
            self._kafka = Producer({**config.librdkafka, "logger": _log})
        except (KafkaException, TypeError, ValueError) as error:
            raise ConfigurationError(f"kafka: librdkafka refuses its settings: {error}") from error
        self._thread = threading.Thread(target=self._serve, name="auditseal-producer", daemon=True)
        self._thread.start()

    @property
    def counts(self) -> ProducerCounts:
        """How many events came to which end so far."""
        with self._lock:
            return ProducerCounts(self._acknowledged, self._failed, self._refused, self._events)

    def offer(self, fields: EventFields) -> PendingReceipt | None:
        """Queue one event with the next sequence number, or return None when the buffer is full.

        Raises:
            EventError: The event breaks the schema or a limit.
            ProducerClosedError: The channel is closed.
            PublishError: librdkafka takes no events any more.
        """
        with self._lock:
            try:
                self._check_open()
                pending = self._queue(fields) if self._has_room() else None
            except AuditsealError:
                self._refused += 1
                raise
        if pending is None or not pending.stream.sequence % _HELP_EVERY:
            self._help()
        return pending

    def check(self, fields: EventFields) -> None:
        """Refuse an event that no room would help, before anyone waits for room.

        Raises:
            EventError: The event breaks the schema or a limit.
        """
        with self._lock:
            try:
                self._encode(fields)
            except EventError:
                self._refused += 1
                raise

    def wait_for_room(self, seconds: float) -> bool:
        """Wait until there is room for an event of any size, at most for some seconds; return whether there is.

        The thread that hands out receipts is the one that makes room, so it never waits.
        """
        if threading.current_thread() is self._thread:
            return False
        with self._lock:
            return self._room.wait_for(lambda: self._closed or self._has_room(), seconds)

    def refuse_full(self) -> BufferFullError:
        """Count an event as refused for lack of room, and return the error that says so."""
        with self._lock:
            self._refused += 1
            return BufferFullError(
                f"{self._events} events of {self._bytes} bytes wait for {self._config.bootstrap_servers}: no room for"
                f" another within {self._config.full_wait} s (buffer_events {self._config.buffer_events},"
                f" buffer_bytes {self._config.buffer_bytes})"
            )

    def check_broker(self, timeout: float) -> None:
        """Ask the brokers for the topic.

        Raises:
            BrokerUnavailableError: Nobody answers within `timeout` seconds, or the topic isn't there.
        """
        topic, servers = self._config.topic, self._config.bootstrap_servers
        try:
            found = self._kafka.list_topics(topic, timeout).topics[topic]
        except KafkaException as error:
            raise BrokerUnavailableError(
                f"{servers} doesn't answer within {timeout} s: {error.args[0].str()}"
            ) from error
        if found.error is not None:
            raise BrokerUnavailableError(f"topic {topic} at {servers}: {found.error.str()}")

    def flush(self, timeout: float) -> None:
        """Wait until every accepted event has its receipt or error.

        Raises:
            UndeliveredError: Some still wait after `timeout` seconds, or some failed since the last flush.
        """
        with self._lock:
            self._idle.wait_for(lambda: self._events == 0, timeout)
            waiting, failed, first = self._events, self._failed_unreported, self._first_error
            self._failed_unreported, self._first_error = 0, None
        if waiting or failed:
            raise UndeliveredError(waiting, failed, first)

    def close(self, timeout: float) -> None:
        """Accept nothing more, flush, fail what still waits, and stop.

        Raises:
            UndeliveredError: As `flush`.
        """
        with self._lock:
            self._closed = True
            self._room.notify_all()
        try:
            self.flush(timeout)
        finally:
            self._kafka.purge()
            with self._lock:
                self._idle.wait_for(lambda: self._events == 0, _PURGE_SECONDS)
            self._served = False
            self._thread.join()

    def _has_room(self) -> bool:
        # Room for the largest event, so that it needn't be known yet how large this one is.
        within_bytes = self._bytes <= self._config.buffer_bytes - MAX_EVENT_BYTES
        return within_bytes and self._events < self._config.buffer_events

    def _check_open(self) -> None:
        if self._closed:
            raise ProducerClosedError(
                "the producer is closed: record events before close() or the end of its with block"
            )

    def _queue(self, fields: EventFields) -> PendingReceipt:
        event, encoded = self._encode(fields)
        pending = PendingReceipt(event.event_id, event.stream)
        try:
            self._kafka.produce(
                self._config.topic, encoded, event_key(event), on_delivery=partial(self._settle, pending, len(encoded))
            )
        except (BufferError, KafkaException) as error:
            raise PublishError(f"librdkafka takes no event for {self._config.topic}: {error}") from error
        self._sequence += 1
        self._events += 1
        self._bytes += len(encoded)
        return pending

    def _encode(self, fields: EventFields) -> tuple[AuditEvent, bytes]:
        """Return the event with the next sequence number, and its bytes."""
        event = AuditEvent(source=self._source, stream=Stream(self._stream_id, self._sequence), **fields)
        return event, encode_event(event)

    def _help(self) -> None:
        """Hand out receipts in the thread that records, now and then.

        The binding takes and gives back Python's lock for each of them, so beside a thread that records without a pause
        the serving one would get 200 a second (a turn every 5 ms), and ever more events would wait.
        """
        if self._helping.acquire(blocking=False):  # not so in a callback that records: nor would that end
            try:
                self._kafka.poll(0)
            finally:
                self._helping.release()

    def _serve(self) -> None:
        while self._served:
            self._kafka.poll(_POLL_SECONDS)

    def _settle(self, pending: PendingReceipt, size: int, error: KafkaError | None, message: Message) -> None:
        """Hand out the receipt or the error, and only then make room: after a flush every handle is done."""
        failure = None if error is None else _failure(pending, error, message)
        try:
            if failure is None:
                pending.set_result(_receipt(pending, message))
            else:
                pending.set_exception(failure)
                self._report(pending, failure)
        finally:  # also when a Ctrl-C cuts a callback short
            with self._lock:
                self._count(failure)
                self._events -= 1
                self._bytes -= size
                self._room.notify()
                if not self._events:
                    self._idle.notify_all()

    def _count(self, failure: DeliveryError | None) -> None:
        if failure is None:
            self._acknowledged += 1
            return
        self._failed += 1
        self._failed_unreported += 1
        self._first_error = self._first_error or failure

    def _report(self, pending: PendingReceipt, failure: DeliveryError) -> None:
        _log.error("%s", failure)
        callback = self._on_error
        if callback is not None:
            # Run as a done-callback, which logs what it raises: an exception here would end the thread.
            pending.add_done_callback(lambda _: callback(failure))


def _receipt(pending: PendingReceipt, message: Message) -> Receipt:
    return Receipt(
        topic=message.topic() or "",
        partition=cast("int", message.partition()),
        offset=cast("int", message.offset()),
        timestamp=message.timestamp()[1],
        event_id=pending.event_id,
        stream=pending.stream,
        sha256=sha256(message.value() or b"").digest(),
    )


def _failure(pending: PendingReceipt, error: KafkaError, message: Message) -> DeliveryError:
    return DeliveryError(pending.event_id, message.value() or b"", error.name(), error.str())
