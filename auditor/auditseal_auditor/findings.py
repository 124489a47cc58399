"""What the check of a log finds and counts: a fault and its place, a bounded collection of faults, and counts."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, NamedTuple, Self

from auditseal_schemas.block import Block
from auditseal_schemas.errors import VerificationError
from auditseal_schemas.header import Header
from auditseal_schemas.note import Note
from auditseal_schemas.origin import Origin
from auditseal_schemas.verdict import Verdict
from auditseal_vault.encryption import Algorithm, Encryption

MOST_KEPT = 1_000
"""Findings of one log that are kept whole. The others are only counted, by verdict."""


class AtRest(StrEnum):
    """How a store says that an object is encrypted at rest."""

    SSE_S3 = "SSE-S3"
    SSE_KMS = "SSE-KMS"
    OTHER = "other"
    NONE = "none"

    @classmethod
    def of(cls, encryption: Encryption | None) -> Self:
        """Return the kind of an encryption."""
        match encryption:
            case None:
                return cls.NONE
            case Encryption(Algorithm.SSE_S3):
                return cls.SSE_S3
            case Encryption(Algorithm.SSE_KMS):
                return cls.SSE_KMS
        return cls.OTHER


class Fault(NamedTuple):
    """The values of an error that a check raised. They can pass from one process to another."""

    verdict: Verdict
    field: str
    problem: str
    offset: int | None

    @classmethod
    def of(cls, error: VerificationError) -> Self:
        """Return an error's values."""
        return cls(error.verdict, error.field, error.problem, error.offset)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fault, at the most exact place that is known.

    Attributes:
        verdict: Its class.
        origin: The log.
        height: The block; None where the fault is not in one block.
        offset: The Kafka offset of the record; None where it is not in one record.
        field: The part at fault, as docs/reference/format.md names it.
        detail: The found value and the expected one. It may hold any text of the vault: escape it for a terminal.
        object: The object's key in the vault, None where there is none.
        version_id: The store's name of the version that was read; empty without one.
        evidence: The signed notes that prove a fork to third parties; empty for all other faults.
    """

    verdict: Verdict
    origin: Origin
    height: int | None
    field: str
    detail: str
    offset: int | None = None
    object: str | None = None
    version_id: str = ""
    evidence: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the finding as a value for `json.dumps`."""
        return {
            "verdict": self.verdict.value,
            "origin": str(self.origin),
            "height": self.height,
            "offset": self.offset,
            "field": self.field,
            "detail": self.detail,
            "object": self.object,
            "version_id": self.version_id,
            "evidence": list(self.evidence),
        }


class Findings:
    """Findings in the order in which they came; the first `MOST_KEPT` of them whole.

    Attributes:
        kept: The findings that are kept whole.
        counts: All findings, by verdict.
    """

    def __init__(self) -> None:
        self.kept: list[Finding] = []
        self.counts: Counter[Verdict] = Counter()

    def __len__(self) -> int:
        return self.counts.total()

    def add(self, finding: Finding) -> None:
        """Add a finding."""
        self.counts[finding.verdict] += 1
        if len(self.kept) < MOST_KEPT:
            self.kept.append(finding)

    def add_each(self, verdict: Verdict, numbers: range, make: Callable[[int], Finding]) -> None:
        """Add a finding for each number; a range of 10^12 takes no longer than one of MOST_KEPT."""
        if numbers:
            self.kept += map(make, numbers[: MOST_KEPT - len(self.kept)])
            self.counts[verdict] += len(numbers)

    def move_from(self, others: "Findings") -> None:
        """Move all of the others into these."""
        self.counts.update(others.counts)
        self.kept += others.kept[: MOST_KEPT - len(self.kept)]
        others.kept.clear()
        others.counts.clear()

    def sort(self) -> None:
        """Put the kept findings in order: first those without a block, then block by block."""
        self.kept.sort(key=lambda found: (-1 if found.height is None else found.height, found.verdict.exit_code))

    def with_verdict(self, verdict: Verdict) -> "Findings":
        """Return the same findings under another verdict."""
        others = Findings()
        others.kept = [replace(finding, verdict=verdict) for finding in self.kept]
        if self:
            others.counts[verdict] = len(self)
        return others

    @property
    def worst(self) -> Verdict | None:
        """The verdict that decides a run's exit code; None where there is no finding."""
        return max(self.counts, key=lambda verdict: verdict.exit_code, default=None)


@dataclass(slots=True)
class Counts:
    """Counts of one log.

    Attributes:
        objects: Objects read.
        bytes: Their bytes.
        parsed: Objects that are laid out as blocks, linked or not.
        blocks: Linked blocks: those that pass steps 1 to 6 of docs/reference/format.md, section 14.
        records: Records in them, as their headers say.
        gaps: Ranges of offsets without a record in them.
        gap_offsets: The offsets in those ranges.
        first: The header of the first linked block, None before one.
        last: The header of the last linked block.
        note: The note of the last linked block.
        at_rest: Linked blocks by their encryption at rest, as the store says; empty where it has no locks.
        held: Linked blocks that the store shows under a legal hold; None where this reader may not see holds.
    """

    objects: int = 0
    bytes: int = 0
    parsed: int = 0
    blocks: int = 0
    records: int = 0
    gaps: int = 0
    gap_offsets: int = 0
    first: Header | None = None
    last: Header | None = None
    note: Note | None = None
    at_rest: Counter[AtRest] = field(default_factory=Counter)
    held: int | None = 0

    @property
    def size(self) -> int:
        """The size of the tree that the last linked block completes."""
        return self.last.height + 1 if self.last else 0

    def add_block(self, block: Block) -> None:
        """Count a linked block."""
        header = block.header
        self.blocks += 1
        self.records += header.count
        self.gaps += len(header.gaps)
        self.gap_offsets += sum(gap.last - gap.first + 1 for gap in header.gaps)
        self.first = self.first or header
        self.last, self.note = header, block.note
