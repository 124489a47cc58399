"""A record as it was read, and an error between records."""

from typing import NamedTuple

from confluent_kafka import KafkaError

from auditseal_schemas.record import Contents, RecordHeaders


class EventRecord(NamedTuple):
    """A record as it was read: a `KafkaMessage`, and the epoch of the leader that appended it; None if unknown.

    Long contents are views, which can't be used after the next read.
    """

    offset: int
    timestamp_type: int
    timestamp: int
    key: Contents | None
    headers: RecordHeaders | None
    value: Contents | None
    leader_epoch: int | None


class Fault(NamedTuple):
    """An error at an offset; None where it concerns none."""

    offset: int | None
    error: KafkaError


class Reading(NamedTuple):
    """What one call got.

    Attributes:
        records: Records in the order of their offsets.
        end: The partition's end, if it was reached; else -1.
        fault: The error that follows the records; None where there is none.
    """

    records: list[EventRecord]
    end: int
    fault: Fault | None
