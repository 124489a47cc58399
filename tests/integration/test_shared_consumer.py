"""Partitions that share one consumer, on a real Kafka: each at its own pace, and no check is lost (ADR 0037)."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions

from auditseal_daemon.cluster import Cluster
from auditseal_daemon.kafka_client import properties
from auditseal_daemon.topic_rules import TopicRules
from auditseal_daemon.topics import create_topics
from auditseal_local.kafka import KafkaNode
from auditseal_sealer import librdkafka, record_source
from auditseal_sealer.consumer_pool import OWN_AT_ONCE, ConsumerPool
from auditseal_sealer.event_record import EventRecord, Fault
from auditseal_sealer.partition_consumer import Isolation, reading
from auditseal_sealer.record_source import Consumer, RecordSource
from auditseal_sealer.shared_consumer import SharedConsumer, SharedPartition

VALUE = bytes(200)


def settings_of(kafka: KafkaNode) -> dict[str, str]:
    return properties(
        {"bootstrap.servers": kafka.bootstrap_servers},
        **reading("reader", Isolation.UNCOMMITTED),
        queued_min_messages=1,
        fetch_message_max_bytes=32 * 1024,
        fetch_queue_backoff_ms=1,
    )


class Readers:
    """Partitions of one topic that share a consumer."""

    def __init__(self, kafka: KafkaNode, topic: str) -> None:
        self.kafka, self.topic, self.pool = kafka, topic, ConsumerPool()
        self.producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "linger.ms": 5})
        self._opened = list[Consumer]()

    def open(self, partition: int, offset: int = 0) -> SharedPartition:
        consumer = self.pool.open(settings_of(self.kafka))
        self._begin(consumer, partition, offset)
        return consumer

    def source(self, partition: int, offset: int = 0) -> RecordSource:
        source = RecordSource(self.pool, settings_of(self.kafka))
        self._begin(source, partition, offset)
        return source

    def _begin(self, consumer: Consumer, partition: int, offset: int) -> None:
        self._opened.append(consumer)
        consumer.assign(TopicPartition(self.topic, partition, offset))

    def publish(self, partition: int, count: int = 1) -> None:
        for _ in range(count):
            self.producer.produce(self.topic, VALUE, partition=partition)
            self.producer.poll(0)
        assert self.producer.flush(60) == 0

    def close(self) -> None:
        for consumer in self._opened:
            consumer.close()


@pytest.fixture
def readers(kafka: KafkaNode, make_topic: Callable[..., str]) -> Iterator[Readers]:
    made = Readers(kafka, make_topic("events", 3))
    yield made
    made.close()


def offsets_of(consumer: Consumer, count: int, seconds: float = 60) -> list[int]:
    """Return the offsets of the next records."""
    found, deadline = list[int](), time.monotonic() + seconds
    while len(found) < count:
        assert time.monotonic() < deadline, f"{len(found)} of {count} came"
        records, _, fault = consumer.read(64, 0.2)
        assert fault is None, fault.error
        found += [record.offset for record in records]
    return found


def fault_of(consumer: Consumer, seconds: float = 60) -> Fault:
    """Return the next error."""
    deadline = time.monotonic() + seconds
    while (fault := consumer.read(64, 0.2).fault) is None:
        assert time.monotonic() < deadline
    return fault


def test_one_that_is_not_read_stops_no_other_and_waits_with_one_fetch(readers: Readers) -> None:
    for partition in (0, 1):
        readers.publish(partition, 20_000)
    idle, busy = readers.open(0), readers.open(1)
    before = psutil.Process().memory_info().rss
    assert offsets_of(busy, 20_000) == list(range(20_000))
    assert psutil.Process().memory_info().rss - before < 100 * 2**20
    waiting = idle.read(10_000, 5).records  # no more than was fetched
    assert 0 < len(waiting) < 10_000
    first = [record.offset for record in waiting]
    assert first + offsets_of(idle, 20_000 - len(first)) == list(range(20_000))


def test_a_seek_gives_no_record_of_before(readers: Readers) -> None:
    readers.publish(0, 3_000)
    one, other = readers.open(0), readers.open(1)
    for offset in (2_000, 10, 1_500, 10, 0):
        one.assign(TopicPartition(readers.topic, 0, offset))
        found = offsets_of(one, 300)
        assert found == list(range(offset, offset + len(found)))
    readers.publish(1)
    assert offsets_of(other, 1) == [0]


def test_the_end_is_told_after_each_seek(readers: Readers) -> None:
    readers.publish(0, 5)
    one = readers.open(0)
    for offset in (5, 3, 5):
        one.assign(TopicPartition(readers.topic, 0, offset))
        deadline, end = time.monotonic() + 30, -1
        while end < 0:
            assert time.monotonic() < deadline
            _, end, _ = one.read(64, 0.2)
        assert end == 5
        assert one.known_end(TopicPartition(readers.topic, 0)) == 5


def test_an_error_of_one_partition_leaves_the_others(readers: Readers) -> None:
    readers.publish(1)
    bad, good = readers.open(0, 7), readers.open(1)
    assert fault_of(bad).error.name() == "_AUTO_OFFSET_RESET"
    assert offsets_of(good, 1) == [0]
    readers.publish(1)
    assert offsets_of(good, 1) == [1]
    bad.assign(TopicPartition(readers.topic, 0, 0))
    readers.publish(0)
    assert offsets_of(bad, 1) == [0]


def test_a_read_that_waits_is_woken_and_wakes_no_other(readers: Readers) -> None:
    one, other = readers.open(0), readers.open(1)
    one.read(1, 5), other.read(1, 5)  # the ends
    timer = threading.Timer(0.3, one.wake)
    timer.start()
    begun = time.monotonic()
    assert one.read(8, 60).records == []
    assert time.monotonic() - begun < 30
    begun = time.monotonic()
    assert other.read(8, 1).records == []
    assert time.monotonic() - begun > 0.8
    one.close()
    one.wake()  # after the end it does nothing


def test_partitions_come_and_go_while_others_are_read(readers: Readers) -> None:
    steady, ended = readers.open(0), threading.Event()
    found, failures = list[int](), list[BaseException]()

    def read_on() -> None:
        try:
            while not ended.is_set():
                found.extend(record.offset for record in steady.read(64, 0.05).records)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=read_on)
    thread.start()
    try:
        for turn in range(10):
            readers.publish(0, 50)
            readers.publish(1, 50)
            other = readers.open(1, turn * 50)
            assert offsets_of(other, 1)[0] == turn * 50
            other.close()
        deadline = time.monotonic() + 30
        while len(found) < 500 and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:  # a consumer that is closed while another thread reads ends the process
        ended.set()
        thread.join()
    assert not failures
    assert found == list(range(500))


def test_what_comes_of_a_partition_that_was_given_up_is_dropped(readers: Readers) -> None:
    readers.publish(0, 5_000)
    steady, given_up = readers.open(1), readers.open(0)
    deadline = time.monotonic() + 30
    while not librdkafka.queue_length(given_up._queue):  # its first fetch has come
        assert time.monotonic() < deadline
        time.sleep(0.01)
    given_up.close()
    (consumer,) = readers.pool._consumers.values()
    queue = librdkafka.queue_get_partition(consumer._handle, readers.topic.encode(), 0)
    deadline = time.monotonic() + 5
    while librdkafka.queue_length(queue) or librdkafka.queue_length(consumer._main):
        assert time.monotonic() < deadline
        assert steady.read(64, 0.05).records == []
    librdkafka.queue_destroy(queue)


def test_the_last_one_closes_the_consumer_and_the_next_makes_another(readers: Readers) -> None:
    opened = [readers.open(partition) for partition in range(3)]
    assert [consumer.read(1, 5).end for consumer in opened] == [0, 0, 0]
    assert len(readers.pool._consumers) == 1
    for consumer in opened:
        assert readers.pool._consumers
        consumer.close()
        consumer.close()
    assert not readers.pool._consumers
    readers.publish(0)
    assert offsets_of(readers.open(0), 1) == [0]


def test_a_start_whose_epoch_was_not_compared_leaves_nothing_behind(
    readers: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    readers.open(0)  # keeps the consumer
    readers.publish(1)
    where, refused = TopicPartition(readers.topic, 1, 0, leader_epoch=0), KafkaException(KafkaError(KafkaError._FAIL))
    with monkeypatch.context() as patch:

        def refuse(*_: object) -> None:
            raise refused

        patch.setattr(SharedConsumer, "_validate", refuse)
        with pytest.raises(KafkaException):
            readers.pool.open(settings_of(readers.kafka)).assign(where)
    again = readers.open(1)
    again.assign(where)
    assert offsets_of(again, 1) == [0]


def test_a_partition_that_was_added_is_read(readers: Readers, kafka_admin: AdminClient) -> None:
    readers.open(0).read(1, 5)
    kafka_admin.create_partitions([NewPartitions(readers.topic, 4)])[readers.topic].result()
    added = readers.open(3)
    producer = Producer({"bootstrap.servers": readers.kafka.bootstrap_servers})
    deadline = time.monotonic() + 30
    while 3 not in producer.list_topics(readers.topic).topics[readers.topic].partitions:
        assert time.monotonic() < deadline
    producer.produce(readers.topic, VALUE, partition=3)
    assert producer.flush(30) == 0
    assert offsets_of(added, 1, seconds=20) == [0]


def test_a_quiet_partition_next_to_idle_and_busy_ones_waits_for_one_fetch(readers: Readers) -> None:
    quiet, _, ended = readers.open(0), readers.open(2), threading.Event()
    busy = readers.open(1)
    quiet.read(1, 5)

    def latencies() -> list[float]:
        found = list[float]()
        for turn in range(20):
            time.sleep(turn % 5 * 0.02)
            readers.publish(0)
            begun = time.monotonic()
            offsets_of(quiet, 1)
            found.append(time.monotonic() - begun)
        return found

    def keep_busy() -> None:
        another = Producer({"bootstrap.servers": readers.kafka.bootstrap_servers})
        while not ended.is_set():
            another.produce(readers.topic, VALUE, partition=1)
            another.poll(0)
            busy.read(64, 0.005)

    next_to_idle = latencies()
    thread = threading.Thread(target=keep_busy)
    thread.start()
    try:
        next_to_busy = latencies()
    finally:  # a consumer that is closed while another thread reads ends the process
        ended.set()
        thread.join()
    for found in (next_to_idle, next_to_busy):
        assert sorted(found)[10] < 1, found


@contextmanager
def truncated(directory: Path) -> Iterator[tuple[KafkaNode, Readers, int]]:
    """Give a log whose end was cut off while a shared consumer knew its topic, and which has grown since."""
    with KafkaNode(directory) as node:
        create_topics(
            Cluster({"bootstrap.servers": node.bootstrap_servers}, 60), TopicRules(2, replication=1), "a", "b"
        )
        readers = Readers(node, "a")
        try:
            for _ in range(20):
                readers.publish(0)
            first = readers.open(0)
            assert offsets_of(first, 20) == list(range(20))
            first.close()
            node.kill()
            (segment,) = (node.directory / "data" / "a-0").glob("*.log")
            with segment.open("r+b") as file:
                file.truncate(segment.stat().st_size // 2)
            node.start()
            for _ in range(30):
                readers.publish(0)
            yield node, readers, 20
        finally:
            readers.close()


def test_a_log_that_was_truncated_is_reported_by_a_consumer_that_knows_it(tmp_path: Path) -> None:
    with truncated(tmp_path / "kafka") as (_, readers, end):
        one = readers.open(1)  # so that the consumer stays, and knows the topic as it is now
        readers.publish(1)
        assert offsets_of(one, 1) == [0]
        again = readers.open(0, end)
        deadline = time.monotonic() + 30
        while not again.read(64, 0.2).records:  # without an epoch nothing is compared
            assert time.monotonic() < deadline
        again.assign(TopicPartition("a", 0, end, leader_epoch=0))
        fault = fault_of(again)
        assert "truncation" in fault.error.str(), fault.error
        readers.publish(1)
        assert offsets_of(one, 1) == [1]
        epoch = newest_epoch(again)
        again.assign(TopicPartition("a", 0, end, leader_epoch=epoch))
        assert offsets_of(again, 1)[0] == end


def newest_epoch(consumer: Consumer) -> int:
    consumer.assign(TopicPartition("a", 0, 30))
    records = list[EventRecord]()
    while not records:
        records = consumer.read(1, 0.2).records
    assert records[0].leader_epoch
    return records[0].leader_epoch


def test_one_that_is_behind_next_to_idle_ones_gets_a_consumer_of_its_own_and_gives_it_back(
    readers: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = list[object]()

    class Own(record_source.RecordConsumer):
        def __init__(self, settings: dict[str, str]) -> None:
            super().__init__(settings)
            made.append(self)

    monkeypatch.setattr(record_source, "RecordConsumer", Own)
    readers.publish(0, 200_000)
    busy = readers.source(0)
    idle = readers.source(1)
    idle.read(1, 5)
    found = list[int]()
    while len(found) < 200_000:
        found += offsets_of(busy, 1)
        idle.read(1, 0)
    assert found == list(range(200_000))
    assert len(made) == 1
    assert free_places(readers.pool) == OWN_AT_ONCE - 1
    busy._pace._quiet_seconds = 0.5
    deadline = time.perf_counter() + 30
    while busy.read(64, 0.1).records or free_places(readers.pool) < OWN_AT_ONCE:
        assert time.perf_counter() < deadline
    readers.publish(0)
    assert offsets_of(busy, 1) == [200_000]


def free_places(pool: ConsumerPool) -> int:
    taken = 0
    while pool.places.acquire(blocking=False):
        taken += 1
    for _ in range(taken):
        pool.places.release()
    return taken


def test_one_alone_keeps_the_shared_consumer(readers: Readers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_source, "RecordConsumer", None)  # making one would fail
    readers.publish(0, 20_000)
    assert len(offsets_of(readers.source(0), 20_000)) == 20_000
