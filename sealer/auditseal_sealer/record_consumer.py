"""A consumer of one partition that says of each record whether its headers could be read (ADR 0017).

librdkafka's Python binding answers None both where a record has no headers and where librdkafka refuses them. A sealer
that used it would sign that there were none. So this calls librdkafka itself.

It takes all messages that wait out of librdkafka's queue, so that librdkafka fetches the next ones meanwhile, and reads
them in small portions. Contents that are long stay where librdkafka has them (ADR 0023).
"""

import threading
from collections import deque
from collections.abc import Iterable, Mapping
from ctypes import byref, c_int64, c_void_p, create_string_buffer
from typing import cast

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from auditseal_sealer import librdkafka
from auditseal_sealer.event_record import Reading
from auditseal_sealer.message_reader import MessageReader

_HELD = 4_096
"""Messages that are taken from librdkafka at most before the first is read."""

_TEXT_BYTES = 512


class RecordConsumer:
    """Reads one partition at a time, outside of any group. One thread at a time."""

    def __init__(self, properties: Mapping[str, str]) -> None:
        """Connect; `properties` are librdkafka's, with a `group.id`.

        Raises:
            KafkaException: librdkafka refuses a property.
        """
        self._handle, self._queue = _connect(properties)
        self._messages = MessageReader()
        self._lock = threading.Lock()
        self._held, self._given = deque[int](), list[int]()

    def assign(self, where: TopicPartition) -> None:
        """Read from an offset of a partition on; with a leader epoch, Kafka reports whether the log was truncated.

        Raises:
            KafkaException: librdkafka refuses.
        """
        self._drop_all()
        topic, chosen = where.topic.encode(), librdkafka.list_new(1)
        try:
            entry = librdkafka.list_add(chosen, topic, where.partition)
            librdkafka.list_set_offset(chosen, topic, where.partition, where.offset)
            if where.leader_epoch is not None:
                librdkafka.set_leader_epoch(entry, where.leader_epoch)
            _check(librdkafka.assign(self._handle, chosen))
        finally:
            librdkafka.list_destroy(chosen)

    def read(self, most: int, timeout: float) -> Reading:
        """Return at most `most` records, those before the first error; wait for them for at most `timeout` seconds.

        The records of the read before must not be used any more.

        Raises:
            KafkaException: librdkafka refuses.
        """
        self._drop_given()
        if not self._held:
            self._take(timeout)
        self._given = [self._held.popleft() for _ in range(min(most, len(self._held)))]
        reading = self._messages.read(self._given)
        if reading.fault:
            self._drop_held()
        return reading

    def wake(self) -> None:
        """Let a `read` that waits return now, or else the next one that would wait. From any thread."""
        with self._lock:
            if self._handle:
                librdkafka.queue_yield(self._queue)

    def known_end(self, where: TopicPartition) -> int:
        """Return a partition's end as the last fetch reported it, -1 before."""
        low, high = c_int64(-1), c_int64(-1)
        error = librdkafka.get_watermark_offsets(
            self._handle, where.topic.encode(), where.partition, byref(low), byref(high)
        )
        return -1 if error else high.value

    def close(self) -> None:
        """Disconnect."""
        if self._handle:
            self._drop_all()
            librdkafka.consumer_close(self._handle)
            with self._lock:
                librdkafka.queue_destroy(self._queue)
                handle, self._handle = self._handle, 0
            librdkafka.destroy(handle)

    def _take(self, timeout: float) -> None:
        """Take the messages that wait, or wait for one.

        Never more than wait: librdkafka fetches when its queue is empty, and what it fetches must remain there.
        """
        most = min(max(1, librdkafka.queue_length(self._queue)), _HELD)
        places = (c_void_p * most)()
        count = librdkafka.consume_batch_queue(self._queue, int(timeout * 1000), places, most)
        if count < 0:
            _check(librdkafka.last_error())
        self._held.extend(cast("list[int]", places[:count]))

    def _drop_all(self) -> None:
        self._drop_given()
        self._drop_held()

    def _drop_given(self) -> None:
        self._messages.release()
        _destroy(self._given)
        self._given = []

    def _drop_held(self) -> None:
        _destroy(self._held)
        self._held.clear()


def _destroy(messages: Iterable[int]) -> None:
    for _ in map(librdkafka.message_destroy, messages):
        pass


def _connect(properties: Mapping[str, str]) -> tuple[int, int]:
    """Return the addresses of a new consumer and of the queue of what it reads."""
    handle = _make(properties)
    if error := librdkafka.poll_set_consumer(handle):  # without a group there is no queue either
        librdkafka.destroy(handle)
        _check(error)
    return handle, librdkafka.queue_get_consumer(handle)


def _make(properties: Mapping[str, str]) -> int:
    text, conf = create_string_buffer(_TEXT_BYTES), librdkafka.conf_new()
    for name, value in properties.items():
        if librdkafka.conf_set(conf, name.encode(), value.encode(), text, _TEXT_BYTES):
            librdkafka.conf_destroy(conf)
            raise KafkaException(KafkaError(KafkaError._INVALID_ARG, text.value.decode()))  # noqa: SLF001
    handle: int | None = librdkafka.new(librdkafka.CONSUMER, conf, text, _TEXT_BYTES)
    if handle is None:
        librdkafka.conf_destroy(conf)
        raise KafkaException(KafkaError(KafkaError._FAIL, text.value.decode()))  # noqa: SLF001
    return handle


def _check(error: int) -> None:
    if error:
        raise KafkaException(KafkaError(error, librdkafka.err2str(error).decode()))
