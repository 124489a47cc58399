"""The events that all peers are given: `bench_sealer`'s, varied and of about 200 bytes, in a topic and in a file.

The file has each event's key and value, and before each of these its length in four bytes, big-endian.
"""

import struct
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from confluent_kafka import Consumer, TopicPartition

from auditseal_schemas.header import TIMESTAMP_CREATE
from tests.bench.bench_pipeline import fast_producer
from tests.factory.messages import Message

_LENGTH = struct.Struct(">I")
_DEADLINE_SECONDS = 300


def store_topic(bootstrap_servers: str, topic: str, events: int, path: Path) -> None:
    """Write the first events of a topic's one partition to a file."""
    consumer = Consumer({"bootstrap.servers": bootstrap_servers, "group.id": "peers.file"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    deadline, count = time.monotonic() + _DEADLINE_SECONDS, 0
    with path.open("wb") as file:
        while count < events:
            assert time.monotonic() < deadline, f"{count} of {events} events of {topic} were read"
            for message in consumer.consume(min(5_000, events - count), 1):
                assert message.error() is None, message.error()
                for field in (message.key() or b"", message.value() or b""):
                    file.write(_LENGTH.pack(len(field)) + field)
                count += 1
    consumer.close()


def stored_events(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """Yield the keys and values of a file."""
    with path.open("rb") as file:
        while head := file.read(_LENGTH.size):
            key = file.read(_LENGTH.unpack(head)[0])
            yield key, file.read(_LENGTH.unpack(file.read(_LENGTH.size))[0])


def messages(path: Path) -> Iterator[Message]:
    """Yield the events of a file as the sealer's consumer has them."""
    for offset, (key, value) in enumerate(stored_events(path)):
        yield Message(offset, value, key, [], 1_795_000_000_000 + offset // 100, TIMESTAMP_CREATE)


def publish(bootstrap_servers: str, topic: str, partitions: int, events: Iterable[tuple[bytes, bytes]]) -> None:
    """Publish events over the partitions of a topic, as our own pipeline's benchmark does."""
    producer = fast_producer(bootstrap_servers)
    for number, (key, value) in enumerate(events):
        while True:
            try:
                producer.produce(topic, value, key, partition=number % partitions)
                break
            except BufferError:
                producer.poll(0.05)
    assert producer.flush(60) == 0


def first_events(path: Path, count: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield as many events of a file as are asked for."""
    return islice(stored_events(path), count)
