"""Where in the blocks topic a partition is read from: by the group's offset where that helps, never by it alone."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from confluent_kafka import OFFSET_INVALID, Consumer, KafkaException, TopicPartition

from auditseal_daemon.retry import retrying

_CALL_SECONDS = 1.5  # a stop that comes within one waits for it, and has 9 s for all
_GIVE_UP_SECONDS = 60.0  # well within the time that the group grants between two polls


@dataclass(frozen=True, slots=True)
class Start:
    """The offset to read from, and whether it is the topic's beginning."""

    offset: int
    from_start: bool


class StoppedError(Exception):
    """Told to stop before the broker answered."""


def find_start(consumer: Consumer, topic: str, partition: int, stop: threading.Event) -> Start:
    """Return the block before the group's offset, so that the first one read is compared with the vault's.

    Where the group has no usable offset it is the beginning.

    Raises:
        KafkaException: The broker didn't answer within a minute.
        StoppedError: `stop` was set before it did.
    """
    asked = TopicPartition(topic, partition)
    (committed,) = _persistently(stop, consumer.committed, [asked], timeout=_CALL_SECONDS)
    low, high = _persistently(stop, consumer.get_watermark_offsets, asked, timeout=_CALL_SECONDS, cached=False)
    if committed.offset == OFFSET_INVALID or not low < committed.offset <= high:
        return Start(low, from_start=True)
    return Start(committed.offset - 1, from_start=False)


def find_beginning(consumer: Consumer, topic: str, partition: int, stop: threading.Event) -> Start:
    """Return the topic's beginning.

    Raises:
        KafkaException: The broker didn't answer within a minute.
        StoppedError: `stop` was set before it did.
    """
    asked = TopicPartition(topic, partition)
    low, _ = _persistently(stop, consumer.get_watermark_offsets, asked, timeout=_CALL_SECONDS, cached=False)
    return Start(low, from_start=True)


def _persistently(stop: threading.Event, call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    if stop.is_set():
        raise StoppedError
    try:
        repeat = retrying(stop, _is_passing, multiplier=0.2, longest=5, give_up_after=_GIVE_UP_SECONDS)
        return repeat(call, *arguments, **named)
    except KafkaException as error:
        if stop.is_set():
            raise StoppedError from error
        raise


def _is_passing(error: BaseException) -> bool:
    return isinstance(error, KafkaException) and not error.args[0].fatal()
