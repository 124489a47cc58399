"""What a service gets for an event: a handle at once, a receipt when the brokers have it."""

import os
from concurrent.futures import Future
from typing import NamedTuple, Protocol, Unpack

from auditseal_producer.errors import ForkedError
from auditseal_schemas.event import EventFields
from auditseal_schemas.event_parts import Stream


class Receipt(NamedTuple):
    """The brokers' acknowledgement, by all in-sync replicas, of one event.

    `timestamp` is the record's in Kafka in ms since the epoch, `sha256` the digest of the event's bytes: both find
    the event again in a sealed block.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int
    event_id: str
    stream: Stream
    sha256: bytes


class PendingReceipt(Future[Receipt]):
    """An accepted event's handle: a future of its receipt or of a DeliveryError.

    Done-callbacks run in the producer's own thread or, under load, in one that records (with asyncio that may be the
    loop's), so they must not block. The event can't be cancelled any more.

    Attributes:
        event_id: The id that the event was stamped with.
        stream: The producer's stream and the event's place in it.
    """

    def __init__(self, event_id: str, stream: Stream) -> None:
        super().__init__()
        self.event_id = event_id
        self.stream = stream
        self._process = os.getpid()

    def cancel(self) -> bool:
        """Return False: what is recorded stays recorded."""
        return False

    def result(self, timeout: float | None = None) -> Receipt:
        """Wait for the receipt, for `timeout` seconds or without end.

        Raises:
            DeliveryError: The event got no acknowledgement.
            TimeoutError: It still waits for one.
            ForkedError: The event was recorded before this process was forked.
        """
        self._check_process()
        return super().result(timeout)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait for the end, and return what went wrong, if anything did.

        Raises:
            TimeoutError: The event still waits for an acknowledgement.
            ForkedError: As `result`.
        """
        self._check_process()
        return super().exception(timeout)

    def _check_process(self) -> None:
        # Nobody in a child would ever complete it: without this, waiting there never ends.
        if os.getpid() != self._process:
            raise ForkedError(
                f"event {self.event_id} was recorded by process {self._process}: ask for its receipt there"
            )


class ProducerCounts(NamedTuple):
    """Events since the producer was made, or since the fork, by outcome: `auditseal_producer_events_total{outcome}`.

    Each call to `record` is `refused` or, in the end, `acknowledged` or `failed`; `pending` still waits.
    """

    acknowledged: int
    failed: int
    refused: int
    pending: int


class Recorder(Protocol):
    """What services should ask for: AuditProducer fits, and so does `testing.RecordedEvents`."""

    def record(self, **fields: Unpack[EventFields]) -> PendingReceipt:
        """Record one event."""
        ...
