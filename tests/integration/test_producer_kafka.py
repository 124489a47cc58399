"""The producer on a real broker: contiguous offsets, order, receipts that match, and nothing dropped in silence."""

import asyncio
import logging
import os
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Message, TopicPartition

from auditseal_local.kafka import KafkaNode
from auditseal_producer import (
    Actor,
    AsyncAuditProducer,
    AuditProducer,
    BrokerUnavailableError,
    DeliveryError,
    Outcome,
    ProducerConfig,
    Receipt,
    Resource,
    UndeliveredError,
)
from auditseal_schemas.event_codec import MAX_EVENT_BYTES, decode_event, encode_event
from auditseal_schemas.event_key import event_key
from auditseal_schemas.event_parts import Stream
from tests.factory.quick_kafka import QuickKafka

MakeTopic = Callable[..., str]


def make_config(node: KafkaNode, topic: str, /, **changed: Any) -> ProducerConfig:
    return ProducerConfig(
        bootstrap_servers=node.bootstrap_servers, topic=topic, service="billing", environment="test", **changed
    )


def fields(number: int = 0) -> dict[str, Any]:
    return {
        "actor": Actor("user", f"u-{number % 50}", ip="192.0.2.7"),
        "action": "approve",
        "resources": [Resource("invoice", f"inv-{number}")],
        "outcome": Outcome.SUCCESS,
    }


def read_all(kafka: KafkaNode, topic: str, partitions: int, count: int) -> dict[int, list[Message]]:
    """Read `count` records, and check that there are no more, by partition."""
    settings = {"bootstrap.servers": kafka.bootstrap_servers, "group.id": "none", "enable.auto.commit": False}
    consumer = Consumer(settings | {"check.crcs": True})
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(partitions)])
    found: dict[int, list[Message]] = defaultdict(list)
    deadline = time.monotonic() + 60
    while sum(map(len, found.values())) < count and time.monotonic() < deadline:
        for message in consumer.consume(5000, 0.2):
            assert message.error() is None
            found[message.partition()].append(message)
    ends = [consumer.get_watermark_offsets(TopicPartition(topic, partition))[1] for partition in range(partitions)]
    consumer.close()
    assert [len(found[partition]) for partition in range(partitions)] == ends
    assert sum(ends) == count
    return found


def test_20000_events_of_several_threads(kafka: KafkaNode, make_topic: MakeTopic) -> None:
    topic, threads, each = make_topic("events", partitions=3), 4, 5_000
    made: list[list[Any]] = [[] for _ in range(threads)]
    with AuditProducer(make_config(kafka, topic)) as producer:
        producer.check_broker(20)

        def work(mine: list[Any]) -> None:
            mine.extend(producer.record(**fields(number)) for number in range(each))

        workers = [threading.Thread(target=work, args=(mine,)) for mine in made]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        producer.flush(60)
        assert producer.counts == (threads * each, 0, 0, 0)
    receipts = {receipt[1:3]: receipt for mine in made for receipt in (pending.result(0) for pending in mine)}
    found = read_all(kafka, topic, 3, threads * each)

    by_actor: dict[str, list[int]] = defaultdict(list)
    homes: dict[str, set[int]] = defaultdict(set)
    for partition, messages in found.items():
        assert [message.offset() for message in messages] == list(range(len(messages)))
        for message in messages:
            event = decode_event(message.value())
            receipt = receipts.pop((partition, message.offset()))
            assert (receipt.event_id, receipt.stream) == (event.event_id, event.stream)
            assert receipt.sha256 == sha256(message.value()).digest()
            assert receipt.timestamp == message.timestamp()[1]
            assert message.key() == event_key(event.tenant, event.actor)
            by_actor[event.actor.id].append(event.stream.sequence)
            homes[event.actor.id].add(partition)
    assert receipts == {}
    assert sorted(number for numbers in by_actor.values() for number in numbers) == list(range(threads * each))
    assert all(numbers == sorted(numbers) for numbers in by_actor.values())
    assert all(len(partitions) == 1 for partitions in homes.values())
    assert set.union(*homes.values()) == {0, 1, 2}


