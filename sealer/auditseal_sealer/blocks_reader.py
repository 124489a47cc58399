"""Reads ranges of one partition of the blocks topic, and the text that the group committed with its position."""

from collections.abc import Iterator, Mapping

from confluent_kafka import KafkaError, Message, TopicPartition

from auditseal_daemon.kafka_client import describe, unavailable
from auditseal_schemas.errors import UnavailableError
from auditseal_sealer.partition_consumer import Isolation, PartitionConsumer

_STEP = 0.2  # s


class BlocksReader(PartitionConsumer):
    """Reads to an end and stops, so that the end must show soon: the broker holds no answer back for long."""

    def __init__(self, client: Mapping[str, str], group: str, where: TopicPartition, isolation: Isolation) -> None:
        """Connect; see `PartitionConsumer`."""
        super().__init__(
            client,
            group,
            where,
            isolation,
            queued_max_messages_kbytes=16 * 1024,
            fetch_queue_backoff_ms=2,
            fetch_wait_max_ms=5,
        )

    def read_to(self, end: int, timeout: float) -> Iterator[Message]:
        """Yield the records below `end`, one after the other.

        Raises:
            UnavailableError: They can't be read, or nothing came for `timeout` seconds.
        """
        reached, silent = -1, 0.0
        while reached < end:
            with unavailable(f"{self._label} can't be read"):
                message = self._consumer.poll(_STEP)
            if message is None:
                silent += _STEP
                if silent >= timeout:
                    raise UnavailableError(f"{self._label}: nothing came for {timeout:g} s")
                continue
            silent, offset = 0.0, message.offset()
            if self._is_end(message):
                reached = end if offset is None else offset
                continue
            assert offset is not None
            reached = offset + 1
            if offset < end:
                yield message

    def group_text(self, topic: str, partition: int, timeout: float) -> str:
        """Return the text that the group committed with its offset of a partition, empty where there is none.

        By a consumer, not by the administrative API: asked of a coordinator that has moved, that one ended the whole
        process by a null pointer (librdkafka#5040).

        Raises:
            UnavailableError: The group's coordinator is unreachable.
        """
        with unavailable(f"the group's offset of {topic}/{partition} can't be read"):
            (found,) = self._consumer.committed([TopicPartition(topic, partition)], timeout=timeout)
        if found.error:
            raise UnavailableError(f"the group's offset of {topic}/{partition} can't be read: {found.error}")
        return found.metadata or ""

    def _is_end(self, message: Message) -> bool:
        """Return whether a message only says that the end was reached.

        Raises:
            UnavailableError: It reports any other error.
        """
        error = message.error()
        if error is not None and error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001  (its public name)
            raise UnavailableError(f"{self._label} can't be read: {describe(error)}")
        return error is not None
