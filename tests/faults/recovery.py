"""How long a fault held up the pipeline, found afterwards from the vault alone.

The recovery from a fault is the time from its injection until an event that the broker appended after it is in the
vault, in each partition: broker, sealer and archiver all work again by then. Where the next fault comes before that, it
lasts until it is over all the same, the other faults' delay included: none is left out for taking long. All clocks are
this machine's.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Self

from auditseal_schemas.header import Header


class BlockTime(NamedTuple):
    """A block: its log's partition, when its last event was appended, and when the vault had it; s since the epoch."""

    partition: int
    appended: float
    stored: float

    @classmethod
    def of(cls, header: Header, stored: float) -> Self:
        newest = -1 if header.max_timestamp is None else header.max_timestamp
        return cls(header.origin.partition, newest / 1000, stored)


def recovery_seconds(faults: Sequence[float], blocks: Iterable[BlockTime]) -> list[float]:
    """Return, for each fault's time, the longest recovery of any partition; none where one had no event after it."""
    known = sorted(blocks, key=lambda block: block.stored)
    partitions = sorted({block.partition for block in known})
    durations = []
    for at in sorted(faults):
        ends = [
            next((block.stored - at for block in known if block.partition == number and block.appended > at), None)
            for number in partitions
        ]
        found = [end for end in ends if end is not None]
        if found and len(found) == len(ends):
            durations.append(max(found))
    return durations


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that `share` of all don't exceed; 0 without any."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
