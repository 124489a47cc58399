"""The daemon's body: a member of the group, a partition sealer for each assigned partition, and the watch."""

import threading
import time
from collections.abc import Callable, Sequence

import structlog
from tenacity import RetryCallState

from auditseal_daemon.retry import retrying
from auditseal_daemon.topic_rules import TopicView
from auditseal_schemas.block_draft import CloseReason
from auditseal_schemas.errors import ConfigurationError, UnavailableError
from auditseal_schemas.origin import Origin
from auditseal_sealer.block_producers import BlockProducers
from auditseal_sealer.context import SealerContext
from auditseal_sealer.descriptors import check_limit, raise_limit
from auditseal_sealer.membership import Membership
from auditseal_sealer.metrics import LogMetrics
from auditseal_sealer.partition_sealer import PartitionSealer
from auditseal_sealer.sealing_state import SealingState
from auditseal_sealer.transactional_producer import GroupMetadata
from auditseal_sealer.watch import Watch, inspect_topics

_POLL = 0.05  # s: a new generation of the group is shown by transactions no later than this
_log = structlog.get_logger("auditseal.sealer")


class Sealer:
    """Seals until it is stopped or can't continue."""

    def __init__(self, context: SealerContext, ready: Callable[[str | None], None]) -> None:
        """Take the context, and a function to call with None once every partition is sealed, else with the reason."""
        self._context, self._config, self._ready = context, context.config, ready
        self._membership: Membership | None = None
        self._watch: Watch | None = None
        self._partitions: dict[int, PartitionSealer] = {}
        self._missing: dict[Origin, str] = {}
        self._trouble: str | None = None
        self._failures: list[Exception] = []
        self._limit = 0
        self._lock = threading.Lock()
        self.producers = BlockProducers(context, self._group_metadata)

    def run(self, stop: threading.Event) -> None:
        """Seal the partitions that the group assigns until `stop` is set; then publish what was read, and leave.

        Raises:
            HaltError: It can't continue safely.
            FencedError: Another sealer, of another group, writes a log of this one.
            ExpelledError: Another sealer of this group has this one's name.
            ConfigurationError: This process may not open the files that its partitions need.
        """
        self._limit = raise_limit()
        repeat = retrying(
            stop,
            lambda error: isinstance(error, UnavailableError),
            multiplier=self._config.restarts.shortest,
            longest=self._config.restarts.longest,
            before_sleep=self._report_absence,
        )
        try:
            topics = repeat(inspect_topics, self._context.cluster, self._config)
        except UnavailableError:
            if stop.is_set():
                return
            raise
        membership = self._membership = Membership(self._config)
        watch = self._watch = Watch(self._context, topics, self._all_partitions, self.fail)
        try:
            membership.join(
                on_assigned=self._start,
                on_revoked=lambda partitions: self._end(CloseReason.REVOKED, partitions),
                on_lost=self._abandon,
            )
            self._follow(membership, stop)
        finally:
            watch.close()
            self._end(CloseReason.STOPPED, list(self._partitions))
            self.producers.close()
            membership.close(self._config.timeouts.leave)
        if self._failures:
            raise self._failures[0]

    def topics(self) -> tuple[TopicView, TopicView]:
        """Return the events and the blocks topic as they are now; see `partition_sealer.Owner`."""
        assert self._watch is not None  # it looks before any partition is assigned
        return self._watch.topics

    def report(self, partition: PartitionSealer, state: SealingState, problem: str | None = None) -> None:
        """Note a partition's report, unless it is no longer this sealer's or was started again since."""
        with self._lock:
            if self._partitions.get(partition.origin.partition) is not partition:
                return
            partition.metrics.show(state)
            if problem is None:
                self._missing.pop(partition.origin, None)
            else:
                self._missing[partition.origin] = problem
        self._show_readiness()

    def fail(self, error: Exception) -> None:
        """Take an error that ends this sealer."""
        self._failures.append(error)

    def _group_metadata(self) -> GroupMetadata:
        return self._membership.metadata() if self._membership else None

    def _start(self, partitions: Sequence[int]) -> None:
        try:
            check_limit(len(self._partitions) + len(partitions), self._limit)
        except ConfigurationError as error:
            self.fail(error)
            return
        for number in partitions:
            origin = self._config.origin(number)
            metrics = LogMetrics(self._context.metrics, origin)
            with self._lock:  # what the partition reports waits until it is known
                self._missing[origin] = "recovering its head"
                metrics.show(SealingState.RECOVERING)
                self._partitions[number] = PartitionSealer(self._context, origin, metrics, self)
        self._show_readiness()

    def _follow(self, membership: Membership, stop: threading.Event) -> None:
        while not stop.is_set() and not self._failures:
            membership.poll(_POLL)
            if (trouble := membership.trouble()) != self._trouble:
                self._trouble = trouble
                self._show_readiness()

    def _end(self, reason: CloseReason, partitions: Sequence[int]) -> None:
        """Let partitions finish, together, within the bound; one that takes longer is fenced by its successor."""
        taken = self._take_out(partitions)
        for partition in taken:
            partition.finish(reason)
        self._await(taken)

    def _abandon(self, partitions: Sequence[int]) -> None:
        _log.warning("partitions were lost to the group", partitions=sorted(partitions))
        taken = self._take_out(partitions)
        for partition in taken:
            partition.abandon()
        self._await(taken)

    def _take_out(self, partitions: Sequence[int]) -> list[PartitionSealer]:
        with self._lock:
            taken = [self._partitions.pop(number) for number in partitions if number in self._partitions]
            for partition in taken:
                self._missing.pop(partition.origin, None)
        self._show_readiness()
        return taken

    def _await(self, partitions: Sequence[PartitionSealer]) -> None:
        deadline = time.monotonic() + self._config.timeouts.finish
        for partition in partitions:
            if not partition.join(deadline - time.monotonic()):
                partition.abandon()
                _log.warning("a partition didn't end in time", origin=str(partition.origin))
            partition.metrics.forget()

    def _all_partitions(self) -> list[PartitionSealer]:
        with self._lock:
            return list(self._partitions.values())

    def _show_readiness(self) -> None:
        with self._lock:  # called within it, so that the latest news is also the last that is shown
            problems = [f"{origin}: {problem}" for origin, problem in self._missing.items()]
            if self._trouble:
                problems.append(f"the group {self._config.group}: {self._trouble}")
            self._ready("; ".join(problems) or (None if self._partitions else "no partition is assigned"))

    def _report_absence(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        self._ready(f"Kafka is unreachable: {error}")
        _log.warning("Kafka is unreachable, trying again", problem=str(error), pause_seconds=state.upcoming_sleep)
