"""How complete an answer is, and what it covers. No answer is given without that."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from auditseal_schemas.exit_codes import ExitCode
from auditseal_schemas.origin import Origin
from auditseal_schemas.verdict import Verdict


class Grade(StrEnum):
    """What an answer claims; none claims more than was checked."""

    COMPLETE = "complete"
    """All matches of the logs, up to the heads that the answer names. Every block behind it was verified here."""
    PARTIAL = "PARTIAL"
    """Some heights were not covered: the answer names them, and a match may be missing."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Heights that an answer does not cover.

    Attributes:
        first: The lowest.
        last: The highest, None where that is not known.
        why: Why not.
        verdict: What `verify` says of the block at `first`, None where no block is at fault.
    """

    first: int
    last: int | None
    why: str
    verdict: Verdict | None = None

    def __str__(self) -> str:
        end = "on" if self.last is None else f"to {self.last}"
        return f"heights {self.first} {end}: {self.why}"


@dataclass(frozen=True, slots=True)
class Coverage:
    """What an answer covers of one log.

    Attributes:
        origin: The log.
        size: The blocks of the log that the answer accounts for: its head.
        root: The root of the tree of those, in hexadecimal digits; empty where there are none.
        indexed: How many of them came from the index.
        read: How many were read from the vault and verified for this answer.
        gaps: What is not covered.
    """

    origin: Origin
    size: int
    root: str
    indexed: int
    read: int
    gaps: tuple[Gap, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return what `json.dumps` takes."""
        return {
            "origin": str(self.origin),
            "size": self.size,
            "root": self.root,
            "indexed": self.indexed,
            "read": self.read,
            "not_covered": [{"first": gap.first, "last": gap.last, "why": gap.why} for gap in self.gaps],
        }


@dataclass(frozen=True, slots=True)
class Account:
    """The grade of an answer over several logs.

    Attributes:
        logs: The covered part of each.
        notes: Other facts that a reader has to know.
    """

    logs: tuple[Coverage, ...]
    notes: tuple[str, ...] = ()

    @property
    def grade(self) -> Grade:
        """The grade: one gap makes it PARTIAL."""
        return Grade.PARTIAL if any(log.gaps for log in self.logs) else Grade.COMPLETE

    @property
    def exit_code(self) -> int:
        """0 for a complete answer, the worst verdict's code where a block is at fault, else 4."""
        verdicts = [gap.verdict for log in self.logs for gap in log.gaps if gap.verdict]
        if verdicts:
            return max(verdict.exit_code for verdict in verdicts)
        return ExitCode.PARTIAL if self.grade is Grade.PARTIAL else ExitCode.OK

    def lines(self) -> Iterable[str]:
        """Yield the grade, the heads and the uncovered heights, as lines for people."""
        yield f"{self.grade}: {_claim(self.grade, self.logs)}"
        for log in self.logs:
            head = f"head {log.size} {log.root[:16]}…" if log.size else "no block yet"
            yield f"  {log.origin}: {head}, {log.indexed:,} blocks from the index, {log.read:,} read from the vault"
            yield from (f"    not covered: {gap}" for gap in log.gaps)
        yield from (f"  note: {note}" for note in self.notes)

    def to_json(self) -> dict[str, Any]:
        """Return what `json.dumps` takes."""
        logs = [log.to_json() for log in self.logs]
        return {"grade": self.grade.value, "exit_code": self.exit_code, "logs": logs, "notes": list(self.notes)}


def _claim(grade: Grade, logs: Sequence[Coverage]) -> str:
    if grade is Grade.PARTIAL:
        return "a match may be missing; see what is not covered"
    return f"these are all matches in {len(logs)} {'log' if len(logs) == 1 else 'logs'} up to these heads"
