"""A consumer of one partition that says of each record whether its headers could be read (ADR 0015).

librdkafka's Python binding answers None both where a record has no headers and where librdkafka refuses them. A sealer
that used it would sign that there were none. So this calls librdkafka itself.
"""

from collections.abc import Mapping
from ctypes import addressof, byref, c_char_p, c_int, c_int64, c_size_t, c_void_p, create_string_buffer
from typing import NamedTuple, cast

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from auditseal_schemas.record import RecordHeaders
from auditseal_sealer import librdkafka

MAX_HEADERS = 1_000
"""Headers of a record that are read. Of a record with more the headers are None: they could not be read."""

_NO_HEADERS = KafkaError._NOENT  # noqa: SLF001  (its public name for a local error)
_END = KafkaError._PARTITION_EOF  # noqa: SLF001
_TEXT_BYTES = 512


class EventRecord(NamedTuple):
    """A record as it was read: a `KafkaMessage`, and the epoch of the leader that appended it; None if unknown."""

    offset: int
    timestamp_type: int
    timestamp: int
    key: bytes | None
    headers: RecordHeaders | None
    value: bytes | None
    leader_epoch: int | None


class Fault(NamedTuple):
    """An error at an offset; None where it concerns none."""

    offset: int | None
    error: KafkaError


class Reading(NamedTuple):
    """What one call got.

    Attributes:
        records: Records in the order of their offsets.
        end: The partition's end, if it was reached; else -1.
        fault: The error that follows the records; None where there is none.
    """

    records: list[EventRecord]
    end: int
    fault: Fault | None


class RecordConsumer:
    """Reads one partition at a time, outside of any group. One thread at a time."""

    def __init__(self, properties: Mapping[str, str]) -> None:
        """Connect; `properties` are librdkafka's, with a `group.id`.

        Raises:
            KafkaException: librdkafka refuses a property.
        """
        self._handle, self._queue = _connect(properties)
        self._kind, self._found = c_int(), c_void_p()
        self._kind_at, self._found_at = addressof(self._kind), addressof(self._found)

    def assign(self, where: TopicPartition) -> None:
        """Read from an offset of a partition on; with a leader epoch, Kafka reports whether the log was truncated.

        Raises:
            KafkaException: librdkafka refuses.
        """
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

        Raises:
            KafkaException: librdkafka refuses.
        """
        places = (c_void_p * most)()
        count = librdkafka.consume_batch_queue(self._queue, int(timeout * 1000), places, most)
        if count < 0:
            _check(librdkafka.last_error())
        addresses = cast("list[int]", places[:count])
        try:
            return self._read(addresses)
        finally:
            for address in addresses:
                librdkafka.message_destroy(address)

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
            librdkafka.consumer_close(self._handle)
            librdkafka.queue_destroy(self._queue)
            librdkafka.destroy(self._handle)
            self._handle = 0

    def _read(self, addresses: list[int]) -> Reading:
        records, end = list[EventRecord](), -1
        for address in addresses:
            message = librdkafka.RawMessage.from_address(address)
            if not message.err:
                records.append(self._record(address, message))
            elif message.err == _END:
                end = message.offset
            else:
                return Reading(records, end, Fault(message.offset if message.offset >= 0 else None, _error(message)))
        return Reading(records, end, None)

    def _record(self, address: int, message: librdkafka.RawMessage) -> EventRecord:
        key, value, bytes_at = message.key, message.payload, librdkafka.bytes_at
        timestamp = librdkafka.message_timestamp(address, self._kind_at)
        epoch = librdkafka.message_leader_epoch(address)
        error = librdkafka.message_headers(address, self._found_at)
        return EventRecord(
            message.offset,
            self._kind.value,
            timestamp,
            None if key is None else bytes_at(key, message.key_length),
            () if error == _NO_HEADERS else self._headers(error),
            None if value is None else bytes_at(value, message.length),
            epoch if epoch >= 0 else None,
        )

    def _headers(self, error: int) -> RecordHeaders | None:
        """Return the headers that were found; None where they were refused, are too many, or a name is not UTF-8."""
        found = self._found.value
        if error or librdkafka.header_count(found) > MAX_HEADERS:
            return None
        headers = list[tuple[str, bytes | None]]()
        name, value, length = c_char_p(), c_void_p(), c_size_t()
        places = addressof(name), addressof(value), addressof(length)
        for index in range(librdkafka.header_count(found)):
            librdkafka.header_get_all(found, index, *places)
            content = None if value.value is None else librdkafka.bytes_at(value.value, length.value)
            try:
                headers.append(((name.value or b"").decode(), content))
            except UnicodeDecodeError:
                return None
        return headers


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


def _error(message: librdkafka.RawMessage) -> KafkaError:
    text = librdkafka.bytes_at(message.payload, message.length) if message.payload else b""
    return KafkaError(message.err, text.decode(errors="replace") or librdkafka.err2str(message.err).decode())


def _check(error: int) -> None:
    if error:
        raise KafkaException(KafkaError(error, librdkafka.err2str(error).decode()))
