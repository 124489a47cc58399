"""The archiver's body: a member of its group that gives each assigned partition's blocks to a worker.

The group assigns partitions, and Kafka's offsets make a start quicker. Neither is trusted: a log's state is read from
the vault, each block is verified, and the store itself refuses a second block of one height. So a rebalance or a crash
may deliver the same block twice without harm.
"""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from confluent_kafka import OFFSET_INVALID, Consumer, KafkaError, Message, TopicPartition

from auditseal_archiver.assignment import Assignment
from auditseal_archiver.config import ArchiverConfig
from auditseal_archiver.drill_schedule import DrillSchedule
from auditseal_archiver.errors import RewindNeededError, StoppedError
from auditseal_archiver.metrics import ArchiverMetrics
from auditseal_archiver.partition_worker import ReceivedBlock
from auditseal_archiver.readiness import LOGS, PARTITIONS, STORE
from auditseal_archiver.start_offset import find_beginning, find_start
from auditseal_archiver.store_check import StoreCheck
from auditseal_daemon.group_member import GroupMember
from auditseal_daemon.telemetry import Health
from auditseal_schemas.halt import HaltError
from auditseal_schemas.limits import KIB, MIB
from auditseal_vault.drill import drill
from auditseal_vault.encryption import Encryption
from auditseal_vault.interface import Vault

_POLL_SECONDS = 0.1
_UPKEEP_SECONDS = 0.5  # from one commit of positions to the next
_LEAVE_SECONDS = 4.0  # with the end of the blocks under way, and a call of `start_offset`, within the daemon's 9 s
_FETCH_BYTES = 16 * MIB
_UNASSIGNED = "no partition is assigned"


