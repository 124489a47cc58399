"""The daemon's body: a member of the group, a chain for each partition that the group gives it, and the watch."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog
from tenacity import RetryCallState

from auditseal_daemon.cluster import Cluster
from auditseal_daemon.retry import retrying
from auditseal_schemas.block_draft import CloseReason
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.halt import HaltError
from auditseal_schemas.key import Signer
from auditseal_schemas.origin import Origin
from auditseal_sealer.chain import Chain, Surroundings
from auditseal_sealer.config import SealerConfig
from auditseal_sealer.given_up import ReadHead
from auditseal_sealer.hooks import Hooks, NoHooks
from auditseal_sealer.membership import Membership
from auditseal_sealer.metrics import LogMetrics, SealerMetrics
from auditseal_sealer.watch import Watch, inspect_topics
from auditseal_sealer.watchdog import Watchdog

_POLL = 0.05  # s: a new generation of the group is shown by transactions no later than this
_log = structlog.get_logger("auditseal.sealer")


@dataclass(frozen=True, slots=True)
class Collaborators:
    """What a sealer is handed.

    Attributes:
        signer: Signs for all its logs, each in its own name.
        read_head: The vault's highest block of a log.
        metrics: Where it counts.
        ready: Called with None once every assigned chain seals, else with what is missing.
        expire: Ends the process at once when a transactional call doesn't come back.
        hooks: Whoever wants to act between the steps.
    """

    signer: Signer
    read_head: ReadHead
    metrics: SealerMetrics
    ready: Callable[[str | None], None]
    expire: Callable[[HaltError], None]
    hooks: Hooks = field(default_factory=NoHooks)


class Sealer:
    """Seals until it is stopped or can't go on."""

    def __init__(self, config: SealerConfig, collaborators: Collaborators) -> None:
        self._config, self._with = config, collaborators
        self._chains: dict[int, Chain] = {}
        self._missing: dict[Origin, str] = {}
        self._trouble: str | None = None
        self._failures: list[Exception] = []
        self._lock = threading.Lock()

    def run(self, stop: threading.Event) -> None:
        """Seal the partitions that the group assigns until `stop` is set; then publish what was read and leave.

        Raises:
            HaltError: It can't go on safely.
            FencedError: Another sealer, of another group, writes a log of this one.
            ExpelledError: Another sealer of this group has this one's name.
        """
        cluster = Cluster(self._config.client, self._config.timeouts.question)
        repeat = retrying(
            stop,
            lambda error: isinstance(error, UnavailableError),
            multiplier=0.2,
            longest=self._config.timeouts.back_off,
            before_sleep=self._tell_absence,
        )
        try:
            topics = repeat(inspect_topics, cluster, self._config)
        except UnavailableError:
            if stop.is_set():
                return
            raise
        membership = Membership(self._config.client, self._config)
        watch = Watch(self._config, cluster, self._with.read_head, topics, self._all_chains, self._fail)
        try:
            self._join(membership, cluster)
            self._follow(membership, stop)
        finally:
            watch.close()
            self._end_chains(CloseReason.STOPPED, list(self._chains))
            membership.close(self._config.timeouts.leave)
        if self._failures:
            raise self._failures[0]

    def _join(self, membership: Membership, cluster: Cluster) -> None:
        surroundings = Surroundings(
            self._config,
            cluster,
            self._with.signer,
            self._with.read_head,
            Watchdog(self._config.timeouts.stuck, self._with.expire),
            self._with.hooks,
            membership.metadata,
            self._fail,
            self._working,
        )
        membership.join(
            on_assigned=lambda partitions: self._start_chains(surroundings, partitions),
            on_revoked=lambda partitions: self._end_chains(CloseReason.REVOKED, partitions),
            on_lost=self._abandon,
        )

    def _start_chains(self, surroundings: Surroundings, partitions: Sequence[int]) -> None:
        for partition in partitions:
            origin = self._config.origin(partition)
            metrics = LogMetrics(self._with.metrics, origin)
            with self._lock:  # what the chain reports waits until it is known
                self._missing[origin] = "recovering its head"
                self._chains[partition] = Chain(surroundings, origin, metrics)
        self._show_readiness()

    def _follow(self, membership: Membership, stop: threading.Event) -> None:
        while not stop.is_set() and not self._failures:
            membership.poll(_POLL)
            if (trouble := membership.trouble()) != self._trouble:
                self._trouble = trouble
                self._show_readiness()

    def _end_chains(self, reason: CloseReason, partitions: Sequence[int]) -> None:
        """Let chains finish, together, within the bound; what takes longer is fenced by its successor."""
        chains = self._take_out(partitions)
        for chain in chains:
            chain.finish(reason)
        self._await(chains)

    def _abandon(self, partitions: Sequence[int]) -> None:
        _log.warning("partitions were lost to the group", partitions=sorted(partitions))
        chains = self._take_out(partitions)
        for chain in chains:
            chain.abandon()
        self._await(chains)

    def _take_out(self, partitions: Sequence[int]) -> list[Chain]:
        with self._lock:
            chains = [self._chains.pop(partition) for partition in partitions if partition in self._chains]
            for chain in chains:
                self._missing.pop(chain.origin, None)
        self._show_readiness()
        return chains

    def _await(self, chains: Sequence[Chain]) -> None:
        deadline = time.monotonic() + self._config.timeouts.finish
        for chain in chains:
            if not chain.join(deadline - time.monotonic()):
                chain.abandon()
                _log.warning("a chain didn't end in time", origin=str(chain.origin))
            chain.metrics.forget()

    def _all_chains(self) -> list[Chain]:
        with self._lock:
            return list(self._chains.values())

    def _working(self, chain: Chain, problem: str | None) -> None:
        """Take note of what a chain reports, unless its partition is no longer this sealer's, or is another chain's."""
        with self._lock:
            if self._chains.get(chain.origin.partition) is not chain:
                return
            if problem is None:
                self._missing.pop(chain.origin, None)
            else:
                self._missing[chain.origin] = problem
        self._show_readiness()

    def _show_readiness(self) -> None:
        with self._lock:  # told within it, so that the news that came last is told last
            problems = [f"{origin}: {problem}" for origin, problem in self._missing.items()]
            if self._trouble:
                problems.append(f"the group {self._config.group}: {self._trouble}")
            self._with.ready("; ".join(problems) or (None if self._chains else "no partition is assigned"))

    def _fail(self, error: Exception) -> None:
        self._failures.append(error)

    def _tell_absence(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        self._with.ready(f"Kafka is away: {error}")
        _log.warning("Kafka is away, trying again", problem=str(error), pause_seconds=state.upcoming_sleep)
