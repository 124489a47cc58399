"""The sealer's own consumer on a real Kafka: it reads as the binding does, and tells unreadable headers from none."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from auditseal_daemon.kafka_client import properties
from auditseal_local.kafka import KafkaNode
from auditseal_schemas.record import Contents
from auditseal_sealer.event_record import EventRecord
from auditseal_sealer.message_reader import MAX_HEADERS, MAX_NAME_BYTES, VIEWED_BYTES
from auditseal_sealer.partition_consumer import Isolation, reading
from auditseal_sealer.record_consumer import RecordConsumer
from tests.faults.raw_produce import produce_raw

READING = reading("reader", Isolation.UNCOMMITTED)
LIBRDKAFKA_READS = 100_000


@contextmanager
def consumer_of(kafka: KafkaNode, topic: str, offset: int = 0) -> Iterator[RecordConsumer]:
    consumer = RecordConsumer(properties({"bootstrap.servers": kafka.bootstrap_servers}, **READING))
    try:
        consumer.assign(TopicPartition(topic, 0, offset))
        yield consumer
    finally:
        consumer.close()


def read_all(consumer: RecordConsumer, most: int = 8) -> list[EventRecord]:
    """Read to the partition's end."""
    records, end, deadline = list[EventRecord](), -1, time.monotonic() + 60
    while end < 0:
        assert time.monotonic() < deadline
        found, end, fault = consumer.read(most, 0.2)
        assert fault is None
        records += map(copied, found)
    return records


def copied(record: EventRecord) -> EventRecord:
    """Return a record that outlives the next read."""

    def copy(contents: Contents | None) -> bytes | None:
        return None if contents is None else bytes(contents)

    headers = record.headers and [(name, copy(value)) for name, value in record.headers]
    return record._replace(key=copy(record.key), headers=headers, value=copy(record.value))


def read_by_binding(kafka: KafkaNode, topic: str, count: int) -> list[EventRecord]:
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": "binding"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    found = list[EventRecord]()
    try:
        while len(found) < count:
            for one in consumer.consume(1, 30):
                offset, headers = one.offset(), one.headers()
                assert one.error() is None
                assert offset is not None
                found.append(
                    EventRecord(offset, *one.timestamp(), one.key(), headers or (), one.value(), one.leader_epoch())
                )
    finally:
        consumer.close()
    return found


@pytest.mark.parametrize("codec", ["none", "zstd"])
def test_it_reads_what_the_binding_reads(kafka: KafkaNode, make_topic: Callable[..., str], codec: str) -> None:
    topic = make_topic("events", 1, {"message.timestamp.type": "LogAppendTime"})
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "compression.type": codec})
    parts = [
        (None, None),
        (b"", b""),
        (b"k", None),
        (None, b"v"),
        (b"key", b"value" * 1000),
        (b"\0", b"\xff" * 200_000),
    ]
    headers = [[], [("a", b"1")], [("", None), ("a", b"\xfe" * 70_000), ("ä" * 300, b"\xff" * 300), ("a", b"")]]
    for number, (key, value) in enumerate(parts * len(headers)):
        producer.produce(topic, value, key, 0, headers=headers[number % len(headers)])
    assert producer.flush(20) == 0
    expected = read_by_binding(kafka, topic, len(parts) * len(headers))
    assert [record.timestamp_type for record in expected] == [2] * len(expected)
    with consumer_of(kafka, topic) as consumer:
        assert read_all(consumer) == expected
        assert consumer.known_end(TopicPartition(topic, 0)) == len(expected)
    with consumer_of(kafka, topic, 5) as consumer:
        assert read_all(consumer, most=1) == expected[5:]


def test_headers_that_could_not_be_read_are_not_none_at_all(kafka: KafkaNode, make_topic: Callable[..., str]) -> None:
    topic, empty = make_topic("events"), (b"", b"")
    cases: list[tuple[list[tuple[bytes, bytes]], int | None]] = [
        ([], 0),
        ([empty] * MAX_HEADERS, MAX_HEADERS),
        ([empty] * (MAX_HEADERS + 1), None),
        ([empty] * LIBRDKAFKA_READS, None),
        ([empty] * (LIBRDKAFKA_READS + 1), None),
        ([(b"good", b"1"), (b"\xff\xfe", b"1")], None),
        ([(b"n" * (MAX_NAME_BYTES + 1), b"1")], None),
        ([(b"n" * MAX_NAME_BYTES, b"1")], 1),
        ([(b"cut\0here", b"1")], 1),
    ]
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
    producer.produce(topic, b"value", partition=0)
    assert producer.flush(20) == 0  # so the partition has a leader
    for headers, _ in cases[1:]:
        produce_raw(kafka.ports["client"], topic, 0, b"value", headers)
    with consumer_of(kafka, topic) as consumer:
        found = read_all(consumer)
    assert [None if record.headers is None else len(record.headers) for record in found] == [n for _, n in cases]
    assert found[-1].headers == [("cut", b"1")]
    assert found[-2].headers == [("n" * MAX_NAME_BYTES, b"1")]
    assert {record.value for record in found} == {b"value"}
    assert read_by_binding(kafka, topic, 5)[4].headers == ()  # why the sealer has a consumer of its own


