"""Seals one partition in a thread of its own: recovers the head, seals, and after a failure recovers again."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Protocol

import structlog
from confluent_kafka import TopicPartition

from auditseal_daemon.errors import ExpelledError
from auditseal_daemon.topic_rules import TopicView
from auditseal_schemas.block_draft import CloseReason
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.halt import HaltError
from auditseal_schemas.origin import Origin
from auditseal_schemas.ranges import join_ranges
from auditseal_sealer.archive_age import ArchiveAge
from auditseal_sealer.block_producers import BlockProducers
from auditseal_sealer.block_writer import BlockWriter
from auditseal_sealer.committed_head import recover_committed_head
from auditseal_sealer.context import SealerContext
from auditseal_sealer.damage_extent import find_extent
from auditseal_sealer.errors import FencedError, NoBlocksPartitionError, UnreadableRecordsError
from auditseal_sealer.event_reader import EventReader
from auditseal_sealer.metrics import LogMetrics
from auditseal_sealer.new_partition import is_new_partition
from auditseal_sealer.publisher import Publisher
from auditseal_sealer.record_consumer import RecordConsumer
from auditseal_sealer.record_source import Consumer, RecordSource
from auditseal_sealer.recovery import Recovered
from auditseal_sealer.restart import Failure
from auditseal_sealer.sealing_state import SealingState
from auditseal_sealer.session import Session
from auditseal_sealer.shares import share_of
from auditseal_sealer.stop import Stop
from auditseal_sealer.unreadable import Doubt, Unreadable


class Owner(Protocol):
    """The sealer, as its partitions call it from their threads."""

    @property
    def producers(self) -> BlockProducers:
        """The producers of blocks."""
        ...

    def topics(self) -> tuple[TopicView, TopicView]:
        """Return the events and the blocks topic as they are now."""
        ...

    def report(self, partition: "PartitionSealer", state: SealingState, problem: str | None = None) -> None:
        """Note a partition's state, and why it isn't sealed."""
        ...

    def fail(self, error: Exception) -> None:
        """Take an error that ends the whole sealer."""
        ...


class PartitionSealer:
    """The sealing of one partition.

    Attributes:
        origin: The partition's log.
        metrics: The log's metrics.
        archive_age: How long its blocks have been waiting for the vault.
    """

    def __init__(self, context: SealerContext, origin: Origin, metrics: LogMetrics, owner: Owner) -> None:
        """Start the thread."""
        self.origin, self.metrics, self.archive_age = origin, metrics, ArchiveAge()
        self._stop, self._held = Stop(), threading.Event()
        self._context = context.retrying(self._stop.event, self._show_signer)
        self._config, self._owner = context.config, owner
        self._log = structlog.get_logger("auditseal.sealer").bind(origin=str(origin))
        self._doubt, self._skips = Doubt(), tuple[range, ...]()
        self._writer: BlockWriter | None = None
        self._took_from_rival = False
        self._thread = threading.Thread(target=self._run, name=f"partition-{origin.partition}", daemon=True)
        self._thread.start()

    def finish(self, reason: CloseReason) -> None:
        """Ask to publish the records that were read, and to end."""
        self._stop.finish(reason)

    def abandon(self) -> None:
        """Ask to end at once."""
        self._stop.abandon()

    def hold(self, error: HaltError) -> None:
        """End the sealing of this partition alone, for an error that is no reason to stop the others."""
        if self._held.is_set():
            return
        self._held.set()
        self._log.critical(
            "a new partition halted, the others continue",
            reason=error.halt.name,
            problem=str(error),
            runbook=error.halt.runbook,
        )
        self.metrics.suspend()
        self._owner.report(self, SealingState.HALTED, str(error))
        self._stop.abandon()

    def join(self, seconds: float) -> bool:
        """Wait for the end; return whether it came."""
        self._thread.join(max(0.0, seconds))
        return not self._thread.is_alive()

    def _run(self) -> None:
        """Seal until asked to stop; pass on an error that can't be survived."""
        try:
            self._keep_sealing()
            if self._writer and self._stop.reason is CloseReason.REVOKED:
                self._writer.release()
        except HaltError as error:
            self._halt(error)
        except Exception as error:  # whatever it is, the sealer must end for it and not go on without this partition
            self._owner.fail(error)

    def _halt(self, error: HaltError) -> None:
        """End the sealer, or this partition alone where it is new."""
        try:
            is_new = is_new_partition(self._context, self.origin, self._owner.topics())
        except UnavailableError:  # so nothing says that it is new
            is_new = False
        if is_new:
            self.hold(error)
        else:
            self._owner.fail(error)

    def _keep_sealing(self) -> None:
        policy = self._config.restarts
        restart = policy.first()
        while not self._stop.is_set():
            begun = time.monotonic()
            try:
                self._seal()
            except (UnavailableError, FencedError, ExpelledError, UnreadableRecordsError) as error:
                self.metrics.suspend()
                if self._stop.is_set():
                    return
                if isinstance(error, UnreadableRecordsError) and self._skip(error.found):
                    restart = policy.first()
                    continue
                following = policy.after(restart, self._failure_of(error), time.monotonic() - begun)
                if following is None:
                    raise
                restart = following
                self._report(_state_after(error), str(error))
                self._log.warning("not sealing, will recover the head", problem=str(error), pause_seconds=restart.pause)
                self._stop.wait(restart.pause)

    def _seal(self) -> None:
        """Recover the head and seal from there until asked to stop."""
        started = time.monotonic()
        self._took_from_rival = False
        self._check_place()
        with ExitStack() as clients:
            with self._context.recoveries.turn():
                writer = BlockWriter(self._context, self.origin, self._owner.producers.of(self.origin))
                self._writer = clients.enter_context(writer)
                self._took_from_rival = bool(writer.rivals)
                recovered = recover_committed_head(self._context, self.origin, writer)
            self._show_recovered(recovered)
            self._seal_by(writer, recovered, started)

    def _seal_by(self, writer: BlockWriter, recovered: Recovered, started: float) -> None:
        """Seal with the one writer of the log; `started` is when the recovery began, on a monotonic clock."""
        resume = recovered.resume
        with self._open_reader(self._connect(), recovered.events.fetch_bytes, self._skips) as reader:
            reader.seek(resume.offset, resume.leader_epoch)
            publisher = Publisher(writer, self._context.pool)
            log = self._context, recovered, reader, publisher, self.metrics, self.archive_age
            session = Session(*log, partitions=self._partitions)
            state, seconds = recovered.state, round(time.monotonic() - started, 3)
            self._log.info("sealing", height=state.height, next_offset=state.next_offset, seconds=seconds)
            self._report(SealingState.SEALING)
            session.run(self._stop)

    def _failure_of(self, error: Exception) -> Failure:
        if isinstance(error, ExpelledError):
            return Failure.EXPELLED
        if isinstance(error, FencedError):
            return Failure.FOUGHT if self._took_from_rival else Failure.FENCED
        return Failure.UNAVAILABLE

    def _connect(self) -> Callable[[Mapping[str, str]], Consumer]:
        """Return what makes the consumer: one with new connections where the last read is in doubt (ADR 0037)."""
        return (
            RecordConsumer
            if self._doubt.is_open(self._skips)
            else partial(RecordSource, self._context.consumers[share_of(self.origin.partition)])
        )

    def _open_reader(
        self, connect: Callable[[Mapping[str, str]], Consumer], fetch_bytes: int, skips: Sequence[range] = ()
    ) -> EventReader:
        config = self._config
        return EventReader(
            connect,
            config.client,
            config.group,
            TopicPartition(self.origin.topic, self.origin.partition),
            partitions=self._partitions(),
            fetch_bytes=fetch_bytes,
            silence=self._doubt.silence(config.timeouts.silence),
            skips=skips,
        )

    def _skip(self, found: Unreadable) -> bool:
        """Return whether unreadable records are skipped from now on, because their batch is certainly unreadable.

        Raises:
            HaltError: UNREADABLE_RECORDS; they are damaged.
        """
        self._doubt = self._doubt.again(found)
        try:
            end = self._context.cluster.end(self.origin.topic, self.origin.partition)
            if not self._doubt.may_skip(self.origin):
                return False
            extent = find_extent(lambda: self._open_reader(RecordConsumer, 1), found, end, self._config.timeouts.call)
        except UnavailableError as error:  # nothing is certain while the brokers are away
            self._log.warning("unreadable records can't be looked at", problem=str(error))
            self._doubt = Doubt()
            return False
        self._skips = join_ranges([*self._skips, extent])
        self.metrics.unreadable.inc(len(extent))
        self._log.error(
            "records can't be read and are skipped", first=extent.start, last=extent.stop - 1, problem=found.problem
        )
        return True

    def _report(self, state: SealingState, problem: str | None = None) -> None:
        """Report a state, unless this partition is held."""
        if not self._held.is_set():
            self._owner.report(self, state, problem)

    def _show_signer(self, problem: str | None) -> None:
        """Show that the signer gives no signature, and why; or with None that it does again."""
        if problem:
            self._log.warning("the signer gives no signature, asking again", problem=problem)
        self._report(SealingState.WAITING if problem else SealingState.SEALING, problem)

    def _check_place(self) -> None:
        """Check that the blocks topic has a partition for this log's blocks.

        Raises:
            NoBlocksPartitionError: It doesn't.
        """
        _, blocks = self._owner.topics()
        if self.origin.partition >= blocks.partitions:
            problem = f"{blocks.name} has {blocks.partitions} partitions, and none for the blocks of {self.origin}"
            raise NoBlocksPartitionError(f"{problem}: add them with `auditseal topics grow`")

    def _partitions(self) -> int:
        """Return how many partitions the events topic has now."""
        return self._owner.topics()[0].partitions

    def _show_recovered(self, recovered: Recovered) -> None:
        state, start = recovered.state, recovered.events.start
        self.metrics.recoveries.inc()
        self.metrics.height.set(state.height)
        self.archive_age.restart(state.height - 1, recovered.unarchived_since)
        if start > state.next_offset:
            self._log.error("offsets are gone", first=state.next_offset, last=start - 1)


def _state_after(error: Exception) -> SealingState:
    return SealingState.NO_BLOCKS_PARTITION if isinstance(error, NoBlocksPartitionError) else SealingState.WAITING
