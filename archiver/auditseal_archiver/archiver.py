"""The archiver: feeds each assigned partition's committed blocks to a lane, and commits how far the lanes are.

The group decides who archives what, and Kafka's offsets speed up a start. Neither is trusted: where a log goes on is
read from the vault, each block is verified, and the store itself refuses a second block of one height. So the same
block may be handed over twice, by a rebalance or a crash, without harm.
"""

import threading
import time
from collections.abc import Iterable
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from auditseal_archiver.conditions import PARTITIONS, STORE, Conditions
from auditseal_archiver.config import ArchiverConfig
from auditseal_archiver.consumer import BrokerWatch, open_consumer
from auditseal_archiver.drills import Drills
from auditseal_archiver.keeper import KeeperConfig, RewindNeededError
from auditseal_archiver.lane import Handed, Lane
from auditseal_archiver.metrics import ArchiverMetrics
from auditseal_archiver.start import Start, StoppedError, find_beginning, find_start
from auditseal_daemon.background import run_in_thread
from auditseal_vault.interface import Vault

_POLL_SECONDS = 0.1
_UPKEEP_SECONDS = 0.5  # from one commit, and look at the lanes' backlog, to the next
_FINISH_SECONDS = 3.0  # that a block under way may take when its partition goes elsewhere
_LEAVE_SECONDS = 4.0  # with the above, and a call of `start`, within the shell's 9 s
_UNASSIGNED = "none is assigned"
_PASSING = {  # conditions of a broker, or of a topic not made yet, that end by themselves
    KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001  (its public name for a local error)
    KafkaError._TRANSPORT,  # noqa: SLF001
    KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001
    KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001
    KafkaError._MAX_POLL_EXCEEDED,  # noqa: SLF001
    KafkaError.UNKNOWN_TOPIC_OR_PART,
}


