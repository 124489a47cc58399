"""Three real brokers that keep each partition three times and need two copies in sync, and their controller.

The controller is a process of its own, so that it notes which copies are in sync while two of the brokers are down.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from confluent_kafka.admin import AdminClient, TopicMetadata

from auditseal_local.kafka import KafkaNode, KafkaSettings
from auditseal_local.ports import LOOPBACK, accepts

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


class Broker(KafkaNode):
    """One broker of a cluster."""

    start_seconds: ClassVar[float] = 240


class Controller(KafkaNode):
    """The controller of a cluster, which has no listener for clients."""

    start_seconds: ClassVar[float] = 240

    def is_ready(self) -> bool:
        """Return whether it listens."""
        return accepts(self.ports["controller"])


class KafkaCluster:
    """A cluster that starts, stops and runs as a whole.

    Attributes:
        brokers: The brokers; the `node.id` of each is its place, counted from 1.
    """

    def __init__(self, directories: Sequence[Path], settings: KafkaSettings) -> None:
        """Take a directory for each broker; the controller's is next to the first one."""
        self.brokers = tuple(map(Broker, directories))
        self._controller = Controller(directories[0].with_name("controller"))
        number, address = len(directories) + 1, f"{LOOPBACK}:{self._controller.ports['controller']}"
        shared = {"controller.quorum.voters": f"{number}@{address}"}
        shared |= {name: str(value) for name, value in _REPLICATED.items()}
        listener = f"CONTROLLER://{address}"
        self._controller.settings = _settings(
            settings,
            number,
            shared,
            {"process.roles": "controller", "listeners": listener, "advertised.listeners": listener},
        )
        for number, broker in enumerate(self.brokers, 1):
            listeners = f"CLIENT://{broker.bootstrap_servers},PROXIED://{broker.behind_proxy}"
            broker.settings = _settings(settings, number, shared, {"process.roles": "broker", "listeners": listeners})

    @property
    def ports(self) -> dict[str, int]:
        """The ports of the first broker."""
        return self.brokers[0].ports

    @property
    def bootstrap_servers(self) -> str:
        """All brokers, for clients."""
        return ",".join(broker.bootstrap_servers for broker in self.brokers)

    @property
    def running(self) -> bool:
        """Whether all of it runs."""
        return all(node.running for node in (self._controller, *self.brokers))

    def start(self) -> None:
        """Start what does not run, all at the same time."""
        _at_once(KafkaNode.start, [node for node in (self._controller, *self.brokers) if not node.running])

    def stop(self) -> None:
        """Stop it in order: a broker hands its partitions over with the controller's help."""
        _at_once(KafkaNode.stop, self.brokers)
        self._controller.stop()

    def kill(self) -> None:
        """End all of it as a crash would."""
        _at_once(KafkaNode.kill, (self._controller, *self.brokers))

    def leader(self, topic: str, partition: int) -> Broker:
        """Return the broker that leads a partition."""
        return self.brokers[self._topics()[topic].partitions[partition].leader - 1]

    def in_sync(self) -> Sequence[int]:
        """Return how many copies are in sync, of each partition of each topic, the internal ones too."""
        return [len(each.isrs) for topic in self._topics().values() for each in topic.partitions.values()]

    def _topics(self) -> dict[str, TopicMetadata]:
        return AdminClient({"bootstrap.servers": self.bootstrap_servers}).list_topics(timeout=_TIMEOUT).topics

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def _settings(common: KafkaSettings, number: int, shared: Mapping[str, str], own: Mapping[str, str]) -> KafkaSettings:
    overrides = {**dict(common.overrides), **shared, **own, "node.id": str(number)}
    return replace(common, overrides=tuple(overrides.items()), cluster_id=_CLUSTER_ID)


def _at_once(do: Callable[[KafkaNode], None], nodes: Sequence[KafkaNode]) -> None:
    with ThreadPoolExecutor(BROKERS + 1) as pool:
        list(pool.map(do, nodes))  # raises what one of them raised
