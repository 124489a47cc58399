"""Reads one partition of events without end, within a bound of memory, and says which records can't be read.

librdkafka decompresses a whole fetch at once, and counts neither keys nor headers of the records that wait. So it
waits until none is left before it fetches again (`queued.min.messages`), and a fetch is small unless the topic bounds
how much a batch can grow. The consumer takes all that wait, so that one fetch is sealed while the next one comes.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaError, TopicPartition

from auditseal_daemon.kafka_client import describe, properties, unavailable
from auditseal_schemas.errors import UnavailableError
from auditseal_sealer.errors import UnreadableRecordsError
from auditseal_sealer.event_record import EventRecord, Fault
from auditseal_sealer.partition_consumer import Isolation, reading
from auditseal_sealer.record_source import Consumer
from auditseal_sealer.unreadable import Damage, Unreadable

AT_ONCE = 64
"""Records that one call returns: more are not much faster, and their headers need more memory."""

_RAREST_MS = 10
"""The most time between two looks at a queue in which records wait."""

_DAMAGE = {
    KafkaError._BAD_COMPRESSION: Damage.COMPRESSION,  # noqa: SLF001  (its public name for a local error)
    KafkaError._BAD_MSG: Damage.CONTENT,  # noqa: SLF001
    KafkaError._NOT_IMPLEMENTED: Damage.CONTENT,  # noqa: SLF001
    KafkaError.INVALID_MSG: Damage.CONTENT,
    KafkaError.INVALID_MSG_SIZE: Damage.CONTENT,
    KafkaError.MSG_SIZE_TOO_LARGE: Damage.CONTENT,
}


def _look_every_ms(partitions: int) -> int:
    """Return how often librdkafka looks whether its queue is empty by now, in ms (ADR 0035).

    Its thread looks so often only while records wait. On a busy machine those of 64 partitions took more CPU than
    sealing, with 1 ms each. A longer time lets a single partition be read more slowly.
    """
    return min(_RAREST_MS, max(1, partitions // 4))


class EventReader:
    """Reads the events of one partition.

    Attributes:
        skips: Ranges of offsets that are known to be unreadable; reading continues behind them.
    """

    def __init__(
        self,
        connect: Callable[[Mapping[str, str]], Consumer],
        client: Mapping[str, str],
        group: str,
        where: TopicPartition,
        *,
        partitions: int,
        fetch_bytes: int,
        silence: float,
        skips: Sequence[range] = (),
    ) -> None:
        """Connect.

        Args:
            connect: Makes the consumer with librdkafka's properties: `RecordConsumer` one with new connections.
            client: The connection as librdkafka's properties.
            group: A group that this client may name; it is not joined.
            where: Topic and partition.
            partitions: The topic's partitions: the more, the less often librdkafka looks whether its queue is empty.
            fetch_bytes: Bytes of stored batches that a broker sends at once; one batch may be larger.
            silence: Seconds after which records that the broker has and doesn't send count as unreadable.
            skips: Ranges of offsets that are known to be unreadable, ascending, with offsets between two of them.
        """
        self._where, self._label = where, f"{where.topic}/{where.partition}"
        with unavailable(f"{self._label} can't be read"):
            self._consumer = connect(
                properties(
                    client,
                    **reading(group, Isolation.UNCOMMITTED),
                    queued_min_messages=1,
                    fetch_message_max_bytes=fetch_bytes,
                    fetch_queue_backoff_ms=_look_every_ms(partitions),
                    fetch_wait_max_ms=500,
                )
            )
        self.skips = tuple(skips)
        self._silence = silence
        self._position = 0
        self._fault: Fault | None = None
        self._silent_since: float | None = None
        self._was_answered = False

    def seek(self, offset: int, leader_epoch: int = -1) -> None:
        """Read from an offset on; with an epoch, Kafka reports whether the log was truncated since."""
        self._position, self._fault, self._silent_since, self._was_answered = offset, None, None, False
        where = TopicPartition(self._where.topic, self._where.partition, offset)
        if leader_epoch >= 0:
            where = TopicPartition(self._where.topic, self._where.partition, offset, leader_epoch=leader_epoch)
        with unavailable(f"{self._label} can't be read"):
            self._consumer.assign(where)

    def read(self, timeout: float) -> list[EventRecord]:
        """Return the next few records, none where none came within `timeout` seconds.

        Drop them before the next call: their long contents are views, which end with it.

        Raises:
            UnreadableRecordsError: The records at the next offset can't be read.
            UnavailableError: The offset is gone, or the broker is unreachable.
        """
        fault, self._fault = self._fault, None
        if fault is not None:
            self._pass(fault)
        with unavailable(f"{self._label} can't be read"):
            records, end, self._fault = self._consumer.read(AT_ONCE, timeout)
        self._position = max(self._position, end)
        self._was_answered |= bool(records) or end >= 0
        if records:
            self._position, self._silent_since = max(self._position, records[-1].offset + 1), None
        elif self._fault is None:
            self._check_silence()
        return records

    def wake(self) -> None:
        """Let a `read` that waits return now. From any thread."""
        self._consumer.wake()

    def known_end(self) -> int:
        """Return the partition's end as the last fetch reported it, -1 before."""
        return self._consumer.known_end(self._where)

    def is_at_end(self) -> bool:
        """Return whether every record that the last fetch reported was read.

        A shared consumer knows an end from before the seek. It counts once something came since: records, or the end.
        """
        return self._was_answered and 0 <= self.known_end() <= self._position

    def _pass(self, fault: Fault) -> None:
        """Seek past an error within a range to skip.

        Raises:
            UnreadableRecordsError, UnavailableError: Any other error.
        """
        batch, error = fault
        damage = _DAMAGE.get(error.code())
        if damage is None or batch is None:
            raise UnavailableError(f"{self._label} can't be read: {describe(error)}")
        offset = max(self._position, batch)
        for skip in self.skips:
            if offset in skip:
                self.seek(skip.stop)
                return
        raise UnreadableRecordsError(Unreadable(offset, damage, describe(error), batch))

    def _check_silence(self) -> None:
        if self.known_end() <= self._position:
            self._silent_since = None
        elif self._silent_since is None:
            self._silent_since = time.monotonic()
        elif (silent := time.monotonic() - self._silent_since) > self._silence:
            problem = f"the partition ends at {self.known_end()}, and no record came for {silent:.0f} s"
            raise UnreadableRecordsError(Unreadable(self._position, Damage.SILENCE, problem, self._position))

    def close(self) -> None:
        """Disconnect."""
        self._consumer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
