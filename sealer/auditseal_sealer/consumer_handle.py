"""librdkafka's consumers outside of any group, and the lists of partitions that their calls take."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from ctypes import byref, c_int64, create_string_buffer

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from auditseal_sealer import librdkafka

_TEXT_BYTES = 512


def make_consumer(properties: Mapping[str, str]) -> int:
    """Return the address of a new consumer; `properties` are librdkafka's, with a `group.id`.

    Raises:
        KafkaException: librdkafka refuses a property.
    """
    handle = _make(properties)
    if error := librdkafka.poll_set_consumer(handle):  # so it has no queue: it has no group
        librdkafka.destroy(handle)
        check(error)
    return handle


@contextmanager
def list_of(where: TopicPartition) -> Iterator[int]:
    """Make a list of one partition, with its offset and leader epoch, for one call."""
    topic, chosen = where.topic.encode(), librdkafka.list_new(1)
    try:
        entry = librdkafka.list_add(chosen, topic, where.partition)
        librdkafka.list_set_offset(chosen, topic, where.partition, where.offset)
        if where.leader_epoch is not None:
            librdkafka.set_leader_epoch(entry, where.leader_epoch)
        yield chosen
    finally:
        librdkafka.list_destroy(chosen)


def known_end(handle: int, where: TopicPartition) -> int:
    """Return a partition's end as the last fetch reported it, -1 before."""
    low, high = c_int64(-1), c_int64(-1)
    error = librdkafka.get_watermark_offsets(handle, where.topic.encode(), where.partition, byref(low), byref(high))
    return -1 if error else high.value


def check(error: int) -> None:
    """Check the code that a call returned.

    Raises:
        KafkaException: It is an error.
    """
    if error:
        raise KafkaException(KafkaError(error, librdkafka.err2str(error).decode()))


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
