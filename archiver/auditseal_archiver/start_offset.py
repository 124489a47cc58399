"""Where in the blocks topic a partition is read from: the group's offset is a hint, and is never relied on."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from confluent_kafka import OFFSET_INVALID, Consumer, KafkaException, TopicPartition

from auditseal_archiver.errors import StoppedError
from auditseal_daemon.retry import retrying

_CALL_SECONDS = 1.5  # a stop that comes during a call waits for it, and has 9 s for everything
_GIVE_UP_SECONDS = 60.0  # well within the time that the group grants between two polls


@dataclass(frozen=True, slots=True)
class StartOffset:
    """The offset to read from, and whether it is the topic's beginning."""

    offset: int
    from_beginning: bool


def find_start(consumer: Consumer, topic: str, partition: int, stop: threading.Event) -> StartOffset:
    """Return the offset before the group's, so that the first block read is one that the vault has.

    Where the group has no usable offset it is the topic's beginning.

    Raises:
        KafkaException: The broker didn't answer within a minute.
        StoppedError: `stop` was set before it did.
    """
    asked = TopicPartition(topic, partition)
    (committed,) = _repeat(stop, consumer.committed, [asked], timeout=_CALL_SECONDS)
    low, high = _repeat(stop, consumer.get_watermark_offsets, asked, timeout=_CALL_SECONDS, cached=False)
    if committed.offset == OFFSET_INVALID or not low < committed.offset <= high:
        return StartOffset(low, from_beginning=True)
    return StartOffset(committed.offset - 1, from_beginning=False)


def find_beginning(consumer: Consumer, topic: str, partition: int, stop: threading.Event) -> StartOffset:
    """Return the topic's beginning.

    Raises:
        KafkaException: The broker didn't answer within a minute.
        StoppedError: `stop` was set before it did.
    """
    asked = TopicPartition(topic, partition)
    low, _ = _repeat(stop, consumer.get_watermark_offsets, asked, timeout=_CALL_SECONDS, cached=False)
    return StartOffset(low, from_beginning=True)


def _repeat(stop: threading.Event, call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    if stop.is_set():
        raise StoppedError("stopped before Kafka said where to read from")
    try:
        repeat = retrying(stop, _may_pass, multiplier=0.2, longest=5, give_up_after=_GIVE_UP_SECONDS)
        return repeat(call, *arguments, **named)
    except KafkaException as error:
        if stop.is_set():
            raise StoppedError("stopped before Kafka said where to read from") from error
        raise


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, KafkaException) and not error.args[0].fatal()
