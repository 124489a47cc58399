"""What tests may ask for: a real Kafka and topics on it. Nothing starts before a test asks."""

import re
from collections.abc import Callable, Iterator
from itertools import count
from typing import TypeAlias

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from auditseal_local.kafka import KafkaNode

MakeTopic: TypeAlias = Callable[..., str]
_serial = count()


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaNode]:
    """One broker for the whole session. Tests that stop or harm a broker start their own `KafkaNode`."""
    with KafkaNode(tmp_path_factory.mktemp("kafka")) as node:
        yield node


@pytest.fixture(scope="session")
def kafka_admin(kafka: KafkaNode) -> AdminClient:
    return AdminClient({"bootstrap.servers": kafka.bootstrap_servers})


@pytest.fixture
def topic_name(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Names that no other test of the session has: `topic_name("events")`."""
    test = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[:60]
    return lambda stem: f"{stem}.{test}.{next(_serial)}"


@pytest.fixture
def make_topic(kafka_admin: AdminClient, topic_name: Callable[[str], str]) -> MakeTopic:
    """`make_topic("events", partitions=3, config={"cleanup.policy": "delete"})` makes a topic, returns its name."""

    def make(stem: str = "topic", partitions: int = 1, config: dict[str, str] | None = None) -> str:
        name = topic_name(stem)
        topic = NewTopic(name, num_partitions=partitions, replication_factor=1, config=config or {})
        kafka_admin.create_topics([topic])[name].result(timeout=15)
        return name

    return make
