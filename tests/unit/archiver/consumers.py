"""Consumers of a group that a test directs: one whose broker is silent, one whose group gives and takes partitions."""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from types import SimpleNamespace
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition


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
        assert consumer.asked.wait(60)
        time.sleep(0.1)
        stop.set()

    threading.Thread(target=wait).start()
    return stop


class GroupConsumer:
    """Its group assigns and revokes partitions, and its topic has blocks, when the test says so.

    Attributes:
        news: What the next polls do, and the records that they return.
        paused: The partitions that aren't read.
    """

    def __init__(self) -> None:
        self.news: queue.Queue[Callable[[], Message | None]] = queue.Queue()
        self.paused = set[int]()

    def subscribe(self, topics: Sequence[str], on_assign: Any, on_revoke: Any, **callbacks: Any) -> None:
        self._on_assign, self._on_revoke = on_assign, on_revoke

    def assign(self, *partitions: int) -> None:
        self.news.put(lambda: self._on_assign(self, [TopicPartition("blocks", number) for number in partitions]))

    def revoke(self, *partitions: int) -> None:
        self.news.put(lambda: self._on_revoke(self, [TopicPartition("blocks", number) for number in partitions]))

    def deliver(self, partition: int, *blocks: bytes) -> None:
        """Let a partition's blocks be read, from offset 0 on."""
        for offset, block in enumerate(blocks):
            record = Message(topic="blocks", partition=partition, offset=offset, value=block, timestamp=(2, 1))
            self.news.put(partial(lambda record: record, record))

    def poll(self, timeout: float) -> Message | None:
        with suppress(queue.Empty):
            return self.news.get(timeout=timeout)()
        return None

    def committed(self, partitions: Sequence[TopicPartition], timeout: float) -> Sequence[TopicPartition]:
        return partitions

    def get_watermark_offsets(self, partition: TopicPartition, timeout: float, *, cached: bool) -> tuple[int, int]:
        return 0, 0

    def incremental_assign(self, partitions: Sequence[TopicPartition]) -> None:
        pass

    def pause(self, partitions: Sequence[TopicPartition]) -> None:
        self.paused.update(each.partition for each in partitions)

    def commit(self, offsets: Sequence[TopicPartition], *, asynchronous: bool) -> None:
        pass

    def incremental_unassign(self, partitions: Sequence[TopicPartition]) -> None:
        pass

    def list_topics(self, topic: str, timeout: float) -> SimpleNamespace:
        return SimpleNamespace(topics={topic: SimpleNamespace(error=None)})

    def close(self) -> None:
        pass
