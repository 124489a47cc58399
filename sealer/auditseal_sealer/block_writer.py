"""Writes the blocks of one log, from its takeover until the log is given up."""

from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from types import TracebackType
from typing import Self

import structlog

from auditseal_schemas.errors import AuditsealError, UnavailableError
from auditseal_schemas.origin import Origin
from auditseal_sealer.block_producer import BlockProducer
from auditseal_sealer.clock import BrokerClock
from auditseal_sealer.context import SealerContext
from auditseal_sealer.takeover import release, take_over
from auditseal_sealer.waiting_block import Position


class BlockWriter:
    """The one writer of a log.

    Attributes:
        clock: The broker's clock, as the takeover showed it.
        rivals: The producers of other sealers that were fenced for it.
    """

    def __init__(self, context: SealerContext, origin: Origin, blocks: BlockProducer) -> None:
        """Take the log over.

        Raises:
            FencedError, ExpelledError, HaltError, UnavailableError: As `take_over`.
        """
        self._context, self._blocks = context, blocks
        taken = take_over(context, origin, blocks)
        self._claim, self.clock, self.rivals = taken.claim, taken.clock, taken.rivals

    def check(self) -> None:
        """Check that a block would be accepted, before it is signed.

        Raises:
            FencedError, ExpelledError, UnavailableError: As `BlockProducer.check`.
        """
        self._blocks.check(self._claim)

    def publish(self, block: bytes, position: Position) -> "Future[BrokerClock]":
        """Commit a block and the group's position after it; see `BlockProducer.submit`."""
        return self._blocks.submit(self._claim, block, position)

    def commit(self, block: bytes, position: Position) -> None:
        """Commit a block, and wait for it.

        Raises:
            FencedError, ExpelledError, HaltError, UnavailableError: As `BlockProducer.submit`.
        """
        timeouts = self._context.config.timeouts
        try:
            self.publish(block, position).result(timeouts.stuck + timeouts.call)
        except FutureTimeoutError as error:
            raise UnavailableError(f"{self._claim.origin}: a block wasn't committed in time") from error

    def release(self) -> None:
        """Give the log up, and let its next writer know: it would fence the producer of all our logs.

        It does so, too, where Kafka doesn't take the release.
        """
        self._blocks.give_up(self._claim)
        try:
            release(self._context, self._claim, self._blocks)
        except AuditsealError as error:
            log = structlog.get_logger("auditseal.sealer").bind(origin=str(self._claim.origin))
            log.warning("could not say that the log was given up", problem=str(error))

    def close(self) -> None:
        """Give the log up."""
        self._blocks.give_up(self._claim)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
