"""Reads the messages of one of librdkafka's queues in small portions.

It takes all messages that wait out of the queue, so that librdkafka fetches the next ones meanwhile. Contents that are
long stay where librdkafka has them (ADR 0023).
"""

import threading
from collections import deque
from collections.abc import Iterable
from ctypes import c_void_p
from typing import cast

from auditseal_sealer import librdkafka
from auditseal_sealer.consumer_handle import check
from auditseal_sealer.event_record import Reading
from auditseal_sealer.message_reader import MessageReader

_HELD = 4_096
"""Messages that are taken from librdkafka at most before the first is read."""


class QueueReader:
    """Reads one queue. One thread at a time, but for `wake`."""

    def __init__(self, queue: int) -> None:
        """Take the address of a queue, which is this reader's from now on."""
        self._queue = queue
        self._messages = MessageReader()
        self._lock = threading.Lock()
        self._held, self._given = deque[int](), list[int]()

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

    def has_waiting(self) -> bool:
        """Return whether messages are there that were not read yet."""
        return bool(self._held or librdkafka.queue_length(self._queue))

    def wake(self) -> None:
        """Let a `read` that waits return now, or else the next one that would wait. From any thread."""
        with self._lock:
            if self._queue:
                librdkafka.queue_yield(self._queue)

    def drop(self) -> None:
        """Let go of all messages that were taken."""
        self._drop_given()
        self._drop_held()

    def close(self) -> None:
        """Let go of the messages and of the queue."""
        self.drop()
        with self._lock:
            queue, self._queue = self._queue, 0
        if queue:
            librdkafka.queue_destroy(queue)

    def _take(self, timeout: float) -> None:
        """Take the messages that wait, or wait for one.

        Never more than wait: librdkafka fetches when its queue is empty, and what it fetches must remain there.
        """
        most = min(max(1, librdkafka.queue_length(self._queue)), _HELD)
        places = (c_void_p * most)()
        count = librdkafka.consume_batch_queue(self._queue, int(timeout * 1000), places, most)
        if count < 0:
            check(librdkafka.last_error())
        self._held.extend(cast("list[int]", places[:count]))

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
