"""Sealing one log from a recovered head until it stops or something fails.

The order is what makes it exactly once: read, fill, wait until the block before has committed, sign, check as a
verifier would, publish. While a block commits, the next one fills; filling isn't signing. One that is due meanwhile
takes what comes until the commit (ADR 0035).
"""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass

from auditseal_schemas.block_draft import BlockDraft, CloseReason, SourceIdentity
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.halt import Halt, HaltError
from auditseal_schemas.header import Header
from auditseal_schemas.kafka_message import encode_message
from auditseal_sealer.archive_age import ArchiveAge
from auditseal_sealer.block_signer import sign_block
from auditseal_sealer.clock import BrokerClock
from auditseal_sealer.context import SealerContext
from auditseal_sealer.errors import UnreadableRecordsError
from auditseal_sealer.event_reader import AT_ONCE, EventReader
from auditseal_sealer.event_record import EventRecord
from auditseal_sealer.hooks import Step
from auditseal_sealer.metrics import LogMetrics
from auditseal_sealer.publisher import Publisher
from auditseal_sealer.recovery import Recovered, ResumePoint
from auditseal_sealer.stop import Stop
from auditseal_sealer.waiting_block import Position

_READS = 8
"""Reads between two looks at the age of the block, at the publication and at the stop."""


@dataclass(frozen=True, slots=True)
class _Publication:
    """A signed block on its way; times in seconds of a monotonic clock, `oldest` in ms since the epoch."""

    future: "Future[BrokerClock]"
    header: Header
    size: int
    closed: float
    oldest: int


