"""Whose blocks a blocks topic has: each events topic needs a blocks topic of its own."""

import time
from collections.abc import Iterator, Mapping

from confluent_kafka import Consumer, KafkaError, TopicPartition

from auditseal_daemon.kafka_client import describe, settings, unavailable
from auditseal_daemon.topic_rules import TopicView
from auditseal_schemas.block import Block
from auditseal_schemas.errors import UnavailableError, VerificationError
from auditseal_schemas.origin import Origin

_POLL_SECONDS = 0.2


def foreign_blocks(
    client: Mapping[str, str], group: str, blocks: TopicView, events_topic: str, cluster: str | None, timeout: float
) -> list[str]:
    """Return a line for each partition of a blocks topic whose first block is of another events topic or cluster.

    Records that aren't blocks are left to the daemons, which halt at them.

    Args:
        client: The connection as librdkafka's properties.
        group: A group that this client may name; it is not joined.
        blocks: The blocks topic.
        events_topic: The events topic that it should belong to.
        cluster: The name of that topic's cluster in origins; None where it isn't known, so that any will do.
        timeout: Seconds without a record or an end, after which the brokers count as away.

    Raises:
        UnavailableError: The topic can't be read.
    """
    lines = []
    for partition, data in sorted(first_blocks(client, group, blocks, timeout).items()):
        origin = _origin_of(data)
        if origin is not None and (origin.topic, cluster or origin.cluster) != (events_topic, origin.cluster):
            lines.append(
                f"{blocks.name}: partition {partition} has blocks of {origin}, which is another events topic than"
                f" {cluster or origin.cluster}/{events_topic}: give each events topic a blocks topic of its own"
                " (blocks_topic)"
            )
    return lines


def _origin_of(data: bytes) -> Origin | None:
    try:
        return Block.parse(data).header.origin
    except VerificationError:
        return None


def first_blocks(client: Mapping[str, str], group: str, topic: TopicView, timeout: float) -> dict[int, bytes]:
    """Return, for each partition of a blocks topic that has one, the first committed record with a value.

    Args:
        client: The connection as librdkafka's properties.
        group: A group that this client may name; it is not joined.
        topic: The blocks topic.
        timeout: Seconds without a record or an end, after which the brokers count as unreachable.

    Raises:
        UnavailableError: The topic can't be read.
    """
    consumer = Consumer(
        settings(
            client,
            group_id=group,
            enable_auto_commit=False,
            enable_auto_offset_store=False,
            enable_partition_eof=True,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            check_crcs=True,
            queued_min_messages=1,
            fetch_queue_backoff_ms=2,  # else each partition waits for a second while another one's record is not taken
            fetch_message_max_bytes=1,  # the brokers send at least one batch, however large
            fetch_wait_max_ms=5,
        )
    )
    try:
        return dict(_read_first(consumer, topic, timeout))
    finally:
        consumer.close()


def _read_first(consumer: Consumer, topic: TopicView, timeout: float) -> Iterator[tuple[int, bytes]]:
    unread = set(range(topic.partitions))
    with unavailable(f"{topic.name} can't be read"):
        consumer.assign([TopicPartition(topic.name, partition, 0) for partition in sorted(unread)])
    heard = time.monotonic()
    while unread:
        with unavailable(f"{topic.name} can't be read"):
            message = consumer.poll(_POLL_SECONDS)
        if message is None:
            if time.monotonic() - heard > timeout:
                raise UnavailableError(f"{topic.name} can't be read: no record came for {timeout:g} s")
            continue
        heard, error, partition, value = time.monotonic(), message.error(), message.partition(), message.value()
        if error is not None and error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001  (its public name)
            raise UnavailableError(f"{topic.name} can't be read: {describe(error)}")
        if partition in unread and (error is not None or value):
            unread.discard(partition)
            consumer.incremental_unassign([TopicPartition(topic.name, partition)])
            if error is None and value:
                yield partition, value
