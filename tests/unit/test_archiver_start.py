"""Where a partition is read from, asked of a broker that doesn't say: not beyond a stop. Who has none isn't ready."""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from prometheus_client import CollectorRegistry

from auditseal_archiver import archiver
from auditseal_archiver.archiver import Archiver
from auditseal_archiver.conditions import PARTITIONS
from auditseal_archiver.config import ArchiverConfig
from auditseal_archiver.metrics import ArchiverMetrics
from auditseal_archiver.start import StoppedError, find_beginning, find_start
from auditseal_vault.directory import DirectoryVault

SOON = 2.0  # s


class SilentConsumer:
    """Its group assigns a partition at the first poll, and its broker answers nothing."""

    def __init__(self) -> None:
        self.asked, self.closed, self.assigned = threading.Event(), False, False

    def subscribe(self, topics: Sequence[str], on_assign: Any, **callbacks: Any) -> None:
        self._on_assign = on_assign

    def poll(self, timeout: float) -> None:
        self._on_assign(self, [TopicPartition("blocks", 0), TopicPartition("blocks", 1)])

    def committed(self, partitions: Sequence[TopicPartition], timeout: float) -> list[TopicPartition]:
        raise self._silence()

    def get_watermark_offsets(self, partition: TopicPartition, timeout: float, *, cached: bool) -> tuple[int, int]:
        raise self._silence()

    def incremental_assign(self, partitions: Sequence[TopicPartition]) -> None:
        self.assigned = True

    def close(self) -> None:
        self.closed = True

    def _silence(self) -> KafkaException:
        self.asked.set()
        time.sleep(0.01)
        return KafkaException(KafkaError(KafkaError._TIMED_OUT))


class Health:
    def hold(self, condition: str) -> None:
        pass

    def miss(self, condition: str, why: str) -> None:
        pass


def stop_when_asked(consumer: SilentConsumer) -> threading.Event:
    stop = threading.Event()

    def wait() -> None:
        assert consumer.asked.wait(10)
        time.sleep(0.1)
        stop.set()

    threading.Thread(target=wait).start()
    return stop


@pytest.mark.parametrize("find", [find_start, find_beginning])
def test_a_stop_ends_the_asking(find: Any) -> None:
    consumer = SilentConsumer()
    begun = time.monotonic()
    stop = stop_when_asked(consumer)
    with pytest.raises(StoppedError):
        find(consumer, "blocks", 0, stop)
    assert time.monotonic() - begun < SOON
    consumer.asked.clear()
    with pytest.raises(StoppedError):
        find(consumer, "blocks", 0, stop)
    assert not consumer.asked.is_set()


def test_an_archiver_that_is_stopped_while_it_asks_leaves_as_one_that_worked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    consumer = SilentConsumer()
    monkeypatch.setattr(archiver, "open_consumer", lambda config, hear: consumer)
    config = ArchiverConfig(client={}, blocks_topic="blocks", logs={}, retention=timedelta(days=1))
    body = Archiver(config, DirectoryVault(tmp_path), ArchiverMetrics(CollectorRegistry()), Health())
    begun = time.monotonic()
    body.run(stop_when_asked(consumer))
    assert time.monotonic() - begun < SOON
    assert (consumer.assigned, consumer.closed) == (False, True)


class GroupConsumer:
    """Its group gives it a partition, takes it away, and rebalances without it; each once the test lets it."""

    def __init__(self) -> None:
        self.news: queue.Queue[Callable[[], None]] = queue.Queue()

    def subscribe(self, topics: Sequence[str], on_assign: Any, on_revoke: Any, **callbacks: Any) -> None:
        self._on_assign, self._on_revoke = on_assign, on_revoke

    def assign(self, *partitions: int) -> None:
        self.news.put(lambda: self._on_assign(self, [TopicPartition("blocks", number) for number in partitions]))

    def revoke(self, *partitions: int) -> None:
        self.news.put(lambda: self._on_revoke(self, [TopicPartition("blocks", number) for number in partitions]))

    def poll(self, timeout: float) -> None:
        with suppress(queue.Empty):
            self.news.get(timeout=timeout)()

    def committed(self, partitions: Sequence[TopicPartition], timeout: float) -> Sequence[TopicPartition]:
        return partitions

    def get_watermark_offsets(self, partition: TopicPartition, timeout: float, *, cached: bool) -> tuple[int, int]:
        return 0, 0

    def incremental_assign(self, partitions: Sequence[TopicPartition]) -> None:
        pass

    def incremental_unassign(self, partitions: Sequence[TopicPartition]) -> None:
        pass

    def close(self) -> None:
        pass


class ToldHealth(Health):
    def __init__(self) -> None:
        self.partitions = ""

    def hold(self, condition: str) -> None:
        if condition == PARTITIONS:
            self.partitions = "held"

    def miss(self, condition: str, why: str) -> None:
        if condition == PARTITIONS:
            self.partitions = why

    def await_partitions(self, told: str) -> None:
        deadline = time.monotonic() + SOON
        while self.partitions != told:
            assert time.monotonic() < deadline, self.partitions
            time.sleep(0.01)


def test_an_archiver_without_a_partition_is_not_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    consumer, health, stop = GroupConsumer(), ToldHealth(), threading.Event()
    monkeypatch.setattr(archiver, "open_consumer", lambda config, hear: consumer)
    monkeypatch.setattr(archiver, "_UPKEEP_SECONDS", 0.0)
    config = ArchiverConfig(client={}, blocks_topic="blocks", logs={}, retention=timedelta(days=1))
    body = Archiver(config, DirectoryVault(tmp_path), ArchiverMetrics(CollectorRegistry()), health)
    thread = threading.Thread(target=body.run, args=(stop,))
    thread.start()
    try:
        health.await_partitions("none is assigned")
        consumer.assign(0)
        health.await_partitions("held")
        consumer.revoke(0)
        health.await_partitions("none is assigned")
        consumer.assign()
        consumer.assign(1)
        health.await_partitions("held")
        consumer.revoke(1)
        consumer.assign()
        health.await_partitions("none is assigned")
        assert consumer.news.empty()
    finally:
        stop.set()
        thread.join()
