"""One real Kafka broker, controller included, on loopback."""

import logging
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from uuid import uuid4

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from auditseal_local.java import SHORT_LIVED, java_command
from auditseal_local.job import run_logged
from auditseal_local.kafka_jars import class_path
from auditseal_local.node import Node
from auditseal_local.ports import LOOPBACK, accepts
from auditseal_local.process import Launch, launch_guarded
from auditseal_local.progress import Progress, silent

_METADATA_TIMEOUT = 2.0  # s
_quiet = logging.getLogger("auditseal_local.kafka.probe")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False  # librdkafka tells of every refused connection while the broker comes up


@dataclass(frozen=True)
class KafkaSettings:
    """The settings that may differ between two brokers."""

    heap_mib: int = 512
    """Java heap, MiB."""
    proxy: str | None = None
    """`host:port` that the listener `behind_proxy` advertises: a TCP proxy that a test puts before the broker."""
    overrides: tuple[tuple[str, str], ...] = ()
    """Further lines for `server.properties`, the last one of a name winning."""
    cluster_id: str | None = None
    """The id that the brokers of one cluster share; a random one where it is None."""


class KafkaNode(Node):
    """A combined broker and controller. Topics are never made automatically; each has a single replica."""

    title: ClassVar[str] = "Kafka"
    port_names: ClassVar[tuple[str, ...]] = ("client", "controller", "behind_proxy")

    def __init__(
        self,
        directory: Path,
        settings: KafkaSettings | None = None,
        *,
        launch: Launch = launch_guarded,
        progress: Progress = silent,
    ) -> None:
        """Take the directory and its ports as `Node` does; start nothing."""
        super().__init__(directory, launch=launch, progress=progress)
        self.settings = settings or KafkaSettings()

    @property
    def bootstrap_servers(self) -> str:
        """`host:port` for clients, straight to the broker."""
        return f"{LOOPBACK}:{self.ports['client']}"

    @property
    def address(self) -> str:
        """The same."""
        return self.bootstrap_servers

    @property
    def behind_proxy(self) -> str:
        """`host:port` that a proxy forwards to; the broker there refers clients to `settings.proxy`."""
        return f"{LOOPBACK}:{self.ports['behind_proxy']}"

    def prepare(self) -> Sequence[str]:
        """Write the configuration, format the storage the first time, and return the broker's command."""
        properties = self.directory / "server.properties"
        properties.write_text("".join(f"{name}={value}\n" for name, value in self._properties().items()))
        (self.directory / "tmp").mkdir(exist_ok=True)
        if not (self.directory / "data" / "meta.properties").exists():
            self.progress("Kafka: formatting its storage")
            java = self._java(*SHORT_LIVED)
            cluster_id = self.settings.cluster_id or _random_cluster_id()
            format_it = [*java, "kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(properties)]
            run_logged(format_it, self.log, self.environment(), silent)
        return [*self._java("-XX:+UseG1GC", "-XX:+ExitOnOutOfMemoryError"), "kafka.Kafka", str(properties)]

    def is_ready(self) -> bool:
        """Return whether the broker's own metadata list it: it is registered and not fenced."""
        if not accepts(self.ports["client"]):
            return False
        admin = AdminClient({"bootstrap.servers": self.bootstrap_servers}, logger=_quiet)
        try:
            return bool(admin.list_topics(timeout=_METADATA_TIMEOUT).brokers)
        except KafkaException:
            return False

    def _java(self, *options: str) -> list[str]:
        return java_command(
            class_path(self.progress),
            self.settings.heap_mib,
            "kafka_log4j2.properties",
            *options,
            f"-Djava.io.tmpdir={self.directory / 'tmp'}",
        )

    def _properties(self) -> dict[str, str]:
        client, controller = self.bootstrap_servers, f"{LOOPBACK}:{self.ports['controller']}"
        proxied = f"PROXIED://{self.behind_proxy}"
        advertised = f"PROXIED://{self.settings.proxy or self.behind_proxy}"
        return {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@{controller}",
            "listeners": f"CLIENT://{client},{proxied},CONTROLLER://{controller}",
            "advertised.listeners": f"CLIENT://{client},{advertised}",
            "listener.security.protocol.map": "CLIENT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "CLIENT",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": str(self.directory / "data"),
            **_SINGLE_NODE,
            **dict(self.settings.overrides),
        }


_SINGLE_NODE = {
    "auto.create.topics.enable": "false",
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",  # few files to make and to load again: 50 would be the default
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "group.initial.rebalance.delay.ms": "0",
    # After kill -9 the controller, new itself, refuses the new broker until the old one's session is over.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "message.max.bytes": str(20 * 1024 * 1024),  # bytes, above the blocks topic's 16 MiB
    "log.cleaner.dedupe.buffer.size": str(4 * 1024 * 1024),  # bytes of heap: 128 MiB would be the default
}


def _random_cluster_id() -> str:
    """Return 16 random bytes in Kafka's spelling; as in Kafka, one that a command line does not take for an option."""
    while (text := urlsafe_b64encode(uuid4().bytes).decode().rstrip("=")).startswith("-"):
        continue
    return text