class Archiver:
    """One member of the group of archivers."""

    def __init__(self, config: ArchiverConfig, vault: Vault, metrics: ArchiverMetrics, health: Conditions) -> None:
        """Take what it works with; `run` does the work."""
        self._config, self._vault, self._metrics, self._health = config, vault, metrics, health
        self._lanes: dict[int, Lane] = {}
        self._paused: set[int] = set()
        self._committed: dict[int, int] = {}
        self._broker = BrokerWatch(config.blocks_topic)
        self._unassigned = _UNASSIGNED
        self._stop = threading.Event()  # the caller's as soon as it runs
        self._log: Any = structlog.get_logger(__name__)

    def run(self, stop: threading.Event) -> None:
        """Archive until `stop` is set.

        Raises:
            HaltError: It can't go on safely; nothing doubtful was stored.
            KafkaException: Kafka refuses it for good.
        """
        self._stop = stop
        drills = Drills(self._vault, self._metrics, self._health, self._config.drill_every, stop)
        drills.run()
        if stop.is_set():
            return
        consumer = self._subscribe()
        try:
            self._loop(consumer, drills, stop)
        except StoppedError:
            self._log.warning("Kafka didn't say where to read from before the stop")
        finally:
            self._leave(consumer)

    def _subscribe(self) -> Consumer:
        consumer = open_consumer(self._config, self._broker.hear)
        consumer.subscribe(
            [self._config.blocks_topic], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )
        return consumer

    def _loop(self, consumer: Consumer, drills: Drills, stop: threading.Event) -> None:
        upkeep = 0.0
        while not stop.is_set():
            message = consumer.poll(_POLL_SECONDS)
            if message is not None:
                self._hand_over(consumer, message)
            self._check_lanes(consumer)
            if time.monotonic() >= upkeep:
                upkeep = time.monotonic() + _UPKEEP_SECONDS
                drills.keep()
                self._commit(consumer, self._lanes)
                self._show_health(consumer)
            self._throttle(consumer)

    def _hand_over(self, consumer: Consumer, message: Message) -> None:
        error, partition, offset = message.error(), message.partition(), message.offset()
        lane = self._lanes.get(partition) if partition is not None else None
        if error is None:
            if lane is not None and offset is not None:
                lane.offer(Handed(offset, message.value() or b"", message.timestamp()[1] / 1000))
        elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
            if lane is not None:
                lane.offer_end()
        elif error.code() == KafkaError._AUTO_OFFSET_RESET and partition is not None:  # noqa: SLF001
            self._log.warning("the position is gone from the topic", partition=partition, problem=str(error))
            self._restart(consumer, partition)
        elif error.code() in _PASSING or error.retriable():
            self._broker.hear(error)
        else:
            raise KafkaException(error)

    def _check_lanes(self, consumer: Consumer) -> None:
        for partition, lane in list(self._lanes.items()):
            try:
                lane.check()
            except RewindNeededError:
                self._log.warning(
                    "the group's offset is ahead of the vault: reading from the start", partition=partition
                )
                self._restart(consumer, partition)

    def _restart(self, consumer: Consumer, partition: int) -> None:
        """Feed a partition from the topic's beginning, to a new lane."""
        lane = self._lanes.pop(partition, None)
        if lane is None:
            return
        lane.cancel()
        start = find_beginning(consumer, self._config.blocks_topic, partition, self._stop)
        consumer.seek(TopicPartition(self._config.blocks_topic, partition, start.offset))
        self._open(partition, start)

    def _open(self, partition: int, start: Start) -> None:
        logs = self._config.logs.get(partition, ())
        config = KeeperConfig(
            self._config.blocks_topic, partition, logs, self._config.retention, from_start=start.from_start
        )
        self._lanes[partition] = Lane(config, self._vault, self._metrics)

    def _throttle(self, consumer: Consumer) -> None:
        """Pause the partitions whose share of the memory is used up, and go on with those that have half of it free."""
        share = self._config.waiting_bytes // max(1, len(self._lanes))
        for partition, lane in self._lanes.items():
            waiting = lane.queued_bytes
            if partition in self._paused:
                if waiting <= share // 2:
                    consumer.resume([TopicPartition(self._config.blocks_topic, partition)])
                    self._paused.discard(partition)
            elif waiting > share:
                consumer.pause([TopicPartition(self._config.blocks_topic, partition)])
                self._paused.add(partition)

    def _commit(self, consumer: Consumer, partitions: Iterable[int]) -> None:
        """Commit how far the lanes are. Lost, it costs the next start a few comparisons."""
        positions = {partition: self._lanes[partition].position for partition in partitions}
        moved = {
            partition: position
            for partition, position in positions.items()
            if position is not None and self._committed.get(partition) != position
        }
        if moved:
            topic = self._config.blocks_topic
            consumer.commit(offsets=[TopicPartition(topic, *pair) for pair in moved.items()], asynchronous=True)
            self._committed.update(moved)

    def _show_health(self, consumer: Consumer) -> None:
        store = next((lane.trouble for lane in self._lanes.values() if lane.trouble), None)
        idle = None if self._lanes else self._unassigned
        for condition, trouble in (
            (STORE, store),
            (PARTITIONS, self._broker.trouble(consumer) or idle),
        ):
            if trouble:
                self._health.miss(condition, trouble)
            else:
                self._health.hold(condition)

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        starts = {each.partition: find_start(consumer, each.topic, each.partition, self._stop) for each in partitions}
        consumer.incremental_assign(
            [TopicPartition(self._config.blocks_topic, number, start.offset) for number, start in starts.items()]
        )
        for partition, start in starts.items():
            self._log.info("assigned", partition=partition, offset=start.offset, from_start=start.from_start)
            self._open(partition, start)
        self._unassigned = _UNASSIGNED

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        mine = [each.partition for each in partitions if each.partition in self._lanes]
        self._finish(mine)
        self._commit(consumer, mine)
        self._drop(mine)
        consumer.incremental_unassign(partitions)

    def _on_lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        mine = [each.partition for each in partitions if each.partition in self._lanes]
        self._log.warning("partitions were lost to the group", partitions=mine)
        for partition in mine:
            self._lanes[partition].cancel()
        self._drop(mine)
        consumer.incremental_unassign(partitions)
        self._unassigned = "they were lost: the group didn't hear of this archiver for too long"

    def _finish(self, partitions: Iterable[int]) -> None:
        """Let the blocks under way end, for a while."""
        lanes = [self._lanes[partition] for partition in partitions]
        for lane in lanes:
            lane.cancel()
        deadline = time.monotonic() + _FINISH_SECONDS
        for lane in lanes:
            lane.wait(deadline - time.monotonic())

    def _drop(self, partitions: Iterable[int]) -> None:
        for partition in partitions:
            del self._lanes[partition]
            self._paused.discard(partition)
            self._committed.pop(partition, None)
            self._metrics.forget(self._config.blocks_topic, partition)

    def _leave(self, consumer: Consumer) -> None:
        """Finish what is under way and leave the group, which calls `_on_revoke` for what is assigned.

        To a broker that is away nobody says goodbye: the group finds out by the session's end.
        """
        self._finish(self._lanes)
        leaving = run_in_thread("leave", consumer.close)
        try:
            leaving.result(_LEAVE_SECONDS)
        except TimeoutError:
            self._log.warning("Kafka didn't hear that this archiver leaves", seconds=_LEAVE_SECONDS)
