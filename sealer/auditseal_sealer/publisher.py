"""Publishes one log's blocks, so that the next block fills meanwhile, and compresses them before."""

from collections.abc import Callable
from concurrent.futures import Executor, Future

from auditseal_sealer.block_writer import BlockWriter
from auditseal_sealer.clock import BrokerClock
from auditseal_sealer.waiting_block import Position


class Publisher:
    """Publishes blocks, one after the other.

    Attributes:
        clock: The broker's clock as the last append showed it.
    """

    def __init__(self, writer: BlockWriter, pool: Executor) -> None:
        """Take the writer, and a pool that compresses."""
        self.clock, self._writer, self._pool = writer.clock, writer, pool

    def check(self) -> None:
        """Check that a block would be accepted; see `BlockWriter.check`."""
        self._writer.check()

    def publish(self, block: bytes, position: Position) -> "Future[BrokerClock]":
        """Publish a block; see `BlockWriter.publish`."""
        committed = self._writer.publish(block, position)
        committed.add_done_callback(self._note)
        return committed

    def _note(self, committed: "Future[BrokerClock]") -> None:
        if not committed.exception():
            self.clock = committed.result()

    def start(self, call: Callable[[], bytes]) -> Callable[[], bytes]:
        """Start a call in the pool; return a function that waits for its result."""
        return self._pool.submit(call).result
