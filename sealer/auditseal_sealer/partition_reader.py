"""Reads one partition from an offset on, outside of any group."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self, cast

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from auditseal_daemon.kafka_client import settings, unavailable
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.kafka_message import KafkaMessage

_error_of = Message.error
_STEP = 0.2  # s


class Isolation(StrEnum):
    """Whether records of aborted and open transactions are read too."""

    COMMITTED = "read_committed"
    UNCOMMITTED = "read_uncommitted"


@dataclass(frozen=True, slots=True)
class FetchSettings:
    """How a partition is fetched.

    Attributes:
        prefetch: KiB that librdkafka holds ready at most.
        wait: Milliseconds that the broker holds back an answer without records. A reader that stops at an end must not
            wait long, because such an answer shows the end.
    """

    prefetch: int
    wait: int


CONTINUOUS = FetchSettings(prefetch=64 * 1024, wait=500)
TO_THE_END = FetchSettings(prefetch=16 * 1024, wait=5)


class EventRecord(KafkaMessage, Protocol):
    """A record as it was consumed: unlike any `Message`, it has an offset."""

    def leader_epoch(self) -> int | None:
        """Return the epoch of the leader that appended it."""
        ...


class PartitionReader:
    """A consumer of one given partition. One thread at a time.

    It never falls back to another offset, and checks CRCs. `queued.min.messages` and the kilobytes bound its memory;
    the short back-off keeps librdkafka from sleeping a second when its queue was full.
    """

    def __init__(
        self,
        client: Mapping[str, str],
        group: str,
        topic: str,
        partition: int,
        isolation: Isolation,
        fetch: FetchSettings,
    ) -> None:
        """Connect; `group` is only named, never joined (an ACL may require it)."""
        self._where, self._partition = topic, partition
        self._consumer = Consumer(
            settings(
                client,
                group_id=group,
                enable_auto_commit=False,
                enable_auto_offset_store=False,
                enable_partition_eof=True,
                auto_offset_reset="error",
                check_crcs=True,
                isolation_level=isolation.value,
                queued_min_messages=1_000_000,
                queued_max_messages_kbytes=fetch.prefetch,
                fetch_wait_max_ms=fetch.wait,
                fetch_queue_backoff_ms=2,
            )
        )

    def seek(self, offset: int, leader_epoch: int = -1) -> None:
        """Read from an offset on; with an epoch, Kafka says when the log was truncated since."""
        where = TopicPartition(self._where, self._partition, offset)
        if leader_epoch >= 0:
            where = TopicPartition(self._where, self._partition, offset, leader_epoch=leader_epoch)
        with unavailable(f"{self._where}/{self._partition} can't be read"):
            self._consumer.assign([where])

    def read(self, most: int, timeout: float) -> list[EventRecord]:
        """Return the next records, `most` or those of `timeout` seconds.

        Raises:
            UnavailableError: The partition can't be read there: the offset is gone, the broker is unreachable, or a CRC
                is wrong.
        """
        with unavailable(f"{self._where}/{self._partition} can't be read"):
            messages = self._consumer.consume(most, timeout)
        if any(map(_error_of, messages)):
            messages = [message for message in messages if not self._is_end(message)]
        return cast("list[EventRecord]", messages)

    def read_to(self, end: int, timeout: float) -> Iterator[Message]:
        """Yield the records below `end`, one after the other.

        Raises:
            UnavailableError: As `read`, or nothing came for `timeout` seconds.
        """
        reached, silent = -1, 0.0
        while reached < end:
            with unavailable(f"{self._where}/{self._partition} can't be read"):
                message = self._consumer.poll(_STEP)
            if message is None:
                silent += _STEP
                if silent >= timeout:
                    raise UnavailableError(f"{self._where}/{self._partition}: nothing came for {timeout:g} s")
                continue
            silent, offset = 0.0, message.offset()
            assert offset is not None
            if self._is_end(message):
                reached = offset
                continue
            reached = offset + 1
            if offset < end:
                yield message

    def group_text(self, topic: str, partition: int, timeout: float) -> str:
        """Return the text that the group committed with its offset of a partition, empty without one.

        Ask by a consumer and not by the administrative API: if the coordinator has moved, that API ended the whole
        process by a null pointer (librdkafka#5040).

        Raises:
            UnavailableError: The group's coordinator is unreachable.
        """
        with unavailable(f"the group's offset of {topic}/{partition} can't be read"):
            (found,) = self._consumer.committed([TopicPartition(topic, partition)], timeout=timeout)
        if found.error:
            raise UnavailableError(f"the group's offset of {topic}/{partition} can't be read: {found.error}")
        return found.metadata or ""

    def known_end(self) -> int:
        """Return the partition's end as of the last fetch, -1 before the first."""
        where = TopicPartition(self._where, self._partition)
        return self._consumer.get_watermark_offsets(where, cached=True)[1]

    def _is_end(self, message: Message) -> bool:
        """Return whether a message only says that the end was reached.

        Raises:
            UnavailableError: It reports any other error.
        """
        error = message.error()
        if error is not None and error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001
            raise UnavailableError(f"{self._where}/{self._partition} can't be read: {error.str()} ({error.name()})")
        return error is not None

    def close(self) -> None:
        """Disconnect."""
        self._consumer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
