"""Publishes one log's blocks in a thread of its own, so that the next block fills meanwhile."""

from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Self

from auditseal_daemon.background import Background
from auditseal_sealer.block_writer import BlockWriter, GroupMetadata, Position
from auditseal_sealer.clock import BrokerClock


class Publisher:
    """One thread that publishes blocks, one after the other, and compresses them before.

    Attributes:
        clock: The broker's clock as the last append showed it.
    """

    def __init__(self, writer: BlockWriter, clock: BrokerClock, group: Callable[[], GroupMetadata]) -> None:
        """Start the thread; `group` returns the metadata that a transaction must show of the group."""
        self.clock = clock
        self._writer, self._group = writer, group
        self._background = Background("publish")

    def publish(self, block: bytes, position: Position) -> "Future[None]":
        """Publish a block; the future raises what `BlockWriter.publish` raises."""
        group = self._group()

        def publish() -> None:
            self.clock = self._writer.publish(block, position, group)

        return self._background.submit(publish)

    def start(self, call: Callable[[], bytes]) -> Callable[[], bytes]:
        """Start a call in the thread; return a function that waits for its result."""
        return self._background.submit(call).result

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._background.close()
