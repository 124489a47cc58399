"""What a service gets for its events: receipts, and counts of how they ended."""

from typing import NamedTuple

from auditseal_schemas.event_parts import Stream


class Receipt(NamedTuple):
    """The brokers' acknowledgement, by all in-sync replicas, of one event.

    `timestamp` is the record's in Kafka in ms since the epoch, `sha256` the digest of the event's bytes: both find
    the event again in a sealed block.

    `offset` is None where the first acknowledgement was lost on its way. The broker then says that it has the event
    already, and not where (DUPLICATE_SEQUENCE_NUMBER). Such an event is found by its id.
    """

    topic: str
    partition: int
    offset: int | None
    timestamp: int
    event_id: str
    stream: Stream
    sha256: bytes


class ProducerCounts(NamedTuple):
    """Events since the producer was made, or since the fork, by outcome: `auditseal_producer_events_total{outcome}`.

    Each call to `record` is `refused` or, in the end, `acknowledged` or `failed`; `pending` still waits.
    """

    acknowledged: int
    failed: int
    refused: int
    pending: int
