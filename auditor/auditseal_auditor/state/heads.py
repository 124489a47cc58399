"""Remembered heads: the largest head of each log that was verified before, which a vault must still contain."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Self

from auditseal_auditor.findings import Finding
from auditseal_schemas.block import Block
from auditseal_schemas.checkpoint import Checkpoint
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.log import LogState
from auditseal_schemas.merkle import Frontier
from auditseal_schemas.note import Note
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import PinnedLog
from auditseal_schemas.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Resume:
    """What a later run needs to continue from a head instead of beginning at the log's first block.

    Attributes:
        block: The head's block without locators and data: header, frontier and note.
        keys: The keys valid at its height.
        conditions: The digest of what the earlier runs relied on; see `conditions_of`.
        quick: Records of some blocks up to the head were not hashed again.
    """

    block: Block
    keys: tuple[VerifierKey, ...]
    conditions: str
    quick: bool

    @property
    def state(self) -> LogState:
        """The state after the head, which the next block must fit."""
        return LogState.after(self.block, self.keys)


@dataclass(frozen=True, slots=True)
class Scrub:
    """How far a new pass over the blocks up to the head has come. A pass may be spread over many runs.

    Attributes:
        frontier: The tree of the headers that the pass has checked, None at its beginning.
        keys: The keys valid at the next height; empty at its beginning.
        quick: Records of some of its blocks were not hashed again.
        began_at: When it began, in µs since the epoch.
        ended_at: When the last whole pass ended, in µs since the epoch; None if there was none.
    """

    frontier: Frontier | None
    keys: tuple[VerifierKey, ...]
    quick: bool
    began_at: int
    ended_at: int | None


@dataclass(frozen=True, slots=True)
class Head:
    """The largest head of a log that was ever verified.

    Attributes:
        checkpoint: Its checkpoint.
        note: The note that signs it.
        resume: What a run needs to continue from it; None where only the head is known.
        scrub: How far the pass over the older blocks has come; None before the first one.
    """

    checkpoint: Checkpoint
    note: Note
    resume: Resume | None = None
    scrub: Scrub | None = None

    @classmethod
    def of(cls, note: Note) -> Self:
        """Return the head that a note signs.

        Raises:
            MalformedError: Its text is not a checkpoint.
        """
        return cls(Checkpoint.parse(note.text), note)


def conditions_of(pinned: PinnedLog, retention_days: int | None, vault: str) -> str:
    """Return a digest of what the result for a log depends on besides the log: its pins, the retention, the vault.

    Where one of them has changed, the blocks that earlier runs verified must be verified again.
    """
    start = f"{pinned.start.height} {pinned.start.root.hex()}" if pinned.start else ""
    lines = (*map(str, pinned.keys), start, str(retention_days), vault)
    return sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def merge_heads(known: Mapping[Origin, Head], heads: Mapping[Origin, Head]) -> dict[Origin, Head]:
    """Return the larger head of each log; of two heads of one size the known one, with the newer run's progress."""
    return {**known, **{origin: _larger(known.get(origin), head) for origin, head in heads.items()}}


def _larger(known: Head | None, head: Head) -> Head:
    if known is None or known.checkpoint.size < head.checkpoint.size:
        return head
    if known.checkpoint == head.checkpoint:
        return replace(known, resume=head.resume or known.resume, scrub=head.scrub or known.scrub)
    return known


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
