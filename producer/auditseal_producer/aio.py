"""The producer for asyncio: `await record(...)` gives the receipt, and no call blocks the loop."""

import asyncio
import logging
import math
import threading
from datetime import datetime
from types import TracebackType
from typing import NamedTuple, Self, Unpack

from auditseal_producer.config import ProducerConfig
from auditseal_producer.errors import UndeliveredError
from auditseal_producer.event_channel import EventChannel
from auditseal_producer.loop_calls import LoopCalls
from auditseal_producer.loop_turns import LoopTurns
from auditseal_producer.outgoing import Outgoing
from auditseal_producer.pending import PendingReceipt
from auditseal_producer.process_channel import ProcessChannel
from auditseal_producer.receipt import ProducerCounts, Receipt
from auditseal_producer.receipts import ErrorCallback
from auditseal_producer.spooled_receipt import SpooledReceipt
from auditseal_schemas.event import EventFields


class AsyncAuditProducer:
    """As AuditProducer, for coroutines; of any loop, even of several at a time.

    An event is accepted when `record` is first awaited, or once there is room for it: from then on it goes its way even
    where the awaiting task is cancelled. Use `asyncio.gather` or tasks to have many on their way at once.

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
        self._of_thread = threading.local()

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
        return await self.receipt_of(await self.accept(**fields))

    async def accept(self, **fields: Unpack[EventFields]) -> PendingReceipt:
        """Record one event, and wait only until it is accepted: in the buffer or, with a spool, on disk.

        `await receipt_of(handle)` gives the receipt of the handle that this returns.

        Raises:
            AuditsealError: As `record`.
        """
        await self._own_loop().turns.take()
        channel = self._channel.get()
        return await self._accept(channel, channel.encode(fields))

    def offer(self, **fields: Unpack[EventFields]) -> PendingReceipt:
        """Record one event without waiting for room or for the disk. With a spool, await `accepted` next.

        Raises:
            BufferFullError: The buffer, or the spool, is full now.
            AuditsealError: As `record`.
        """
        channel = self._channel.get()
        pending = channel.offer(channel.encode(fields))
        if pending is None:
            raise channel.refuse_full()
        return pending

    async def accepted(self, handle: PendingReceipt) -> None:
        """Wait until an event that was offered is on disk; without a spool return at once.

        Raises:
            SpoolError: It can't be written.
            EventError: It is too large.
        """
        if isinstance(handle, SpooledReceipt):
            await _wait_for_disk(handle, self._own_loop().calls)

    def receipt_of(self, handle: PendingReceipt) -> "asyncio.Future[Receipt]":
        """Return a future of this loop that ends as a handle does.

        It is `asyncio.wrap_future`, but that many receipts at once cost one wake-up of the loop.
        """
        return self._own_loop().calls.receipt_of(handle)

    async def republish(self, encoded: bytes) -> Receipt:
        """As `AuditProducer.republish`, and wait for the receipt.

        Raises:
            DecodeError: The bytes aren't an event.
            AuditsealError: As `record`.
        """
        await self._own_loop().turns.take()
        channel = self._channel.get()
        return await self.receipt_of(await self._accept(channel, channel.read_published(encoded)))

    async def pause(self, until: datetime) -> Receipt:
        """As `AuditProducer.pause`, and wait for the receipt.

        Raises:
            EventError: The time has no time zone.
            AuditsealError: As `AuditProducer.pause`.
        """
        pending = self._channel.pause(until)
        if pending is None:
            raise self._channel.get().refuse_full()
        return await self.receipt_of(pending)

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

    def _own_loop(self) -> "_OwnLoop":
        """Return what belongs to the loop that runs in this thread."""
        loop = asyncio.get_running_loop()
        own: _OwnLoop | None = getattr(self._of_thread, "loop", None)
        if own is None or own.turns.loop is not loop:
            own = self._of_thread.loop = _OwnLoop(LoopTurns(loop), LoopCalls(loop))
        return own

    async def _accept(self, channel: EventChannel, outgoing: Outgoing) -> PendingReceipt:
        pending = channel.offer(outgoing) or await self._offer_again(channel, outgoing)
        await self.accepted(pending)
        return pending

    async def _offer_again(self, channel: EventChannel, outgoing: Outgoing) -> PendingReceipt:
        """Wait for room as the others do, in their order."""
        loop, calls = asyncio.get_running_loop(), self._own_loop().calls
        deadline = None if self._full_wait == math.inf else loop.time() + self._full_wait
        try:
            async with asyncio.timeout_at(deadline):
                while True:
                    woken, wake = calls.make_wake()
                    channel.room.add(wake)
                    try:
                        pending = channel.offer(outgoing)  # once more, now that room can't come unnoticed
                        if pending is not None:
                            return pending
                        await woken
                    finally:
                        channel.room.discard(wake)
        except TimeoutError:
            raise channel.refuse_full() from None


class _OwnLoop(NamedTuple):
    """The turns of a loop, and the calls of other threads into it."""

    turns: LoopTurns
    calls: LoopCalls


async def _wait_for_disk(pending: SpooledReceipt, calls: LoopCalls) -> None:
    """As `SpooledReceipt.wait_until_accepted`; where the task is cancelled, the event goes its way."""
    while not pending.written_or_refused:
        woken, wake = calls.make_wake()
        pending.waiters.add(wake)
        try:
            if not pending.written_or_refused:  # once more, now that it can't come unnoticed
                await woken
        finally:
            pending.waiters.discard(wake)
    pending.check_written()
