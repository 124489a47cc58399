"""What to do about records that can't be read (ADR 0011). Pure.

| records that can't be read | three times, by new connections |
| --- | --- |
| a batch that can't be decompressed | skip it: it becomes a gap of cause 2 |
| anything else | halt: UNREADABLE_RECORDS |
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from auditseal_schemas.halt import Halt, HaltError
from auditseal_schemas.origin import Origin

ATTEMPTS = 3
"""Reads that must fail at one offset: a connection may have damaged the data once, and hardly three times."""


class Damage(StrEnum):
    """What is wrong with records."""

    COMPRESSION = "their batch can't be decompressed"
    CONTENT = "their batch isn't valid"
    SILENCE = "the broker has records there and sends none"


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Records that couldn't be read.

    Attributes:
        offset: The first offset that couldn't be read.
        damage: What is wrong.
        problem: The client's own words.
        batch: The first offset of their batch, as the client reports it.
    """

    offset: int
    damage: Damage
    problem: str
    batch: int


@dataclass(frozen=True, slots=True)
class Doubt:
    """How often reading failed at one offset; `found` is None before the first failure."""

    found: Unreadable | None = None
    times: int = 0

    def again(self, found: Unreadable) -> "Doubt":
        """Return the doubt after another failure."""
        is_same = self.found is not None and (self.found.offset, self.found.damage) == (found.offset, found.damage)
        return Doubt(found, self.times + 1 if is_same else 1)

    def silence(self, shortest: float) -> float:
        """Return the seconds of silence after which the next read fails: twice as many after each failure.

        A batch of a gigabyte comes late on a busy machine: librdkafka decompresses it before it hands out a record.
        """
        return shortest * 2.0**self.times

    def is_open(self, skips: Iterable[range]) -> bool:
        """Return whether records may be unreadable that are not in one of the ranges to skip."""
        return self.found is not None and not any(self.found.offset in skip for skip in skips)

    def may_skip(self, origin: Origin) -> bool:
        """Return whether the batch is unreadable for certain, and may become a gap.

        Raises:
            HaltError: UNREADABLE_RECORDS; the records are damaged for certain, and a replica may have them.
        """
        if self.found is None or self.times < ATTEMPTS:
            return False
        if self.found.damage is Damage.COMPRESSION:
            return True
        problem = f"records from offset {self.found.offset} on can't be read: {self.found.damage}: {self.found.problem}"
        raise HaltError(Halt.UNREADABLE_RECORDS, f"{origin}: {problem}: let another replica lead")
