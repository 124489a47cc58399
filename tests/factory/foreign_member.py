"""A client of another kind that joins a daemon's group, as a console consumer with its group's name would."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import Consumer

from auditseal_local.kafka import KafkaNode


@contextmanager
def foreign_member(kafka: KafkaNode, group: str, topic: str) -> Iterator[None]:
    """Keep a client with the id `foreign` in a group while the context lasts."""
    consumer = Consumer(
        {
            "bootstrap.servers": kafka.bootstrap_servers,
            "group.id": group,
            "client.id": "foreign",
            "partition.assignment.strategy": "cooperative-sticky",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([topic])
    over = threading.Event()

    def poll() -> None:
        while not over.is_set():
            consumer.poll(0.1)
        consumer.close()

    thread = threading.Thread(target=poll)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
