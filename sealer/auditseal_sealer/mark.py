"""Who wrote a record of the blocks topic, and who has taken a log over: marks, as the keys of records (ADR 0038). Pure.

A block's record has a mark of its writer. A claim and a release are records without a value, in transactions that are
aborted. So readers of committed records never get either.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from auditseal_schemas.halt import Halt, HaltError

MOST_RIVALS = 100
"""Writers that a sealer fences before it takes over one log. Only forged claims can be more."""

_KEY = re.compile(rb"auditseal (block|claim|release) ([A-Za-z0-9._-]{1,300})")


class Act(StrEnum):
    """What a record says of its writer."""

    BLOCK = "block"
    CLAIM = "claim"
    RELEASE = "release"


@dataclass(frozen=True, slots=True)
class Mark:
    """A record's key: what it says, of whom.

    Attributes:
        act: What it says.
        writer: The transactional id of the producer that it says it of.
    """

    act: Act
    writer: str

    def format(self) -> bytes:
        """Return the key."""
        return f"auditseal {self.act} {self.writer}".encode()

    @classmethod
    def parse(cls, key: bytes | None) -> "Mark | None":
        """Return the mark in a key, None where it has none: it is of an older sealer, or of someone else."""
        found = _KEY.fullmatch(key or b"")
        return cls(Act(found[1].decode()), found[2].decode()) if found else None


def find_rivals(marks: Iterable[Mark], ours: str) -> tuple[str, ...]:
    """Return the writers that may still write to a log, besides ours.

    Args:
        marks: Those of the last block's record, committed or not, and of all records between it and our claim, in the
            order of their offsets.
        ours: Our producer's transactional id.

    Raises:
        HaltError: INVALID_BLOCK; they are more than `MOST_RIVALS`.
    """
    writers = dict[str, None]()
    for mark in marks:
        if mark.act is Act.RELEASE:
            writers.pop(mark.writer, None)
        else:
            writers[mark.writer] = None
    writers.pop(ours, None)
    if len(writers) > MOST_RIVALS:
        problem = f"{len(writers)} sealers claim one log since its last block, more than {MOST_RIVALS}"
        raise HaltError(Halt.INVALID_BLOCK, f"{problem}: someone else writes to the blocks topic")
    return tuple(writers)
