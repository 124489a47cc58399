"""The producer for threads: `record` returns at once, the receipt follows."""

from time import monotonic
from types import TracebackType
from typing import Self, Unpack

from auditseal_producer.channel import Channel, ErrorCallback, stamp_fields
from auditseal_producer.config import ProducerConfig
from auditseal_producer.errors import UndeliveredError
from auditseal_producer.process_channel import ProcessChannel
from auditseal_producer.receipt import PendingReceipt, ProducerCounts
from auditseal_schemas.event import EventFields


class AuditProducer:
    """Publishes audit events: idempotent, acknowledged by all in-sync replicas, one actor's in order.

    Any thread may use it, and so may forked children: each gets a stream of its own. Make one for a service, and close
    it, best by `with`. Making it doesn't wait for a broker (`check_broker` does).

    Args:
        config: Where to publish, and as whom.
        on_error: Called with each DeliveryError, in the producer's own thread or, under load, in one that records; it
            must not block.

    Raises:
        ConfigurationError: librdkafka refuses the settings.
    """

    def __init__(self, config: ProducerConfig, *, on_error: ErrorCallback | None = None) -> None:
        self._full_wait = config.full_wait
        self._close_timeout = config.close_timeout
        self._channel = ProcessChannel(config, on_error)

    @property
    def counts(self) -> ProducerCounts:
        """Events by outcome so far, for `auditseal_producer_events_total{outcome}`."""
        return self._channel.counts

    def record(self, **fields: Unpack[EventFields]) -> PendingReceipt:
        """Accept one event, and return the handle that ends in its receipt or its DeliveryError.

        In a full buffer a valid event waits for room for `full_wait` seconds. Not for signal handlers: it takes a lock.

        Raises:
            EventError: The event breaks the schema or a limit. No sequence number is used up, here and below.
            BufferFullError: There was no room in time.
            ProducerClosedError: The producer is closed.
            PublishError: The producer can't go on: make a new one.
        """
        stamped = stamp_fields(fields)
        channel = self._channel.get()
        return channel.offer(stamped) or self._offer_again(channel, stamped)

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

    def _offer_again(self, channel: Channel, stamped: EventFields) -> PendingReceipt:
        channel.check(stamped)
        deadline = monotonic() + self._full_wait
        pending = None
        while pending is None:
            if not channel.wait_for_room(deadline - monotonic()):
                raise channel.refuse_full()
            pending = channel.offer(stamped)
        return pending
