"""The state of one log as its sources show it, before any decision."""

from dataclasses import dataclass

from auditseal_schemas.header import Predecessor
from auditseal_vault.log_reader import StoredBlock


@dataclass(frozen=True, slots=True)
class EventsPartition:
    """The partition of events as the cluster shows it now.

    Attributes:
        cluster_id, topic_id: Kafka's ids.
        partitions: The topic's partitions.
        start: The first offset.
        end: The offset after the last one.
        fetch_bytes: How much may be fetched at once, so that decompressing it takes a bounded amount of memory.
    """

    cluster_id: str
    topic_id: str
    partitions: int
    start: int
    end: int
    fetch_bytes: int


@dataclass(frozen=True, slots=True)
class LogSources:
    """The state of one log as its sources show it.

    Attributes:
        events: The events partition.
        head: The last committed block in the blocks topic whose origin is of this partition; None without one.
        filled: The last committed block with records, if the head is without; None if the topic does not have it.
        unarchived: The committed block after the vault's highest; None if the topic doesn't have it.
        aborted: The values after the head in aborted transactions, in the topic's order.
        archived: The vault's highest block; None without one.
        group_text: The text that was committed with the group's offset, empty without one.
        earlier_head: The last head that the vault has of the runs before; None without one, or if this run has one.
    """

    events: EventsPartition
    head: bytes | None
    unarchived: bytes | None
    aborted: tuple[bytes, ...]
    archived: StoredBlock | None
    group_text: str
    earlier_head: Predecessor | None = None
    filled: bytes | None = None
