"""What every stream of events does the same, wherever accepted events wait: encode, offer, and refuse."""

from abc import ABC, abstractmethod
from typing import Protocol

from auditseal_producer.config import ProducerConfig
from auditseal_producer.errors import BufferFullError
from auditseal_producer.outgoing import EventEncoder, Outgoing, read_published
from auditseal_producer.pending import PendingReceipt
from auditseal_producer.receipt import ProducerCounts
from auditseal_producer.waiters import Waiters
from auditseal_schemas.errors import AuditsealError
from auditseal_schemas.event import EventFields
from auditseal_schemas.event_parts import Stream


class EventStore(Protocol):
    """Where the accepted events of a stream wait for the brokers."""

    @property
    def closed(self) -> bool:
        """Whether nothing is accepted any more."""

    def offer(self, outgoing: Outgoing) -> PendingReceipt | None:
        """Accept one event, or return None where there is no room for it.

        Raises:
            AuditsealError: It is refused.
        """

    def has_room(self) -> bool:
        """Whether there is room for an event of any size."""

    def count_refusal(self) -> None:
        """Count an event as refused."""


class EventChannel(ABC):
    """A stream of events in one process; any of its threads may use it. Each refused event is counted once, here.

    Attributes:
        stream_id: The stream.
    """

    def __init__(self, config: ProducerConfig, stream: Stream, store: EventStore) -> None:
        self._config = config
        self._encoder = EventEncoder(config.source, stream, config.redact)  # a number comes last, in the store
        self.stream_id = stream.id
        self._store = store

    @property
    @abstractmethod
    def counts(self) -> ProducerCounts:
        """How many events came to which end so far."""

    @property
    @abstractmethod
    def room(self) -> Waiters:
        """Those who wait for room: for coroutines, which wait in their own way."""

    @property
    @abstractmethod
    def running(self) -> bool:
        """Whether a thread of it runs."""

    @abstractmethod
    def let_receipts_out(self) -> None:
        """Give the producer's thread a turn now and then, for a caller that records without a pause."""

    @abstractmethod
    def check_broker(self, timeout: float) -> None:
        """Ask the brokers for the topic.

        Raises:
            BrokerUnavailableError: Nobody answers within `timeout` seconds, or something is wrong that lasts, such as
                a password, or the topic isn't there.
            ProducerClosedError: The channel is closed.
            ConfigurationError: The timeout isn't a number of seconds.
        """

    @abstractmethod
    def flush(self, timeout: float) -> None:
        """Wait until every accepted event has its receipt or error.

        Raises:
            UndeliveredError: Some still wait after `timeout` seconds, or some failed since the last flush.
            PublishError: A callback or a finalizer calls this, which would wait for itself.
            ConfigurationError: The timeout isn't a number of seconds.
        """

    @abstractmethod
    def close(self, timeout: float) -> None:
        """Accept nothing more, flush, and stop.

        Raises:
            UndeliveredError: As `flush`, and so are the others.
        """

    @abstractmethod
    def refuse_waiting(self, call: str) -> None:
        """Refuse a call that would wait for itself.

        Raises:
            PublishError: A callback calls it, or a finalizer or signal's handler within `offer`.
        """

    @abstractmethod
    def _makes_room(self) -> bool:
        """Whether this thread makes the room that it would wait for."""

    @abstractmethod
    def _full_text(self) -> str:
        """Say what fills the store, and which settings bound it."""

    def encode(self, fields: EventFields) -> Outgoing:
        """Check and encode an event. It needn't be done again, however often it is offered.

        Raises:
            EventError: The event breaks the schema or a limit.
        """
        try:
            return self._encoder.encode(fields)
        except BaseException:  # an iterable of the service may raise anything
            self._store.count_refusal()
            raise

    def read_published(self, encoded: bytes) -> Outgoing:
        """Take an event that was encoded before.

        Raises:
            EventError: It isn't bytes.
            DecodeError: The bytes aren't an event in its one encoding.
        """
        try:
            return read_published(encoded)
        except AuditsealError:
            self._store.count_refusal()
            raise

    def offer(self, outgoing: Outgoing) -> PendingReceipt | None:
        """Accept one event, or return None where there is no room for it.

        Raises:
            EventError: The event is too large.
            ProducerClosedError: The channel is closed.
            PublishError: Nothing can be accepted any more.
            SpoolCorruptedError: The spool is damaged.
        """
        try:
            return self._store.offer(outgoing)
        except AuditsealError:
            self._store.count_refusal()
            raise

    def begin(self, outgoing: Outgoing) -> PendingReceipt | None:
        """Accept the event that opens the stream; return None if the buffer is full.

        Raises:
            AuditsealError: As `offer`.
        """
        return self.offer(outgoing)

    def wait_for_room(self, seconds: float) -> bool:
        """Wait until there is room for an event of any size, at most for some seconds; return whether there is.

        The threads that make room never wait, nor does a finalizer that interrupts a call of `offer`.
        """
        store = self._store
        return not self._makes_room() and self.room.wait(lambda: store.closed or store.has_room(), seconds)

    def refuse_full(self) -> BufferFullError:
        """Count an event as refused for lack of room, and return the error that says so."""
        self._store.count_refusal()
        return BufferFullError(self._full_text())
