"""Three real brokers, each a controller too, that keep each partition three times and need two copies in sync."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from confluent_kafka.admin import AdminClient, TopicMetadata

from auditseal_local.kafka import KafkaNode, KafkaSettings
from auditseal_local.ports import LOOPBACK

BROKERS = 3
LEAST_IN_SYNC = 2
_CLUSTER_ID = "AuditsealThreeBrokersw"
_TIMEOUT = 20.0  # s
_REPLICATED = {
    "default.replication.factor": BROKERS,
    "min.insync.replicas": LEAST_IN_SYNC,
    "offsets.topic.replication.factor": BROKERS,
    "transaction.state.log.replication.factor": BROKERS,
    "transaction.state.log.min.isr": LEAST_IN_SYNC,
    "share.coordinator.state.topic.replication.factor": BROKERS,
    "share.coordinator.state.topic.min.isr": LEAST_IN_SYNC,
}


class Member(KafkaNode):
    """One broker of a cluster, which is ready once the others let it join."""

    start_seconds: ClassVar[float] = 240


class KafkaCluster:
    """A cluster that starts, stops and runs as a whole.

    Attributes:
        members: The brokers; the `node.id` of each is its place, counted from 1.
    """

    def __init__(self, directories: Sequence[Path], settings: KafkaSettings) -> None:
        """Take a directory for each broker."""
        self.members = tuple(Member(directory) for directory in directories)
        addresses = [f"{LOOPBACK}:{member.ports['controller']}" for member in self.members]
        voters = ",".join(f"{number}@{address}" for number, address in enumerate(addresses, 1))
        shared = {"controller.quorum.voters": voters} | {name: str(value) for name, value in _REPLICATED.items()}
        for number, member in enumerate(self.members, 1):
            overrides = (*settings.overrides, *shared.items(), ("node.id", str(number)))
            member.settings = replace(settings, overrides=overrides, cluster_id=_CLUSTER_ID)

    @property
    def ports(self) -> dict[str, int]:
        """The ports of the first broker."""
        return self.members[0].ports

    @property
    def bootstrap_servers(self) -> str:
        """All brokers, for clients."""
        return ",".join(member.bootstrap_servers for member in self.members)

    @property
    def running(self) -> bool:
        """Whether all of them run."""
        return all(member.running for member in self.members)

    def start(self) -> None:
        """Start those that do not run, at the same time: one alone has no quorum, and is never ready."""
        _at_once(KafkaNode.start, [member for member in self.members if not member.running])

    def stop(self) -> None:
        """Stop all of them in order."""
        _at_once(KafkaNode.stop, self.members)

    def kill(self) -> None:
        """End all of them as a crash would."""
        _at_once(KafkaNode.kill, self.members)

    def leader(self, topic: str, partition: int) -> Member:
        """Return the broker that leads a partition."""
        return self.members[self.topics()[topic].partitions[partition].leader - 1]

    def in_sync(self) -> bool:
        """Return whether each partition of each topic, the internal ones too, has all its copies in sync."""
        partitions = [each for topic in self.topics().values() for each in topic.partitions.values()]
        return all(len(each.isrs) == BROKERS for each in partitions)

    def topics(self) -> dict[str, TopicMetadata]:
        """Return what the brokers say of all topics."""
        return AdminClient({"bootstrap.servers": self.bootstrap_servers}).list_topics(timeout=_TIMEOUT).topics

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def _at_once(do: Callable[[KafkaNode], None], members: Sequence[KafkaNode]) -> None:
    with ThreadPoolExecutor(BROKERS) as pool:
        list(pool.map(do, members))  # raises what one of them raised