class Session:
    """One log, sealed by one thread."""

    def __init__(
        self,
        context: SealerContext,
        recovered: Recovered,
        reader: EventReader,
        publisher: Publisher,
        metrics: LogMetrics,
        archive_age: ArchiveAge,
        *,
        partitions: Callable[[], int],
    ) -> None:
        """Take the log as it was recovered, and a reader that begins at the recovered resume point.

        `partitions` returns the number of the events topic's partitions now, which headers state.
        """
        self._context, self._config, self._hooks = context, context.config, context.hooks
        self._reader, self._publisher = reader, publisher
        self._metrics, self._archive_age, self._partitions = metrics, archive_age, partitions
        self._state, self._events = recovered.state, recovered.events
        self._resume: ResumePoint | None = recovered.resume
        head = recovered.state.head
        self._leader_epoch = head.last_leader_epoch if head else -1
        self._last_block = time.monotonic() - max(0.0, time.time() - head.sealed_at / 1e6) if head else None
        self._publication: _Publication | None = None
        self._lag_shown = 0.0
        self._committed, self._is_quiet = threading.Event(), False
        metrics.begin()
        self._begin_draft()

    def run(self, stop: Stop) -> None:
        """Seal until `stop` is set; then finish the open block, unless another sealer has the log by now.

        Raises:
            FencedError: Another sealer writes this log.
            ExpelledError: The group has expelled this sealer.
            HaltError: It can't continue safely.
            UnreadableRecordsError: The next records can't be read; those before them are published.
            UnavailableError: Kafka is unreachable; records that were read and aren't committed must be read again.
        """
        try:
            self._seal_until(stop)
        except UnreadableRecordsError:
            self._finish(CloseReason.STOPPED)
            raise
        if stop.finishes:
            self._finish(stop.reason)

    def _seal_until(self, stop: Stop) -> None:
        while not stop.is_set():
            self._read(self._rest(self._wait_seconds()))
            self._settle_if_done()
            if not self._publication:
                self._close_if_due()
            self._show_lag()

    def _wait_seconds(self) -> float:
        """Return how long to wait for records: a block that is due waits for the commit of the one before."""
        batch = self._config.batch
        wait = batch.wait_seconds(self._opened, time.monotonic())
        return batch.wait if self._publication and not wait else wait

    def _rest(self, seconds: float) -> float:
        """Let the records of a quiet partition gather while its block is open; return how long to wait for one then.

        To wake up for each of them would take more CPU than to seal it. A commit ends the rest.
        """
        if not self._is_quiet or self._opened is None:
            return seconds
        self._committed.wait(seconds)
        self._committed.clear()
        return 0.0

    def _close_if_due(self) -> None:
        if reason := self._config.batch.close_reason(self._draft.full, self._opened, time.monotonic()):
            self._close(reason)
        elif self._is_silent():
            self._close(CloseReason.HEARTBEAT)

    def _is_silent(self) -> bool:
        """Return whether a block without records is due, and everything that the partition has is sealed."""
        is_due = self._opened is None and self._config.batch.is_heartbeat_due(self._last_block, time.monotonic())
        return is_due and self._reader.is_at_end()

    def _finish(self, reason: CloseReason) -> None:
        """Seal the records that were read, and wait until they are committed."""
        if self._draft.count:
            self._close(reason)
        self._settle()

    def _read(self, wait: float) -> None:
        """Fill the draft with the records that come within `wait` seconds, and with more that are there already."""
        taken, read, take = 0, self._reader.read, self._take
        for _ in range(_READS):
            messages = read(wait)
            taken, wait, is_last = taken + take(messages), 0.0, len(messages) < AT_ONCE
            del messages  # their long contents end with the next read
            if is_last:
                break
        self._is_quiet = self._is_quiet and taken < AT_ONCE
        if taken:
            self._metrics.consumed.inc(taken)

    def _begin_draft(self) -> None:
        self._draft = BlockDraft(
            self._state,
            self._config.limits,
            log_start=self._events.start,
            unreadable=[(skip.start, skip.stop - 1) for skip in self._reader.skips],
            start=self._publisher.start,
        )
        self._opened: float | None = None
        self._oldest = -1

    def _take(self, messages: Sequence[EventRecord]) -> int:
        """Fill the draft, closing it as often as it is full; return the number of records that are new."""
        if not messages:
            return 0
        if self._resume:
            messages = self._check_continuation(messages, self._resume)
            self._resume = None
        count = len(messages)
        while messages:
            if self._opened is None:
                self._opened, self._oldest = time.monotonic(), messages[0].timestamp
                self._show_oldest()
            try:
                taken = self._draft.extend(messages)
            except ValueError as error:
                raise HaltError(Halt.LOG_RECREATED, f"{self._state.origin}: {error}") from error
            if taken:
                self._see_epoch(messages[taken - 1])
            if self._draft.full:
                self._close(self._draft.full)
            messages = messages[taken:]
        return count

    def _check_continuation(self, messages: Sequence[EventRecord], resume: ResumePoint) -> Sequence[EventRecord]:
        """Check that the log has the sealed record at its last sealed offset; return the records after it."""
        if resume.record is None:
            return messages
        if messages[0].offset != resume.offset or encode_message(messages[0]) != resume.record:
            problem = f"the record at offset {messages[0].offset} isn't the one that was sealed at {resume.offset}"
            raise HaltError(Halt.LOG_RECREATED, f"{self._state.origin}: {problem}")
        return messages[1:]

    def _see_epoch(self, message: EventRecord) -> None:
        epoch = message.leader_epoch
        if epoch is None:
            return
        if epoch < self._leader_epoch:
            problem = f"the leader's epoch went back from {self._leader_epoch} to {epoch} at offset {message.offset}"
            raise HaltError(Halt.LOG_TRUNCATED, f"{self._state.origin}: {problem}")
        self._leader_epoch = epoch

    def _close(self, reason: CloseReason) -> None:
        """Sign the draft as the next block and pass it to the publisher."""
        self._settle()
        self._publisher.check()
        closed = time.monotonic()
        self._metrics.closed(reason)
        events, partitions = self._events, max(self._events.partitions, self._partitions())
        source = SourceIdentity(events.cluster_id, events.topic_id, partitions, self._leader_epoch)
        block, state = sign_block(self._context, self._state, self._draft, source, self._publisher.clock)
        data = block.format()
        future = self._publisher.publish(data, Position(state.next_offset, state.height))
        future.add_done_callback(self._wake)
        self._publication = _Publication(future, block.header, len(data), closed, self._oldest)
        self._state, self._last_block = state, closed
        self._is_quiet = self._config.batch.is_quiet(block.header.count, self._opened, closed)
        self._begin_draft()

    def _wake(self, _: "Future[BrokerClock]") -> None:
        """Let a rest or a read that waits for records end: a block has committed, or never will."""
        self._committed.set()
        self._reader.wake()

    def _settle_if_done(self) -> None:
        if self._publication and (self._publication.future.done() or not self._seconds_left(self._publication)):
            self._settle()

    def _seconds_left(self, publication: _Publication) -> float:
        """Return how long a block may still commit."""
        timeouts = self._config.timeouts
        return max(0.0, publication.closed + timeouts.stuck + timeouts.call - time.monotonic())

    def _settle(self) -> None:
        """Wait until the block before has committed, and count it."""
        publication, self._publication = self._publication, None
        if not publication:
            return
        try:
            publication.future.result(self._seconds_left(publication))
        except FutureTimeoutError as error:
            raise UnavailableError(f"{self._state.origin}: a block wasn't committed in time") from error
        self._count(publication)
        self._hooks.after(Step.SETTLED, self._state.origin)

    def _count(self, publication: _Publication) -> None:
        metrics, header = self._metrics, publication.header
        self._archive_age.sealed(header.height, header.sealed_at)
        metrics.sealed.inc(header.count)
        metrics.blocks.inc()
        metrics.gaps.inc(len(header.gaps))
        metrics.height.set(header.height + 1)
        metrics.last_sealed.set_to_current_time()
        metrics.seal_seconds.observe(time.monotonic() - publication.closed)
        if header.count:
            metrics.event_seconds.observe(max(0.0, time.time() - publication.oldest / 1000))
        metrics.block_events.observe(header.count)
        metrics.block_bytes.observe(publication.size)
        self._show_oldest()

    def _show_oldest(self) -> None:
        """Show the oldest record that isn't sealed: of the block on its way, or of the open one."""
        if not self._publication:
            self._metrics.oldest_unsealed = self._oldest if self._opened is not None else None

    def _show_lag(self) -> None:
        if time.monotonic() - self._lag_shown >= 1:
            self._lag_shown = time.monotonic()
            sealed = self._publication.header.first_offset if self._publication else self._state.next_offset
            self._metrics.lag.set(max(0, self._reader.known_end() - sealed))
