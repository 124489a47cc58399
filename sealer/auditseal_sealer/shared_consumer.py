"""One librdkafka consumer for many partitions, each read from a queue of its own (ADR 0037).

librdkafka fetches a partition only while its queue is empty. So a queue that nobody reads holds up no other, and
keeps one fetch at most.
"""

import threading
import time
from collections.abc import Callable, Mapping

import structlog
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from auditseal_daemon.kafka_client import describe
from auditseal_sealer import librdkafka
from auditseal_sealer.consumer_handle import check, known_end, list_of, make_consumer
from auditseal_sealer.event_record import Reading
from auditseal_sealer.queue_reader import QueueReader

_START_SECONDS = 10.0
_STARTING = frozenset({KafkaError._STATE, KafkaError._PREV_IN_PROGRESS})  # noqa: SLF001  (public names, local errors)
_AT_ONCE = 64
_log = structlog.get_logger("auditseal.sealer")


class SharedConsumer:
    """A consumer outside of any group, of any partitions. Safe to use from any thread."""

    def __init__(self, properties: Mapping[str, str]) -> None:
        """Connect; `properties` are librdkafka's, with a `group.id`.

        Raises:
            KafkaException: librdkafka refuses a property.
        """
        self._handle = make_consumer(properties)
        self._main = librdkafka.queue_get_consumer(self._handle)
        self._rest, self._lock = QueueReader(self._main), threading.Lock()

    def start(self, where: TopicPartition) -> int:
        """Read a partition from an offset on, and return the address of its queue.

        With a leader epoch, Kafka reports whether the log was truncated.

        Raises:
            KafkaException: librdkafka refuses.
        """
        queue: int = librdkafka.queue_get_partition(self._handle, where.topic.encode(), where.partition)
        librdkafka.queue_forward(queue, None)  # from before the first fetch on, else records go to the main queue
        try:
            with list_of(where) as chosen:
                _check_result(librdkafka.incremental_assign(self._handle, chosen))
            if where.leader_epoch is not None:
                self._validate_or_stop(where, queue)
        except KafkaException:
            librdkafka.queue_destroy(queue)
            raise
        return queue

    def stop(self, where: TopicPartition, queue: int) -> None:
        """Read a partition no more. Its records, also those still to come, go to the main queue, and are dropped."""
        with list_of(where) as chosen:
            if error := librdkafka.incremental_unassign(self._handle, chosen):
                librdkafka.error_destroy(error)  # it was not assigned
        self._seek(where)  # refused, and only after the partition has stopped, which takes its queue's target away
        librdkafka.queue_forward(queue, self._main)

    def drain(self) -> None:
        """Take what concerns no partition: new tokens, errors, and records of partitions that have stopped."""
        if librdkafka.queue_length(self._main) and self._lock.acquire(blocking=False):
            try:
                if fault := self._rest.read(_AT_ONCE, 0).fault:
                    _log.warning("Kafka reports an error that concerns no partition", problem=describe(fault.error))
                self._rest.drop()
            finally:
                self._lock.release()

    def known_end(self, where: TopicPartition) -> int:
        """Return a partition's end as the last fetch reported it, -1 before."""
        return known_end(self._handle, where)

    def close(self) -> None:
        """Disconnect. All partitions have stopped, and their queues are closed."""
        librdkafka.consumer_close(self._handle)
        self._rest.close()
        librdkafka.destroy(self._handle)

    def _validate_or_stop(self, where: TopicPartition, queue: int) -> None:
        try:
            self._validate(where)
        except KafkaException:
            self.stop(where, queue)  # else the next start would be refused, as long as others have the consumer
            raise

    def _validate(self, where: TopicPartition) -> None:
        """Let Kafka compare the epoch: librdkafka asks at a seek, and not where it begins on a known partition.

        Records that came since the start are dropped: they are older than the seek.
        """
        deadline = time.monotonic() + _START_SECONDS
        while (error := self._seek(where)) in _STARTING and time.monotonic() < deadline:
            time.sleep(0.002)
        check(error)

    def _seek(self, where: TopicPartition) -> int:
        with list_of(where) as chosen:
            if error := librdkafka.seek_partitions(self._handle, chosen, int(_START_SECONDS * 1000)):
                return _code_of(error)
            entry = librdkafka.list_find(chosen, where.topic.encode(), where.partition)
            return int(librdkafka.unpack_place(librdkafka.memory, entry)[-1])


class SharedPartition(QueueReader):
    """One partition of a shared consumer. One thread at a time, but for `wake`."""

    def __init__(self, consumer: SharedConsumer, release: Callable[[], None]) -> None:
        """Take the consumer, and a function to call when this partition needs it no more."""
        super().__init__(0)
        self._consumer, self._release = consumer, release
        self._where: TopicPartition | None = None

    def assign(self, where: TopicPartition) -> None:
        """Read from an offset of a partition on; with a leader epoch, Kafka reports whether the log was truncated.

        Raises:
            KafkaException: librdkafka refuses.
        """
        self._stop()
        self._queue, self._where = self._consumer.start(where), where

    def read(self, most: int, timeout: float) -> Reading:
        """Read as `QueueReader.read`, and take what concerns no partition."""
        self._consumer.drain()
        return super().read(most, timeout)

    def known_end(self, where: TopicPartition) -> int:
        """Return a partition's end as the last fetch reported it, -1 before."""
        return self._consumer.known_end(where)

    def close(self) -> None:
        """Stop, and leave the consumer."""
        self._stop()
        release, self._release = self._release, lambda: None
        release()

    def _stop(self) -> None:
        where, self._where = self._where, None
        if where is not None:
            self.drop()
            self._consumer.stop(where, self._queue)
            super().close()


def _check_result(error: int | None) -> None:
    if error:
        check(_code_of(error))


def _code_of(error: int) -> int:
    """Return an error object's code, and destroy it."""
    code = int(librdkafka.error_code(error))
    librdkafka.error_destroy(error)
    return code
