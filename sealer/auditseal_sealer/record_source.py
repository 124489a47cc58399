"""The records of one partition: by the shared consumer while it keeps up, by a consumer of its own while it is behind.

A partition that was just read waits for the end of the fetch that is under way without it. With idle neighbours that
takes the whole time that a fetch may wait. So a busy partition among idle ones would be read slowly (ADR 0037).
"""

import time
from collections.abc import Mapping
from typing import Protocol

from confluent_kafka import KafkaException, TopicPartition

from auditseal_sealer.consumer_pool import ConsumerPool
from auditseal_sealer.event_record import Reading
from auditseal_sealer.reading_pace import ReadingPace
from auditseal_sealer.record_consumer import RecordConsumer


class Consumer(Protocol):
    """A reader of a partition; see `RecordConsumer`."""

    def assign(self, where: TopicPartition) -> None:
        """Read from an offset of a partition on; with a leader epoch, Kafka reports whether the log was truncated."""
        ...

    def read(self, most: int, timeout: float) -> Reading:
        """Return at most `most` records, those before the first error; wait for them for at most `timeout` seconds."""
        ...

    def wake(self) -> None:
        """Let a `read` that waits return now, or else the next one that would wait. From any thread."""
        ...

    def known_end(self, where: TopicPartition) -> int:
        """Return a partition's end as the last fetch reported it, -1 before."""
        ...

    def close(self) -> None:
        """Disconnect."""
        ...


class QueuedConsumer(Consumer, Protocol):
    """One that also says what waits in its queue."""

    def has_waiting(self) -> bool:
        """Return whether messages are there that were not read yet."""
        ...


class RecordSource:
    """Reads one partition. One thread at a time, but for `wake`."""

    def __init__(self, pool: ConsumerPool, properties: Mapping[str, str]) -> None:
        """Begin with a shared consumer.

        Raises:
            KafkaException: librdkafka refuses a property.
        """
        self._pool, self._properties = pool, properties
        self._consumer: QueuedConsumer = pool.open(properties)
        self._is_shared = True
        self._pace = ReadingPace(time.monotonic())
        self._where = TopicPartition("", 0)
        self._epoch: int | None = None
        self._next = self._read_to = self._end = 0

    def assign(self, where: TopicPartition) -> None:
        """Read from an offset of a partition on; with a leader epoch, Kafka reports whether the log was truncated.

        Raises:
            KafkaException: librdkafka refuses.
        """
        self._consumer.assign(where)
        self._where, self._epoch = where, where.leader_epoch
        self._next, self._read_to, self._end = where.offset, where.offset, -1

    def read(self, most: int, timeout: float) -> Reading:
        """Return at most `most` records, those before the first error; wait for them for at most `timeout` seconds.

        The records of the read before must not be used any more.

        Raises:
            KafkaException: librdkafka refuses.
        """
        self._choose_consumer(time.monotonic())
        begun = time.monotonic()
        reading = self._consumer.read(most, timeout)
        self._pace.note(len(reading.records), time.monotonic() - begun)
        self._note(reading)
        if self._pace.is_to_be_judged():
            self._judge()
        return reading

    def wake(self) -> None:
        """Let a `read` that waits return now, or else the next one that would wait. From any thread."""
        self._consumer.wake()

    def known_end(self, where: TopicPartition) -> int:
        """Return a partition's end as the last fetch of any of its consumers reported it, -1 before."""
        return max(self._end, self._consumer.known_end(where))

    def close(self) -> None:
        """Stop reading."""
        self._consumer.close()
        if not self._is_shared:
            self._is_shared = True
            self._pool.places.release()

    def _judge(self) -> None:
        """Judge whether the partition is behind, unless it can be read on at once."""
        has_more = self._consumer.known_end(self._where) > self._read_to
        if not self._consumer.has_waiting():  # asked afterwards: what came meanwhile must not count as missing
            self._pace.judge(has_more=has_more)

    def _note(self, reading: Reading) -> None:
        """Remember where another consumer would continue: right behind a record, whose epoch belongs to it."""
        if reading.records:
            last = reading.records[-1]
            self._next, self._epoch = last.offset + 1, last.leader_epoch
        self._read_to = max(self._read_to, reading.end, self._next)

    def _choose_consumer(self, now: float) -> None:
        if not self._is_shared:
            if self._pace.is_quiet(now):
                self._take_shared(now)
        elif self._pace.is_behind():
            if self._pool.has_others(self._properties) and self._pool.places.acquire(blocking=False):
                self._take_own(now)
            else:
                self._pace.stay()

    def _take_own(self, now: float) -> None:
        """Continue with a consumer of its own; where none can be made, the shared one stays."""
        self._pace.take_own(now)
        try:
            self._replace(RecordConsumer(self._properties))
        except KafkaException:
            self._pool.places.release()
            return
        self._is_shared = False

    def _take_shared(self, now: float) -> None:
        self._pace.take_shared(now)
        self._replace(self._pool.open(self._properties))
        self._is_shared = True
        self._pool.places.release()

    def _replace(self, consumer: QueuedConsumer) -> None:
        try:
            consumer.assign(self._here())
        except KafkaException:
            consumer.close()
            raise
        self._end = self.known_end(self._where)
        before, self._consumer = self._consumer, consumer
        before.close()

    def _here(self) -> TopicPartition:
        """Return the place at which reading continues."""
        if self._epoch is None:
            return TopicPartition(self._where.topic, self._where.partition, self._next)
        return TopicPartition(self._where.topic, self._where.partition, self._next, leader_epoch=self._epoch)
