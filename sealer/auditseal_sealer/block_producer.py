"""A producer of some of a sealer's logs: their blocks that wait go into its next transaction (ADR 0038).

One thread makes all calls. While a transaction commits, the next blocks gather. After an error the producer is
discarded, with all claims that were made for it; the next one has an id of its own.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from types import TracebackType
from typing import Self

from auditseal_daemon.errors import ExpelledError
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.limits import MIB
from auditseal_schemas.origin import Origin
from auditseal_sealer.batch_commit import BatchCommit
from auditseal_sealer.clock import BrokerClock
from auditseal_sealer.context import SealerContext
from auditseal_sealer.errors import FencedError
from auditseal_sealer.fences import Fences
from auditseal_sealer.transactional_producer import GroupMetadata, TransactionalProducer
from auditseal_sealer.waiting_block import Claim, Position, WaitingBlock

_MOST_BYTES = 32 * MIB
"""Of blocks in one transaction; a single one may be larger."""

CLOSE_SECONDS = 0.5
_ENDED = "the producer has ended, since the sealer ends"


class BlockProducer:
    """Commits blocks. Its methods are for any thread.

    Attributes:
        fences: Fences the producers of other processes, and this one's earlier ones.
    """

    def __init__(self, context: SealerContext, group: Callable[[], GroupMetadata]) -> None:
        """Start the thread; `group` returns the metadata that a transaction must show of the group."""
        self._context, self._config, self._commit = context, context.config, BatchCommit(context, group)
        self.fences = Fences(context.config, context.watchdog)
        self._news = threading.Condition()
        self._waiting = deque[WaitingBlock]()
        self._askers = list[Future[str]]()
        self._claims, self._last = dict[Origin, Claim](), dict[Origin, Claim]()
        self._turns, self._under_way = dict[Origin, threading.Lock](), set[Origin]()
        self._producer: TransactionalProducer | None = None
        self._writer, self._earlier = "", set[str]()
        self._fault: Exception = UnavailableError("no producer was made yet")
        self._is_closed = False
        self._thread = threading.Thread(target=self._work, name="blocks", daemon=True)
        self._thread.start()

    def writer(self) -> str:
        """Return the producer's transactional id, once it can write.

        Raises:
            UnavailableError: Kafka does not answer, or this was closed.
        """
        with self._news:
            if self._writer:
                return self._writer
            if self._is_closed:
                raise UnavailableError(_ENDED)
            asker: Future[str] = Future()
            self._askers.append(asker)
            self._news.notify_all()
        try:
            return asker.result(self._config.timeouts.stuck + self._config.timeouts.call)
        except FutureTimeoutError as error:
            raise UnavailableError("there was no producer in time") from error

    def is_own(self, writer: str) -> bool:
        """Return whether a transactional id is or was this producer's."""
        with self._news:
            return writer == self._writer or writer in self._earlier

    def hold(self, claim: Claim) -> None:
        """Accept blocks of a claim from now on, and no more of an earlier claim of its log: none of these is under way.

        Raises:
            FencedError, ExpelledError, UnavailableError: As `check`.
        """
        with self._news:
            self._claims[claim.origin] = self._last[claim.origin] = claim
        if not self._is_idle(claim.origin):
            raise UnavailableError(f"{claim.origin}: a block of an earlier claim is still under way")
        self.check(claim)

    def check(self, claim: Claim) -> None:
        """Check that a block of a claim would be accepted.

        Raises:
            FencedError: Another sealer fenced the producer, or another claim of this process holds the log.
            ExpelledError: Another sealer has this one's name in the group.
            UnavailableError: The producer met another error; whether its last blocks were committed is not known.
        """
        with self._news:
            if problem := self._problem(claim):
                raise problem

    def give_up(self, claim: Claim) -> None:
        """Accept no more blocks of a claim."""
        with self._news:
            if self._claims.get(claim.origin) is claim:
                del self._claims[claim.origin]

    def is_done(self, claim: Claim) -> bool:
        """Return whether all blocks of a claim are decided, and no later claim of its log was made.

        The claim must be given up. A block that is under way is waited for.
        """
        is_idle = self._is_idle(claim.origin)
        with self._news:
            return is_idle and claim.writer == self._writer and self._last[claim.origin] is claim

    def turn_of(self, origin: Origin) -> threading.Lock:
        """Return the lock of a log: one thread at a time takes it over, or says that it was given up."""
        with self._news:
            return self._turns.setdefault(origin, threading.Lock())

    def submit(self, claim: Claim, block: bytes, position: Position) -> "Future[BrokerClock]":
        """Commit a block and the group's position after it, with others; the future has the broker's clock.

        The future raises what `check` raises, and HaltError: BLOCK_TOO_LARGE.

        Raises:
            UnavailableError: This was closed.
        """
        waiting = WaitingBlock(claim, block, position)
        with self._news:
            if self._is_closed:
                raise UnavailableError(_ENDED)
            self._waiting.append(waiting)
            self._news.notify_all()
        return waiting.future

    def end(self) -> None:
        """Disconnect after the blocks that wait."""
        with self._news:
            self._is_closed = True
            self._news.notify_all()

    def close(self) -> None:
        """Disconnect after the blocks that wait. A call that doesn't return is left behind: the process ends."""
        self.end()
        self.join(CLOSE_SECONDS)

    def join(self, seconds: float) -> None:
        """Wait until the thread has ended, for so long at most."""
        self._thread.join(seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _is_idle(self, origin: Origin) -> bool:
        """Wait until no block of a log is under way; return whether it came to that in time."""
        with self._news:
            return self._news.wait_for(lambda: origin not in self._under_way, self._config.timeouts.stuck)

    def _work(self) -> None:
        while self._wait_for_work():
            self._open_if_asked()
            if batch := self._gather():
                self._publish(batch)
        self._discard(UnavailableError(_ENDED))

    def _wait_for_work(self) -> bool:
        with self._news:
            self._news.wait_for(lambda: self._waiting or self._askers or self._is_closed)
            return bool(self._waiting or self._askers)

    def _open_if_asked(self) -> None:
        with self._news:
            askers, self._askers = self._askers, []
        if not askers:
            return
        try:
            writer = self._open()
        except Exception as error:  # whatever it is, those who asked must know
            problem = _for_all(error)
            for asker in askers:
                asker.set_exception(problem)
            return
        for asker in askers:
            asker.set_result(writer)

    def _open(self) -> str:
        """Return the id of the producer, and make one where there is none."""
        if self._producer is None:
            writer = self._config.new_writer()
            self._producer = TransactionalProducer(self._config, self._context.watchdog, writer)
            with self._news:
                self._writer = writer
        return self._writer

    def _gather(self) -> list[WaitingBlock]:
        """Return the blocks of the next transaction; refuse those whose claim counts no more."""
        batch, refused, size = list[WaitingBlock](), list[tuple[WaitingBlock, Exception]](), 0
        with self._news:
            while self._waiting and (not batch or size + len(self._waiting[0].block) <= _MOST_BYTES):
                waiting = self._waiting.popleft()
                if problem := self._problem(waiting.claim):
                    refused.append((waiting, problem))
                else:
                    size += len(waiting.block)
                    batch.append(waiting)
            self._under_way = {waiting.claim.origin for waiting in batch}
        for waiting, problem in refused:
            waiting.future.set_exception(problem)
        return batch

    def _problem(self, claim: Claim) -> Exception | None:
        """Return why a claim counts no more, None if it does."""
        if claim.writer != self._writer:
            return _for_all(self._fault)
        if self._claims.get(claim.origin) is not claim:
            return FencedError(f"{claim.origin}: this process has given the log up, or taken it over again")
        return None

    def _publish(self, batch: Sequence[WaitingBlock]) -> None:
        """Commit blocks, and tell those who wait for them."""
        try:
            assert self._producer is not None  # a claim that counts is of a producer
            clocks = self._commit.run(self._producer, batch)
        except Exception as error:  # whatever it is, those who wait must know, and nothing may follow it
            self._discard(error)
            outcomes = [error if waiting is self._commit.blamed else _for_all(error) for waiting in batch]
            self._end()
            for waiting, problem in zip(batch, outcomes, strict=True):
                waiting.future.set_exception(problem)
            return
        self._end()
        for waiting, clock in zip(batch, clocks, strict=True):
            waiting.future.set_result(clock)

    def _end(self) -> None:
        with self._news:
            self._under_way.clear()
            self._news.notify_all()

    def _discard(self, error: Exception) -> None:
        """Disconnect; nothing that was claimed for this producer counts any more."""
        with self._news:
            self._earlier.add(self._writer)
            self._writer, self._fault = "", error.with_traceback(None)  # whose frames refer to the producer
        if self._producer:
            self._producer.close()
            self._producer = None


def _for_all(error: Exception) -> Exception:
    """Return what an error of the producer is to a log that it isn't about."""
    if isinstance(error, FencedError | ExpelledError):
        return type(error)(str(error))
    return UnavailableError(f"the producer of some logs met an error: {error}")
