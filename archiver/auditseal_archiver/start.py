"""Where in the blocks topic a partition is read from: by the group's offset where that helps, never by it alone."""

from dataclasses import dataclass
from typing import Any

from confluent_kafka import OFFSET_INVALID, Consumer, KafkaException, TopicPartition
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_exponential_jitter

_CALL_SECONDS = 5.0
_PATIENCE_SECONDS = 60.0  # well within the time that the group grants between two polls


@dataclass(frozen=True, slots=True)
class Start:
    """The offset to read from, and whether it is the topic's beginning."""

    offset: int
    from_start: bool


def find_start(consumer: Consumer, topic: str, partition: int) -> Start:
    """Return the block before the group's offset, so that the first one read is compared with the vault's.

    Where the group has no usable offset it is the beginning.

    Raises:
        KafkaException: The broker didn't answer within a minute.
    """
    asked = TopicPartition(topic, partition)
    (committed,) = _persistently(consumer.committed, [asked], timeout=_CALL_SECONDS)
    low, high = _persistently(consumer.get_watermark_offsets, asked, timeout=_CALL_SECONDS, cached=False)
    if committed.offset == OFFSET_INVALID or not low < committed.offset <= high:
        return Start(low, from_start=True)
    return Start(committed.offset - 1, from_start=False)


def find_beginning(consumer: Consumer, topic: str, partition: int) -> Start:
    """Return the topic's beginning.

    Raises:
        KafkaException: The broker didn't answer within a minute.
    """
    asked = TopicPartition(topic, partition)
    low, _ = _persistently(consumer.get_watermark_offsets, asked, timeout=_CALL_SECONDS, cached=False)
    return Start(low, from_start=True)


def _persistently(call: Any, *arguments: Any, **named: Any) -> Any:
    retrying = Retrying(
        retry=retry_if_exception(lambda error: isinstance(error, KafkaException) and not error.args[0].fatal()),
        wait=wait_exponential_jitter(initial=0.2, max=5),
        stop=stop_after_delay(_PATIENCE_SECONDS),
        reraise=True,
    )
    return retrying(call, *arguments, **named)
