"""The administrative calls: the cluster's id, topics and their partitions, and the ends of partitions."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from confluent_kafka import (
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic, OffsetSpec, ResourceType

from auditseal_daemon.kafka_client import settings, unavailable
from auditseal_daemon.topic_rules import TopicView
from auditseal_schemas.errors import UnavailableError


class Cluster:
    """One cluster, through the administrative API. Safe to use from any thread.

    All methods raise `UnavailableError` where the cluster can't be reached or refuses.
    """

    def __init__(self, client: Mapping[str, str], timeout: float) -> None:
        """Take the connection; `timeout` in seconds bounds each call."""
        self._client, self._timeout = client, timeout
        self._admin = AdminClient(settings(client))

    @contextmanager
    def _asking(self, what: str) -> Iterator[AdminClient]:
        """Lend the client, and after a failure take a new one.

        After a broker's restart an old one was seen to offer a leader's old epoch again and again.
        """
        try:
            with unavailable(what):
                yield self._admin
        except UnavailableError:
            self._admin = AdminClient(settings(self._client))
            raise

    def cluster_id(self) -> str:
        """Return the cluster's id."""
        with self._asking("the cluster can't be described") as admin:
            description = admin.describe_cluster(request_timeout=self._timeout).result()
        return str(description.cluster_id)

    def topic(self, name: str) -> TopicView | None:
        """Return a topic, None where there is none of that name."""
        with self._asking(f"topic {name} can't be described") as admin:
            try:
                answer = admin.describe_topics(TopicCollection([name]), request_timeout=self._timeout)
                description = answer[name].result()
            except KafkaException as exception:
                if exception.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                    return None
                raise
            resource = ConfigResource(ResourceType.TOPIC, name)
            entries = admin.describe_configs([resource], request_timeout=self._timeout)[resource].result()
        replicas = tuple(len(partition.replicas) for partition in description.partitions)
        values = {entry.name: entry.value for entry in entries.values()}
        return TopicView(name, str(description.topic_id), replicas, values)

    def create_topic(self, name: str, partitions: int, replication: int, values: Mapping[str, str]) -> bool:
        """Make a topic; return whether it is new."""
        topic = NewTopic(name, partitions, replication, config=dict(values))
        with self._asking(f"topic {name} can't be made") as admin:
            try:
                admin.create_topics([topic], request_timeout=self._timeout)[name].result()
            except KafkaException as exception:
                if exception.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
                    return False
                raise
        return True

    def add_partitions(self, name: str, partitions: int) -> None:
        """Give a topic more partitions, so that it has `partitions` in all."""
        with self._asking(f"topic {name} can't get more partitions") as admin:
            admin.create_partitions([NewPartitions(name, partitions)], request_timeout=self._timeout)[name].result()

    def start(self, topic: str, partition: int) -> int:
        """Return the first offset that a partition still has."""
        return self._offset(topic, partition, OffsetSpec.earliest(), IsolationLevel.READ_UNCOMMITTED)

    def end(self, topic: str, partition: int) -> int:
        """Return the offset that the next record of a partition gets."""
        return self._offset(topic, partition, OffsetSpec.latest(), IsolationLevel.READ_UNCOMMITTED)

    def stable_end(self, topic: str, partition: int) -> int:
        """Return the offset below which every transaction of a partition is decided."""
        return self._offset(topic, partition, OffsetSpec.latest(), IsolationLevel.READ_COMMITTED)

    def _offset(self, topic: str, partition: int, spec: OffsetSpec, isolation: IsolationLevel) -> int:
        where = TopicPartition(topic, partition)
        with self._asking(f"the offsets of {topic}/{partition} can't be read") as admin:
            answer = admin.list_offsets({where: spec}, isolation_level=isolation, request_timeout=self._timeout)
            offset = int(answer[where].result().offset)
        if offset < 0:  # observed with librdkafka 2.16 of an overloaded broker: neither an error nor an offset
            raise UnavailableError(f"the offsets of {topic}/{partition} can't be read: the broker showed {offset}")
        return offset
