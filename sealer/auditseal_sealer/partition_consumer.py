"""A consumer that is assigned one partition from an offset on, outside of any group."""

from collections.abc import Mapping
from enum import StrEnum
from types import TracebackType
from typing import Self

from confluent_kafka import Consumer, TopicPartition

from auditseal_daemon.batch_size import RECEIVE_BYTES
from auditseal_daemon.kafka_client import settings, unavailable


class Isolation(StrEnum):
    """Whether records of aborted and open transactions are read too."""

    COMMITTED = "read_committed"
    UNCOMMITTED = "read_uncommitted"


def reading(group: str, isolation: Isolation) -> dict[str, object]:
    """Return the settings of a consumer that is assigned its partition: it chooses no other offset and checks CRCs."""
    return {
        "group_id": group,
        "enable_auto_commit": False,
        "enable_auto_offset_store": False,
        "enable_partition_eof": True,
        "auto_offset_reset": "error",
        "check_crcs": True,
        "isolation_level": isolation.value,
        "receive_message_max_bytes": RECEIVE_BYTES,
    }


class PartitionConsumer:
    """One partition. One thread at a time.

    It never falls back to another offset, and checks CRCs.
    """

    def __init__(
        self,
        client: Mapping[str, str],
        group: str,
        where: TopicPartition,
        isolation: Isolation,
        **fetch: object,
    ) -> None:
        """Connect.

        Args:
            client: The connection as librdkafka's properties.
            group: A group that this client may name; it is not joined (an ACL may require it).
            where: Topic and partition.
            isolation: Which records are read.
            fetch: Further properties of the consumer, with `_` for `.` in their names.
        """
        self._where = where
        self._label = f"{where.topic}/{where.partition}"
        self._consumer = Consumer(settings(client, None, **reading(group, isolation), **fetch))

    def seek(self, offset: int) -> None:
        """Read from an offset on."""
        where = TopicPartition(self._where.topic, self._where.partition, offset)
        with unavailable(f"{self._label} can't be read"):
            self._consumer.assign([where])

    def close(self) -> None:
        """Disconnect."""
        self._consumer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
