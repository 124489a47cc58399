"""Consumers of a group that a test directs: one whose broker is silent, one whose group gives and takes partitions."""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicPartition


class SilentConsumer:
    """Its group assigns two partitions at the first poll, and its broker answers nothing."""

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


def stop_when_asked(consumer: SilentConsumer) -> threading.Event:
    """Return an event that is set a moment after the consumer was asked something."""
    stop = threading.Event()

    def wait() -> None:
        assert consumer.asked.wait(10)
        time.sleep(0.1)
        stop.set()

    threading.Thread(target=wait).start()
    return stop


class GroupConsumer:
    """Its group assigns and revokes partitions when the test says so. Its topic is empty."""

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

    def list_topics(self, topic: str, timeout: float) -> SimpleNamespace:
        return SimpleNamespace(topics={topic: SimpleNamespace(error=None)})

    def close(self) -> None:
        pass