@pytest.mark.parametrize("extra", [-1, 0])
def test_an_event_of_the_largest_size_passes_a_topic_of_1_mib(
    kafka: KafkaNode, make_topic: MakeTopic, extra: int
) -> None:
    topic = make_topic("events", config={"max.message.bytes": str(1 << 20)})
    noise = {str(number): os.urandom(120_000).hex() for number in range(4)}
    with AuditProducer(make_config(kafka, topic, kafka={"compression.type": "none"})) as producer:
        first = producer.record(**fields(), attributes=noise | {"pad": ""})
        first.result(60)
        used = len(read_all(kafka, topic, 1, 1)[0][0].value())
        # The length of the padding takes two bytes more than that of nothing; all else keeps its size.
        padding = "x" * (MAX_EVENT_BYTES - used - 2 + extra)
        receipt = producer.record(**fields(), attributes=noise | {"pad": padding}).result(60)
        assert producer.record(**fields()).result(60).offset == receipt.offset + 1
    value = read_all(kafka, topic, 1, 3)[0][1].value()
    assert len(value) == MAX_EVENT_BYTES + extra
    assert encode_event(decode_event(value)) == value


def test_coroutines(kafka: KafkaNode, make_topic: MakeTopic) -> None:
    topic = make_topic("events")

    async def run() -> list[Receipt]:
        async with AsyncAuditProducer(make_config(kafka, topic)) as producer:
            return await asyncio.gather(*(producer.record(**fields(number)) for number in range(1_000)))

    receipts = asyncio.run(run())
    events = [decode_event(message.value()) for message in read_all(kafka, topic, 1, 1_000)[0]]
    assert [event.event_id for event in events] == [receipt.event_id for receipt in receipts]


def test_an_absent_topic_is_told_before_anything_is_lost(kafka: KafkaNode) -> None:
    with AuditProducer(make_config(kafka, "no.such.topic")) as producer, pytest.raises(BrokerUnavailableError):
        producer.check_broker(20)


def test_a_broker_that_comes_late_gets_every_event(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL + 1, logger="auditseal_producer")
    node = QuickKafka(tmp_path / "late")
    config = make_config(node, "late.events", kafka={"topic.metadata.propagation.max.ms": 60_000})
    producer = AuditProducer(config)
    pendings = [producer.record(**fields(number)) for number in range(200)]
    with pytest.raises(BrokerUnavailableError):
        producer.check_broker(1)
    with node:
        make_late_topic(node)
        receipts = [pending.result(60) for pending in pendings]
        producer.close(20)
        events = [decode_event(message.value()) for message in read_all(node, "late.events", 1, 200)[0]]
    assert [event.stream.sequence for event in events] == list(range(200))
    assert [receipt.offset for receipt in receipts] == list(range(200))


def make_late_topic(node: KafkaNode) -> None:
    from confluent_kafka.admin import AdminClient, NewTopic

    admin = AdminClient({"bootstrap.servers": node.bootstrap_servers})
    admin.create_topics([NewTopic("late.events", 1, 1)])["late.events"].result(20)


def test_a_broker_that_goes_leaves_an_answer_for_every_event(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL + 1, logger="auditseal_producer")
    told: list[DeliveryError] = []
    node = QuickKafka(tmp_path / "gone")
    with node:
        make_late_topic(node)
        producer = AuditProducer(make_config(node, "late.events", delivery_timeout=10), on_error=told.append)
        before = [producer.record(**fields(number)) for number in range(100)]
        for pending in before:
            pending.result(60)
    after = [producer.record(**fields(number)) for number in range(50)]
    errors = [pending.exception(60) for pending in after]
    assert all(isinstance(error, DeliveryError) for error in errors)
    assert [error.event_id for error in told] == [pending.event_id for pending in after]
    assert producer.counts == (100, 50, 0, 0)
    with pytest.raises(UndeliveredError, match="0 events still wait for an acknowledgement, 50 failed"):
        producer.close(5)


FORKING = """
import os, sys
from auditseal_producer import *
config = ProducerConfig(bootstrap_servers=sys.argv[1], topic=sys.argv[2], service="s", environment="test")
def record(count):
    for number in range(count):
        producer.record(actor=Actor("user", "u"), action="a", resources=[Resource("r", "1")], outcome=Outcome.SUCCESS)
with AuditProducer(config) as producer:
    record(300)
    children = []
    for _ in range(3):
        child = os.fork()
        if child == 0:
            record(100)
            sys.exit(0)
        children.append(child)
    record(300)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0, 0]
"""


def test_forked_workers_each_publish_a_whole_stream(kafka: KafkaNode, make_topic: MakeTopic) -> None:
    """A child's sys.exit leaves through the `with` block, which flushes its own channel and not the parent's."""
    topic = make_topic("events")
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKING, kafka.bootstrap_servers, topic]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    streams: dict[str, list[int]] = defaultdict(list)
    for message in read_all(kafka, topic, 1, 900)[0]:
        stream: Stream = decode_event(message.value()).stream
        streams[stream.id].append(stream.sequence)
    assert sorted(map(len, streams.values())) == [100, 100, 100, 600]
    assert all(numbers == list(range(len(numbers))) for numbers in streams.values())
