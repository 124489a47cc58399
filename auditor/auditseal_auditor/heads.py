"""Remembered heads: the largest head of each log that was verified before, which a vault must still contain."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from auditseal_auditor.findings import Finding
from auditseal_auditor.report import Report
from auditseal_schemas.checkpoint import Checkpoint
from auditseal_schemas.note import Note
from auditseal_schemas.origin import Origin
from auditseal_schemas.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Head:
    """The largest head of a log that was ever verified: its checkpoint, and the note that signs it."""

    checkpoint: Checkpoint
    note: Note

    @classmethod
    def of(cls, note: Note) -> Self:
        """Return the head that a note signs.

        Raises:
            MalformedError: Its text is not a checkpoint.
        """
        return cls(Checkpoint.parse(note.text), note)


def heads_after(heads: Mapping[Origin, Head], report: Report) -> dict[Origin, Head]:
    """Return the heads to remember after a run: the new one of each log without a finding.

    A log that is shorter than its remembered head isn't clean, so no head ever gets smaller.
    """
    remembered = dict(heads)
    for log in report.logs:
        if log.is_clean and log.head:
            remembered[log.origin] = Head.of(log.head)
    return remembered


def merge_heads(known: Mapping[Origin, Head], heads: Mapping[Origin, Head]) -> dict[Origin, Head]:
    """Return the larger head of each log; of two heads of one size the known one."""
    larger = {
        origin: head
        for origin, head in heads.items()
        if origin not in known or known[origin].checkpoint.size < head.checkpoint.size
    }
    return {**known, **larger}


def forks_between(known: Mapping[Origin, Head], heads: Mapping[Origin, Head]) -> list[Finding]:
    """Return a finding for each log that has two heads of one size with different roots."""
    both = [(known[origin], heads[origin]) for origin in sorted(known.keys() & heads.keys(), key=str)]
    return [
        _fork(old, new)
        for old, new in both
        if old.checkpoint.size == new.checkpoint.size and old.checkpoint.root != new.checkpoint.root
    ]


def _fork(known: Head, head: Head) -> Finding:
    size, origin = known.checkpoint.size, known.checkpoint.origin
    return Finding(
        verdict=Verdict.FORK,
        origin=origin,
        height=size - 1,
        field="checkpoint.root",
        detail=f"another run, at the same time as this one, verified {size} other blocks: the log has two histories",
        object=origin.block_key(size - 1),
        evidence=(known.note.format().decode(), head.note.format().decode()),
    )
