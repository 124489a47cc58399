"""What a service's code asks for, so that its tests can give it something else."""

from typing import Protocol, Unpack

from auditseal_producer.pending import PendingReceipt
from auditseal_producer.receipt import Receipt
from auditseal_schemas.event import EventFields


class Recorder(Protocol):
    """Something that records events: AuditProducer fits, and so does `testing.RecordedEvents`."""

    def record(self, **fields: Unpack[EventFields]) -> PendingReceipt:
        """Record one event."""
        ...


class AsyncRecorder(Protocol):
    """Something that coroutines record events with: AsyncAuditProducer, or `testing.AsyncRecordedEvents`."""

    async def record(self, **fields: Unpack[EventFields]) -> Receipt:
        """Record one event, and wait for its receipt."""
        ...

    async def accept(self, **fields: Unpack[EventFields]) -> PendingReceipt:
        """Record one event, and wait until it is accepted."""
        ...
