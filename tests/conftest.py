"""The services for tests: a real Kafka with topics, a real MinIO with buckets. Nothing starts before a test asks.

Both run once a session (under xdist once a worker) in temporary directories. Tests that stop or harm a service start
a node of their own. What a test asks for marks it: `-m "not kafka and not minio"` runs what needs neither.
"""

import re
import signal
from collections.abc import Callable, Iterator
from functools import cache
from itertools import count
from typing import TypeAlias

import pytest
from botocore.loaders import JSONFileLoader
from confluent_kafka.admin import AclOperation, AdminClient, NewTopic, ResourceType

from auditseal_local.kafka import KafkaNode
from auditseal_local.minio import MinioNode
from tests.factory.quick_kafka import QuickKafka
from tests.factory.secured_kafka import SecuredKafka

MakeTopic: TypeAlias = Callable[..., str]
_serial = count()
_LONG = {"browser", "integration", "monitoring", "tamper", "test_connections", "test_weaken"}
"""Folders and files that take the longest. They come first: a long file that a worker begins last keeps all waiting."""


def pytest_configure() -> None:
    """Take signals as a terminal's programs do: `nohup` and a shell's `&` ignore some, and programs inherit that."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a service, and put the long files first."""
    for item in items:
        names = set(getattr(item, "fixturenames", ()))
        for service in {"kafka", "minio"} & names:
            item.add_marker(service)
        if "secured_kafka" in names:
            item.add_marker("kafka")
    items.sort(key=lambda item: not _LONG & {item.path.parent.name, item.path.stem})


@pytest.fixture(scope="session", autouse=True)
def models_read_once() -> Iterator[None]:
    """Read each of botocore's models once: a vault has a session of its own, which reads S3's in 0.1 s of CPU."""
    load_file = cache(JSONFileLoader().load_file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", lambda _, path: load_file(path))
        yield


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaNode]:
    """One broker for the whole session: `kafka.bootstrap_servers`."""
    with QuickKafka(tmp_path_factory.mktemp("kafka")) as node:
        yield node


@pytest.fixture(scope="session")
def secured_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    """A broker of its own with TLS, SASL and ACLs; `writer`, password `secret`, may write `audit.events`."""
    with SecuredKafka(tmp_path_factory.mktemp("secured_kafka")) as node:
        node.admin.create_topics([NewTopic("audit.events", 1, 1)])["audit.events"].result(60)
        node.add_user("writer", "secret")
        node.allow("writer", ResourceType.TOPIC, "audit.events", AclOperation.WRITE, AclOperation.DESCRIBE)
        yield node


@pytest.fixture(scope="session")
def minio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MinioNode]:
    """One store for the whole session: `minio.s3()`, `minio.vault_url(bucket)`, `minio.client_environment()`."""
    with MinioNode(tmp_path_factory.mktemp("minio")) as node:
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
        kafka_admin.create_topics([topic])[name].result(timeout=60)
        return name

    return make


@pytest.fixture
def new_bucket(minio: MinioNode) -> Callable[[], str]:
    """`new_bucket()` makes a bucket of its own, Object Lock enabled, and returns its name."""

    def make() -> str:
        name = f"bucket-{next(_serial)}"
        minio.make_bucket(name)
        return name

    return make
