"""The producers of a sealer: each commits the blocks of some of its logs (ADR 0038)."""

import threading
import time
from collections.abc import Callable

from auditseal_schemas.origin import Origin
from auditseal_sealer.block_producer import CLOSE_SECONDS, BlockProducer
from auditseal_sealer.context import SealerContext
from auditseal_sealer.shares import share_of
from auditseal_sealer.transactional_producer import GroupMetadata


class BlockProducers:
    """Makes the producer of a log at its first use. For any thread."""

    def __init__(self, context: SealerContext, group: Callable[[], GroupMetadata]) -> None:
        """Take what `BlockProducer` takes."""
        self._context, self._group = context, group
        self._made, self._lock = dict[int, BlockProducer](), threading.Lock()

    def of(self, origin: Origin) -> BlockProducer:
        """Return the producer of a log, which is the same one as long as this process runs."""
        with self._lock:
            number = share_of(origin.partition)
            if number not in self._made:
                self._made[number] = BlockProducer(self._context, self._group)
            return self._made[number]

    def close(self) -> None:
        """Disconnect all together, in the time that one of them has; see `BlockProducer.close`."""
        with self._lock:
            made = list(self._made.values())
        for producer in made:
            producer.end()
        deadline = time.monotonic() + CLOSE_SECONDS
        for producer in made:
            producer.join(max(0.0, deadline - time.monotonic()))
