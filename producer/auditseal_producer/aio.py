"""The producer for asyncio: `await record(...)` gives the receipt, and no call blocks the loop."""

import asyncio
from time import monotonic
from types import TracebackType
from typing import Self, Unpack

from auditseal_producer.channel import Channel, ErrorCallback, stamp_fields
from auditseal_producer.config import ProducerConfig
from auditseal_producer.errors import UndeliveredError
from auditseal_producer.process_channel import ProcessChannel
from auditseal_producer.receipt import PendingReceipt, ProducerCounts, Receipt
from auditseal_schemas.event import EventFields

_RETRY_SECONDS = 0.005


class AsyncAuditProducer:
    """As AuditProducer, for coroutines; of any loop, even of several at a time.

    An event is accepted when `record` is first awaited, or once there is room for it: from then on it goes its way even
    where the awaiting task is cancelled. Use `asyncio.gather` or tasks to have many on their way at once.

    Args:
        config: Where to publish, and as whom.
        on_error: Called with each DeliveryError, in the producer's own thread or, under load, in one that records,
            which may be the loop's; it must not block.

    Raises:
        ConfigurationError: librdkafka refuses the settings.
    """

    def __init__(self, config: ProducerConfig, *, on_error: ErrorCallback | None = None) -> None:
        self._full_wait = config.full_wait
        self._close_timeout = config.close_timeout
        self._channel = ProcessChannel(config, on_error)

    @property
    def counts(self) -> ProducerCounts:
        """As `AuditProducer.counts`."""
        return self._channel.counts

    async def record(self, **fields: Unpack[EventFields]) -> Receipt:
        """Record one event, and wait for its receipt.

        Raises:
            DeliveryError: The event got no acknowledgement.
            AuditsealError: The event was refused; the types are those of `AuditProducer.record`.
        """
        stamped = stamp_fields(fields)
        channel = self._channel.get()
        pending = channel.offer(stamped) or await self._offer_again(channel, stamped)
        return await asyncio.wrap_future(pending)

    async def check_broker(self, timeout: float) -> None:
        """As `AuditProducer.check_broker`.

        Raises:
            BrokerUnavailableError: Nobody answers within `timeout` seconds, or the topic isn't there.
        """
        await asyncio.to_thread(self._channel.get().check_broker, timeout)

    async def flush(self, timeout: float) -> None:
        """As `AuditProducer.flush`.

        Raises:
            UndeliveredError: Some still wait after `timeout` seconds, or some failed since the last flush.
        """
        await asyncio.to_thread(self._channel.flush, timeout)

    async def close(self, timeout: float) -> None:
        """As `AuditProducer.close`.

        Raises:
            UndeliveredError: As `flush`.
        """
        await asyncio.to_thread(self._channel.close, timeout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self.close(self._close_timeout)
        except UndeliveredError as undelivered:
            if error is None:
                raise
            error.add_note(str(undelivered))

    async def _offer_again(self, channel: Channel, stamped: EventFields) -> PendingReceipt:
        channel.check(stamped)
        deadline = monotonic() + self._full_wait
        pending = None
        while pending is None:
            if monotonic() >= deadline:
                raise channel.refuse_full()
            await asyncio.sleep(_RETRY_SECONDS)
            pending = channel.offer(stamped)
        return pending
