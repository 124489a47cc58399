"""Commits the blocks of some logs, and the group's positions after them, in one transaction.

The steps are begin, produce, flush, send offsets, commit: docs/explanation/kafka.md says why in this order.
"""

import time
from collections.abc import Callable, Sequence

from auditseal_sealer.clock import BrokerClock
from auditseal_sealer.context import SealerContext
from auditseal_sealer.errors import StaleGroupError
from auditseal_sealer.hooks import Step
from auditseal_sealer.mark import Act, Mark
from auditseal_sealer.transactional_producer import Delivery, GroupMetadata, TransactionalProducer
from auditseal_sealer.waiting_block import WaitingBlock

_PAUSE = 0.1  # s: until the group's news are there


class BatchCommit:
    """Commits one batch after the other.

    Attributes:
        blamed: The block that the last error is about; None where it is about all of them.
    """

    def __init__(self, context: SealerContext, group: Callable[[], GroupMetadata]) -> None:
        """Take what `BlockProducer` takes."""
        self._context, self._group = context, group
        self.blamed: WaitingBlock | None = None

    def run(self, producer: TransactionalProducer, batch: Sequence[WaitingBlock]) -> list[BrokerClock]:
        """Commit blocks, and return the broker's clock at each; again if the group's generation ended meanwhile.

        Raises:
            FencedError, ExpelledError, HaltError, UnavailableError: As `TransactionalProducer`.
        """
        self.blamed = None
        deadline = time.monotonic() + self._context.config.timeouts.call
        while True:
            try:
                return self._transact(producer, batch)
            except StaleGroupError:
                if time.monotonic() > deadline:
                    raise
                producer.abort()
                time.sleep(_PAUSE)

    def _transact(self, producer: TransactionalProducer, batch: Sequence[WaitingBlock]) -> list[BrokerClock]:
        group = self._group()
        producer.begin()
        self._after(Step.BEGUN, batch)
        deliveries = [self._produce(producer, waiting) for waiting in batch]
        self._after(Step.PRODUCED, batch)
        producer.flush()
        for waiting, delivery in zip(batch, deliveries, strict=True):
            self.blamed = waiting
            producer.check(delivery)
        self.blamed = None
        self._after(Step.FLUSHED, batch)
        producer.send_offsets([waiting.place for waiting in batch], group)
        self._after(Step.OFFSETS_SENT, batch)
        producer.commit()
        self._after(Step.COMMITTED, batch)
        return [delivery.clock for delivery in deliveries]

    def _produce(self, producer: TransactionalProducer, waiting: WaitingBlock) -> Delivery:
        self.blamed = waiting
        origin, key = waiting.claim.origin, Mark(Act.BLOCK, producer.id).format()
        what = f"{origin}: block {waiting.position.height - 1}"
        delivery = producer.produce(origin.partition, key, waiting.block, what)
        self.blamed = None
        return delivery

    def _after(self, step: Step, batch: Sequence[WaitingBlock]) -> None:
        for waiting in batch:
            self.blamed = waiting
            self._context.hooks.after(step, waiting.claim.origin)
        self.blamed = None