class Archiver:
    """One member of the group of archivers."""

    def __init__(
        self,
        config: ArchiverConfig,
        vault: Vault,
        metrics: ArchiverMetrics,
        health: Health,
        *,
        run_drill: Callable[[Vault], Encryption | None] = drill,
    ) -> None:
        """Take what it works with, and the function that drills the vault; `run` does the work."""
        self._drill = run_drill
        self._config, self._vault, self._metrics, self._health = config, vault, metrics, health
        self._assigned = Assignment(config, vault, metrics)
        self._store_check = StoreCheck(vault, config.any_log.origin)
        self._unassigned = _UNASSIGNED
        self._stop = threading.Event()  # the caller's as soon as it runs
        self._log: Any = structlog.get_logger(__name__)

    def run(self, stop: threading.Event) -> None:
        """Archive until `stop` is set.

        Raises:
            HaltError: It can't continue safely; nothing doubtful was stored.
            ExpelledError: The group never accepts this archiver again: another one has its name.
            UnavailableError, KafkaException: Kafka refuses a call that can't be repeated; a new start may help.
        """
        self._stop = stop
        every, problem = self._config.drill_every, self._store_problem
        drills = DrillSchedule(
            self._vault, self._metrics, self._health, every, stop, store_problem=problem, run_drill=self._drill
        )
        drills.run()
        if stop.is_set():
            return
        member = self._member()
        try:
            member.join(on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost)
            self._loop(member, drills)
        except StoppedError as error:
            self._log.warning(str(error))
        finally:
            self._assigned.finish()
            member.leave(_LEAVE_SECONDS)

    def _member(self) -> GroupMember:
        return GroupMember(
            self._config.client,
            self._config.membership,
            isolation_level="read_committed",
            enable_partition_eof=True,
            fetch_max_bytes=_FETCH_BYTES,
            queued_max_messages_kbytes=_FETCH_BYTES // KIB,
        )

    def _loop(self, member: GroupMember, drills: DrillSchedule) -> None:
        upkeep = 0.0
        while not self._stop.is_set():
            message = member.poll(_POLL_SECONDS)
            if message is not None:
                self._deliver(member.consumer, message)
            self._check_workers(member.consumer)
            if time.monotonic() >= upkeep:
                upkeep = time.monotonic() + _UPKEEP_SECONDS
                drills.keep()
                self._store_check.keep()
                self._commit(member.consumer, self._assigned.take_positions())
                self._show_readiness(member)
            self._limit_memory(member.consumer)

    def _deliver(self, consumer: Consumer, message: Message) -> None:
        """Give a block to its partition's worker; errors of the group are the member's."""
        error, partition, offset = message.error(), message.partition(), message.offset()
        worker = self._assigned.worker(partition)
        if worker is None or partition is None:
            return
        if error is None:
            if offset is not None:
                worker.offer(ReceivedBlock(offset, message.value() or b"", message.timestamp()[1] / 1000))
        elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  (its public name for a local error)
            worker.offer_end()
        elif error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001
            self._log.warning("the position is gone from the topic", partition=partition, problem=str(error))
            self._rewind(consumer, partition)

    def _check_workers(self, consumer: Consumer) -> None:
        for partition, worker in self._assigned:
            try:
                worker.check()
            except RewindNeededError as error:
                self._log.warning("reading from the topic's beginning", partition=partition, problem=str(error))
                self._rewind(consumer, partition)
            except HaltError as error:
                if not worker.is_new:
                    raise
                self._hold(consumer, partition, error)

    def _hold(self, consumer: Consumer, partition: int, error: HaltError) -> None:
        """Hold a new partition that can't be archived; the others continue."""
        self._log.critical(
            "a new partition halted, the others continue",
            partition=partition,
            reason=error.halt.name,
            problem=str(error),
            runbook=error.halt.runbook,
        )
        self._assigned.hold(partition, str(error))
        consumer.pause([self._at(partition)])

    def _rewind(self, consumer: Consumer, partition: int) -> None:
        """Read a partition from the topic's beginning, for a new worker."""
        start = find_beginning(consumer, self._config.blocks_topic, partition, self._stop)
        consumer.seek(self._at(partition, start.offset))
        self._assigned.start(partition, start)

    def _limit_memory(self, consumer: Consumer) -> None:
        if free := self._assigned.resume():
            consumer.resume([self._at(partition) for partition in free])
        if full := self._assigned.pause():
            consumer.pause([self._at(partition) for partition in full])

    def _commit(self, consumer: Consumer, positions: Mapping[int, int]) -> None:
        """Commit positions. Where that fails, the next start compares a few blocks that the vault has."""
        if positions:
            consumer.commit(offsets=[self._at(*position) for position in positions.items()], asynchronous=True)

    def _show_readiness(self, member: GroupMember) -> None:
        """Show each partition's state, and what keeps this archiver from being ready."""
        for partition, state in self._assigned.states().items():
            self._metrics.states.show(self._config.blocks_topic, partition, state)
        held = "; ".join(f"partition {number}: {held.reason}" for number, held in sorted(self._assigned.held.items()))
        store = self._store_problem()
        self._metrics.store_available.set(0 if store else 1)
        idle = None if self._assigned else self._unassigned
        for condition, trouble in ((LOGS, held), (STORE, store), (PARTITIONS, member.trouble() or idle)):
            if trouble:
                self._health.miss(condition, trouble)
            else:
                self._health.hold(condition)

    def _store_problem(self) -> str | None:
        """Return why the store refuses a call or doesn't answer it, None where it answers all."""
        troubles = (worker.trouble for _, worker in self._assigned)
        return next(filter(None, troubles), None) or self._store_check.problem

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        starts = {each.partition: find_start(consumer, each.topic, each.partition, self._stop) for each in partitions}
        consumer.incremental_assign([self._at(partition, start.offset) for partition, start in starts.items()])
        for partition, start in starts.items():
            self._log.info("assigned", partition=partition, offset=start.offset, from_beginning=start.from_beginning)
            self._assigned.start(partition, start)
        if held := [number for number in starts if number in self._assigned.held]:
            self._log.error("the trust file pins no log of these partitions", partitions=held)
            consumer.pause([self._at(partition) for partition in held])
        self._unassigned = _UNASSIGNED

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        mine = self._mine(partitions)
        self._assigned.finish(mine)
        self._commit(consumer, self._assigned.take_positions(mine))
        self._assigned.drop(mine)
        consumer.incremental_unassign(partitions)

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        mine = self._mine(partitions)
        self._log.warning("the group took partitions away", partitions=mine)
        self._assigned.drop(mine)
        consumer.incremental_unassign(partitions)
        self._unassigned = "the partitions were lost: this archiver was silent for longer than the group allows"

    def _mine(self, partitions: list[TopicPartition]) -> list[int]:
        return [each.partition for each in partitions if each.partition in self._assigned]

    def _at(self, partition: int, offset: int = OFFSET_INVALID) -> TopicPartition:
        return TopicPartition(self._config.blocks_topic, partition, offset)