def test_long_contents_are_views_that_end_with_the_next_read(kafka: KafkaNode, make_topic: Callable[..., str]) -> None:
    topic = make_topic("events")
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
    for size in (VIEWED_BYTES, VIEWED_BYTES + 1):
        producer.produce(topic, b"v" * size, b"k" * size, 0, headers=[("h", b"w" * size)])
    assert producer.flush(20) == 0
    with consumer_of(kafka, topic) as consumer:
        short, long = (one_record(consumer) for _ in range(2))
        assert [type(part) for part in contents(short)] == [bytes] * 3
        views = contents(long)
        assert [bytes(view) for view in views] == [letter * (VIEWED_BYTES + 1) for letter in (b"k", b"w", b"v")]
        consumer.read(1, 0)
        for view in views:
            assert isinstance(view, memoryview)
            with pytest.raises(ValueError, match="released"):
                view.tobytes()


def one_record(consumer: RecordConsumer) -> EventRecord:
    deadline = time.monotonic() + 60
    while not (records := consumer.read(1, 0.2).records):
        assert time.monotonic() < deadline
    return records[0]


def contents(record: EventRecord) -> list[Contents | None]:
    assert record.headers is not None
    ((_, header),) = record.headers
    return [record.key, header, record.value]


def test_messages_that_wait_are_taken_together_and_read_in_portions(
    kafka: KafkaNode, make_topic: Callable[..., str]
) -> None:
    topic = make_topic("events")
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
    for number in range(200):
        producer.produce(topic, b"%d" % number, partition=0)
    assert producer.flush(20) == 0
    with consumer_of(kafka, topic) as consumer:
        found = [one_record(consumer)]
        while len(found) < 200:
            portion = consumer.read(64, 30).records
            assert 1 <= len(portion) <= 64
            found += portion
        assert [record.value for record in found] == [b"%d" % number for number in range(200)]
        consumer.assign(TopicPartition(topic, 0, 100))
        assert one_record(consumer).offset == 100
        consumer.assign(TopicPartition(topic, 0, 50))  # while others are held
        assert one_record(consumer).offset == 50


def test_an_error_comes_after_the_records_before_it(kafka: KafkaNode, kafka_admin: AdminClient, make_topic) -> None:
    topic = make_topic("events")
    with consumer_of(kafka, topic, 7) as consumer:
        deadline = time.monotonic() + 60
        while (reading := consumer.read(8, 0.2)).fault is None:
            assert time.monotonic() < deadline
    assert (reading.records, reading.fault.error.name()) == ([], "_AUTO_OFFSET_RESET")
    assert "out of range" in reading.fault.error.str()


def test_a_property_that_there_is_not_is_refused() -> None:
    with pytest.raises(KafkaException, match="nonsense"):
        RecordConsumer({"nonsense": "1"})
    with pytest.raises(KafkaException, match="Unknown group"):
        RecordConsumer(properties({"bootstrap.servers": "127.0.0.1:9"}))


def test_it_can_be_closed_twice() -> None:
    consumer = RecordConsumer(properties({"bootstrap.servers": "127.0.0.1:9"}, **READING))
    assert consumer.read(1, 0.01) == ([], -1, None)
    consumer.close()
    consumer.close()


def test_a_read_that_waits_is_woken(kafka: KafkaNode, make_topic: Callable[..., str]) -> None:
    with consumer_of(kafka, make_topic("events", 1)) as consumer:
        timer = threading.Timer(0.3, consumer.wake)
        timer.start()
        begun = time.monotonic()
        while timer.is_alive():
            assert consumer.read(8, 60).records == []
        assert time.monotonic() - begun < 50
        consumer.wake()  # nobody waits: the next read doesn't either
        assert consumer.read(8, 60).records == []
        assert time.monotonic() - begun < 50
    consumer.wake()  # after the end it does nothing
