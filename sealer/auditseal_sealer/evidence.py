"""What the sources say of one log, before anything is made of it."""

from dataclasses import dataclass

from auditseal_schemas.header import Predecessor


@dataclass(frozen=True, slots=True)
class EventsLog:
    """The partition of events as the cluster shows it now: ids, first offset and the offset after the last."""

    cluster_id: str
    topic_id: str
    partitions: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the sources say of one log.

    Attributes:
        events: The events partition.
        head: The last committed block in the blocks topic whose origin is of this partition; None where there is none.
        unarchived: The committed block after the vault's highest; None where the topic doesn't have it.
        aborted: What lies after the head in aborted transactions, in the topic's order.
        vault: The vault's highest block; None where it has none.
        group_text: What was committed with the group's offset, empty where there is none.
        given_up: The last head that the vault has of the runs before; None where it has none, or this one has begun.
    """

    events: EventsLog
    head: bytes | None
    unarchived: bytes | None
    aborted: tuple[bytes, ...]
    vault: tuple[int, bytes] | None
    group_text: str
    given_up: Predecessor | None = None
