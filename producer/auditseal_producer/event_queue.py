"""Numbers events and queues them in librdkafka, in the order of their numbers; a refused event leaves no gap.

Whatever a service does, no code of its own runs while the lock is held, but for two kinds that Python runs at any time:
finalizers, by the garbage collector, and handlers of signals. They may record events: such an event finds the lock held
by its own thread, and waits for the outer call to end (`_deferred`). They may raise `KeyboardInterrupt`: CPython looks
for signals only after a call, at the start of a function and at a jump backwards, so that there is no such place
between the lines that count an event and the call that queues it.
"""

import threading
from collections import deque
from collections.abc import Callable
from types import MethodType

from confluent_kafka import KafkaException

from auditseal_producer.client_log import ClientLog
from auditseal_producer.config import ProducerConfig
from auditseal_producer.errors import ProducerClosedError, PublishError
from auditseal_producer.outgoing import Outgoing
from auditseal_producer.pending import PendingReceipt
from auditseal_producer.receipts import Receipts
from auditseal_schemas.errors import AuditsealError
from auditseal_schemas.event_codec import MAX_EVENT_BYTES

Produce = Callable[..., None]


class EventQueue:
    """A stream's sequence and buffer. Any thread may use it.

    Attributes:
        events: How many were queued so far.
        bytes: How large those were, encoded.
        refused: How many were refused.
        topic: Where they go.

    Args:
        config: The buffer's bounds, and the topic.
        connect: Returns librdkafka's `produce`; called at the first event.
        receipts: Takes what librdkafka reports of each event.
        log: Goes to the handles.
    """

    def __init__(
        self, config: ProducerConfig, connect: Callable[[], Produce], receipts: Receipts, log: ClientLog
    ) -> None:
        self.topic = config.topic
        self.events = self.bytes = self.refused = 0
        self._most_events = config.buffer_events
        self._most_bytes = config.buffer_bytes - MAX_EVENT_BYTES
        self._connect = connect
        self._produce: Produce | None = None
        self._receipts = receipts
        self._take = receipts.take
        self._log = log
        self._sequence = 0
        self._closed = False
        self._lock = threading.RLock()
        self._inside = False
        self._deferred: deque[tuple[Outgoing, PendingReceipt]] = deque()

    @property
    def waiting(self) -> int:
        """Events that are queued, and not settled yet."""
        settled = self._receipts.events  # read first: it never is ahead of the others
        return self.events - settled + len(self._deferred)

    def offer(self, outgoing: Outgoing) -> PendingReceipt | None:
        """Queue one event, or return None when the buffer is full.

        Raises:
            EventError: The event is too large.
            ProducerClosedError: The queue is closed.
            PublishError: librdkafka takes no events any more.
            ConfigurationError: This is the first event, and librdkafka refuses its settings after all.
        """
        with self._lock:
            if self._closed:
                raise ProducerClosedError(
                    "the producer is closed: record events before close() or the end of its with block"
                )
            if not self.has_room():
                return None
            pending = PendingReceipt(outgoing.event_id, outgoing.stream_id, self._log)
            if self._inside:
                self._deferred.append((outgoing, pending))
                return pending
            try:
                self._inside = True
                if self._deferred:
                    self._queue_deferred()
                self._queue(outgoing, pending)
                if self._deferred:
                    self._queue_deferred()
            finally:
                self._inside = False
            return pending

    def defer(self, outgoing: Outgoing) -> PendingReceipt:
        """Accept one event that goes before the next one: it makes no connection of its own."""
        with self._lock:
            pending = PendingReceipt(outgoing.event_id, outgoing.stream_id, self._log)
            self._deferred.append((outgoing, pending))
            return pending

    def queue_deferred(self) -> None:
        """Queue what was deferred, or left behind by an interrupted call."""
        if self._deferred:
            with self._lock:
                try:
                    self._inside = True
                    self._queue_deferred()
                finally:
                    self._inside = False

    def has_room(self) -> bool:
        """Whether there is room for an event of any size: so it needn't be known yet how large the next one is."""
        within_bytes = self.bytes - self._receipts.bytes <= self._most_bytes
        return within_bytes and self.events - self._receipts.events + len(self._deferred) < self._most_events

    def close(self) -> None:
        """Accept nothing more.

        Raises:
            PublishError: As `refuse_nested`.
        """
        with self._lock:
            self.refuse_nested("close()")
            self._closed = True

    def forget_client(self) -> None:
        """Let librdkafka's producer go, once the queue is closed and nothing waits."""
        self._produce = _refuse

    @property
    def closed(self) -> bool:
        """Whether it is."""
        return self._closed

    def count_refusal(self) -> None:
        """Count an event as refused."""
        with self._lock:
            self.refused += 1

    def is_nested(self) -> bool:
        """Whether this thread is in `offer` already, so that nothing can come of waiting."""
        with self._lock:
            return self._inside

    def refuse_nested(self, call: str) -> None:
        """Refuse to wait, in a finalizer or a signal's handler, for the call that it interrupts.

        Raises:
            PublishError: This thread is in `offer` already.
        """
        if self.is_nested():
            raise PublishError(
                f"{call} was called within record(), by a finalizer or a signal's handler: call it later"
            )

    def _queue(self, outgoing: Outgoing, pending: PendingReceipt) -> None:
        before = self._sequence
        encoded, number, following = outgoing.place(before)
        produce = self._produce or self._first_produce()
        topic, key, size = self.topic, outgoing.key, len(encoded)
        report = MethodType(self._take, pending)  # a partial would be two objects for the garbage collector
        pending.place(number)
        # From here to the call nothing may be called: see above.
        self._sequence = following
        self.events += 1
        self.bytes += size
        try:
            produce(topic, encoded, key, -1, report)
        except (BufferError, KafkaException) as error:
            self._sequence = before
            self.events -= 1
            self.bytes -= size
            raise PublishError(
                f"librdkafka takes no event for {topic}: {error}: close this producer and make a new one"
            ) from error

    def _first_produce(self) -> Produce:
        self._produce = produce = self._connect()
        return produce

    def _queue_deferred(self) -> None:
        while self._deferred:
            outgoing, pending = self._deferred[0]
            if not pending.placed:  # it is where a signal came before the last line here
                try:
                    self._queue(outgoing, pending)
                except AuditsealError as error:
                    self.events += 1
                    self._receipts.refuse(pending, error)
            self._deferred.popleft()


def _refuse(*_: object) -> None:
    raise BufferError("the producer is closed")
