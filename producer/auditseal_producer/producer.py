"""The producer for threads: `record` returns at once, the receipt follows."""

import logging
from datetime import datetime
from time import monotonic
from types import TracebackType
from typing import Self, Unpack

from auditseal_producer.config import ProducerConfig
from auditseal_producer.errors import UndeliveredError
from auditseal_producer.event_channel import EventChannel
from auditseal_producer.outgoing import Outgoing
from auditseal_producer.pending import PendingReceipt
from auditseal_producer.process_channel import ProcessChannel
from auditseal_producer.receipt import ProducerCounts
from auditseal_producer.receipts import ErrorCallback
from auditseal_schemas.event import EventFields


class AuditProducer:
    """Publishes audit events: idempotent, acknowledged by all in-sync replicas, one actor's in order.

    Any thread may use it, and so may forked children: each gets a stream of its own. Make one for a service, and close
    it, best by `with`. Making it checks the settings; the first event, or `check_broker`, connects.

    Args:
        config: Where to publish, and as whom.
        on_error: Called with each DeliveryError, in the producer's own thread; it must not block. Never with a spool.
        logger: Where the producer logs, librdkafka's lines included; `auditseal_producer` unless given.

    Raises:
        ConfigurationError: librdkafka refuses the settings, or gevent or eventlet has replaced threads.
        SpoolError: The spool can't be opened.
    """

    def __init__(
        self, config: ProducerConfig, *, on_error: ErrorCallback | None = None, logger: logging.Logger | None = None
    ) -> None:
        self._full_wait = config.full_wait
        self._close_timeout = config.close_timeout
        self._channel = ProcessChannel(config, on_error, logger)

    @property
    def counts(self) -> ProducerCounts:
        """Events by outcome so far, for `auditseal_producer_events_total{outcome}`."""
        return self._channel.counts

    def record(self, **fields: Unpack[EventFields]) -> PendingReceipt:
        """Accept one event, and return the handle that ends in its receipt or its DeliveryError.

        In a full buffer, or a full spool, a valid event waits for room for `full_wait` seconds. With a spool, the event
        is on disk when this returns.

        Raises:
            EventError: The event breaks the schema or a limit. No sequence number is used up, here and below.
            BufferFullError: There was no room in time.
            ProducerClosedError: The producer is closed.
            SpoolError: The event can't be written to the spool.
            PublishError: The producer can't continue: make a new one.
            ConfigurationError: This is the first event, and the connection can't be made: a file of a key is gone.
        """
        channel = self._channel.get()
        return self._offer(channel, channel.encode(fields))

    def republish(self, encoded: bytes) -> PendingReceipt:
        """Publish an event again as it is, such as a `DeliveryError.encoded`: its id, source, stream and number stay.

        Raises:
            DecodeError: The bytes aren't an event.
            BufferFullError: As `record`, and so are the others.
        """
        channel = self._channel.get()
        return self._offer(channel, channel.read_published(encoded))

    def pause(self, until: datetime) -> PendingReceipt:
        """Record that this stream will be silent until a time, and return the handle of that event.

        Auditors then don't miss the service before that time. Any later event ends the pause; `close` doesn't.

        Raises:
            EventError: The time has no time zone.
            BufferFullError: The buffer, or the spool, is full now: this call does not wait.
            ProducerClosedError: As `record`, and so are the others.
        """
        pending = self._channel.pause(until)
        if pending is None:
            raise self._channel.get().refuse_full()
        pending.wait_until_accepted()
        return pending

    def check_broker(self, timeout: float) -> None:
        """Ask the brokers for the topic: for a service that would rather not start without.

        Raises:
            BrokerUnavailableError: Nobody answers within `timeout` seconds, or the topic isn't there.
        """
        self._channel.get().check_broker(timeout)

    def flush(self, timeout: float) -> None:
        """Wait until every accepted event has its receipt or error.

        Raises:
            UndeliveredError: Some still wait after `timeout` seconds, or some failed since the last flush.
        """
        self._channel.flush(timeout)

    def close(self, timeout: float) -> None:
        """Accept nothing more, flush, fail what still waits after `timeout` seconds, and stop. Closing twice is fine.

        With a spool nothing fails: what still waits stays on disk, and its handle ends in a StillSpooledError.

        Raises:
            UndeliveredError: As `flush`.
        """
        self._channel.close(timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close(self._close_timeout)
        except UndeliveredError as undelivered:
            if error is None:
                raise
            error.add_note(str(undelivered))

    def _offer(self, channel: EventChannel, outgoing: Outgoing) -> PendingReceipt:
        pending = channel.offer(outgoing) or self._offer_again(channel, outgoing)
        channel.let_receipts_out()
        pending.wait_until_accepted()
        return pending

    def _offer_again(self, channel: EventChannel, outgoing: Outgoing) -> PendingReceipt:
        deadline = monotonic() + self._full_wait
        pending: PendingReceipt | None = None
        while pending is None:
            if not channel.wait_for_room(deadline - monotonic()):
                raise channel.refuse_full()
            pending = channel.offer(outgoing)
        return pending
