"""One partition's life: recover the head, seal, fail, recover."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from auditseal_daemon.background import Background
from auditseal_daemon.cluster import Cluster
from auditseal_daemon.errors import ExpelledError
from auditseal_schemas.block_draft import CloseReason
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.key import Signer, VerifierKey
from auditseal_schemas.origin import Origin
from auditseal_sealer.archive_age import ArchiveAge
from auditseal_sealer.block_writer import BlockWriter, GroupMetadata, Position
from auditseal_sealer.config import SealerConfig
from auditseal_sealer.errors import FencedError
from auditseal_sealer.evidence import Evidence
from auditseal_sealer.given_up import ReadHead
from auditseal_sealer.head_reader import HeadReader
from auditseal_sealer.hooks import Hooks, Step
from auditseal_sealer.metrics import LogMetrics
from auditseal_sealer.partition_reader import STEADY, Isolation, PartitionReader
from auditseal_sealer.recovery import Beginning, Recovered, recover
from auditseal_sealer.session import Session, Tools
from auditseal_sealer.stop import Stop
from auditseal_sealer.watchdog import Watchdog

_FIRST_PAUSE = 0.2  # s
_STEADY = 30.0  # s of work after which the next failure is a first one again


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all chains of a sealer share.

    Attributes:
        group: Returns the group's metadata.
        fail: Called, from a chain's thread, with what the whole sealer must end for.
        working: Called with a chain and why it doesn't seal, None once it does.
    """

    config: SealerConfig
    cluster: Cluster
    signer: Signer
    read_head: ReadHead
    watchdog: Watchdog
    hooks: Hooks
    group: Callable[[], GroupMetadata]
    fail: Callable[[Exception], None]
    working: "Callable[[Chain, str | None], None]"


class Chain:
    """The chain of one partition, in a thread of its own."""

    def __init__(self, surroundings: Surroundings, origin: Origin, metrics: LogMetrics) -> None:
        """Start."""
        self.origin, self.metrics, self.archive = origin, metrics, ArchiveAge()
        self._with = surroundings
        self._log = structlog.get_logger("auditseal.sealer").bind(origin=str(origin))
        self._stop = Stop()
        self._thread = threading.Thread(target=self._live, name=f"chain-{origin.partition}", daemon=True)
        self._thread.start()

    def finish(self, reason: CloseReason) -> None:
        """Ask to publish what was read, and to end."""
        self._stop.finish(reason)

    def abandon(self) -> None:
        """Ask to end at once."""
        self._stop.abandon()

    def join(self, seconds: float) -> bool:
        """Wait for the end; return whether it came."""
        self._thread.join(max(0.0, seconds))
        return not self._thread.is_alive()

    def _live(self) -> None:
        """Recover and seal until asked to stop; hand up what can't be survived."""
        try:
            self._keep_sealing()
        except Exception as error:
            self._with.fail(error)

    def _keep_sealing(self) -> None:
        pause, fenced = _FIRST_PAUSE, False
        while not self._stop.is_set():
            begun = time.monotonic()
            try:
                self._seal()
            except (UnavailableError, FencedError, ExpelledError) as error:
                self.metrics.suspend()
                if time.monotonic() - begun > _STEADY:
                    pause, fenced = _FIRST_PAUSE, False
                if not isinstance(error, UnavailableError):
                    if (fenced or isinstance(error, ExpelledError)) and not self._stop.is_set():
                        raise
                    # Whoever fenced may be the rightful one: before it is fenced in turn, the group may say so.
                    fenced, pause = True, max(pause, 2 * self._with.config.membership.heartbeat)
                self._with.working(self, str(error))
                self._log.warning("not sealing, will recover the head", problem=str(error), pause_seconds=pause)
                self._stop.wait(pause)
                pause = min(2 * pause, self._with.config.timeouts.back_off)

    def _seal(self) -> None:
        """Recover the head and seal from there until asked to stop."""
        config, started = self._with.config, time.monotonic()
        writer = BlockWriter(config.client, config, self.origin, self._with.watchdog, self._with.hooks)
        clock = writer.ask_clock()
        evidence, recovered = self._recover(writer)
        self.metrics.recoveries.inc()
        self.metrics.height.set(recovered.state.height)
        self.archive.restart(recovered.state.height - 1, recovered.unarchived_since)
        if recovered.log_start > recovered.state.next_offset:
            self._log.error("offsets are gone", first=recovered.state.next_offset, last=recovered.log_start - 1)
        background = Background(f"publish-{self.origin.partition}")
        with PartitionReader(
            config.client, config.group, self.origin.topic, self.origin.partition, Isolation.UNCOMMITTED, STEADY
        ) as reader:
            reader.seek(recovered.reading.offset, recovered.reading.leader_epoch)
            tools = Tools(
                config,
                self._with.signer,
                reader,
                writer,
                background,
                self._with.group,
                self.metrics,
                self.archive,
                self._with.hooks,
            )
            self._log.info(
                "sealing",
                height=recovered.state.height,
                next_offset=recovered.state.next_offset,
                seconds=round(time.monotonic() - started, 3),
            )
            self._with.working(self, None)
            try:
                Session(tools, recovered, evidence.events, clock).run(self._stop)
            finally:
                background.close()

    def _recover(self, writer: BlockWriter) -> tuple[Evidence, Recovered]:
        """Find out where the log goes on, after committing what a predecessor signed and could not commit."""
        config, origin = self._with.config, self.origin
        head_reader = HeadReader(config.client, config, origin, self._with.cluster, self._with.read_head)
        key = VerifierKey(str(origin), self._with.signer.public)
        beginning = Beginning(config.genesis_allowed, config.predecessor(origin.partition))
        while True:
            evidence = head_reader.gather()
            recovered = recover(origin, key, evidence, beginning)
            self._with.hooks.after(Step.RECOVERED, origin)
            if recovered.unfinished is None:
                return evidence, recovered
            header = recovered.unfinished.header
            self._log.warning("committing a block again that was signed and not committed", height=header.height)
            position = Position(header.last_offset + 1, header.height + 1)
            writer.publish(recovered.unfinished.format(), position, self._with.group())
