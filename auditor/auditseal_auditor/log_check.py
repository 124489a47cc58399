"""The check of one log, object after object, and the faults that only the whole log shows.

A block that passes steps 1 to 6 of docs/reference/format.md, section 14, is *linked*: it is a block of this log, signed
and in its place. An object below a linked block existed when that block was sealed. An object above the last linked
block may come from any writer.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from auditseal_auditor.findings import AtRest, Counts, Fault, Finding, Findings
from auditseal_auditor.fork_proof import forked_notes
from auditseal_auditor.hold_check import HoldCheck
from auditseal_auditor.listing import ListedKey, retention_problem, storage_problems
from auditseal_auditor.log_progress import CheckStart, LogProgress
from auditseal_auditor.object_check import CheckedObject
from auditseal_schemas.block import Block
from auditseal_schemas.hold_case import SignedHold
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.note import Note
from auditseal_schemas.public_key import LABELS
from auditseal_schemas.verdict import Verdict
from auditseal_vault.interface import VaultReader


@dataclass(frozen=True, slots=True)
class Requirements:
    """What a log must fulfil besides being whole.

    Attributes:
        locks: The store has versions and locks.
        retention_days: The least retention that a lock must show, None for any.
        known_size: The number of blocks that are known to exist: an object below it is never SQUATTED.
        sizes: The sizes of the tree at which the root is needed.
        holds: The legal holds that people signed, by height; None for none.
    """

    locks: bool = False
    retention_days: int | None = None
    known_size: int = 0
    sizes: Collection[int] = ()
    holds: Mapping[int, SignedHold] | None = None


class LogCheck:
    """The check of one log.

    Attributes:
        findings: The findings so far; `finish` adds those that only the end shows.
        counts: The counts so far.
        notices: Remarks that are not faults.
        roots: The root at each size that is needed and known, with the note of the nearest block.
        signers: The keys that signed the last block of each size that is needed, if that block is linked.
        start: Where the check begins.
        last: The last linked block, without locators and data, and the keys valid at its height; None before one.
        refused: Objects that the store refused to the reader.
        error: Why not all of the log could be read; empty where it could.
        is_whole: The listing was read to its end.
    """

    def __init__(self, start: CheckStart, requirements: Requirements) -> None:
        self.findings, self.counts = Findings(), Counts()
        self.notices: list[str] = []
        self.roots: dict[int, tuple[bytes, Note]] = {}
        self.signers: dict[int, tuple[VerifierKey, ...]] = {}
        self.start = start
        self.last: tuple[Block, tuple[VerifierKey, ...]] | None = None
        self.refused, self.error, self.is_whole = 0, "", False
        self._origin, self._requirements, self._progress = start.origin, requirements, LogProgress(start)
        self._holds = HoldCheck(requirements.holds or {})
        self._next = start.height
        self._first_hole: int | None = None
        self._missing_below, self._invalid_below = Findings(), Findings()
        self._first_refusal, self._is_refused_above = "", False

    @property
    def first_missing(self) -> int:
        """The lowest height above the last linked block that has no object."""
        return self._next if self._first_hole is None else self._first_hole

    @property
    def keys(self) -> tuple[VerifierKey, ...]:
        """The keys valid at the next height."""
        return self._progress.keys

    @property
    def is_end_known(self) -> bool:
        """Whether every object above the last linked block was read: else one of them may be the log's end."""
        return not self._is_refused_above

    def add(self, listed: ListedKey, checked: CheckedObject | None) -> None:
        """Take the next key of the log; `checked` is None where it has no object to check."""
        for field, problem in storage_problems(listed):
            self._find(listed, Fault(Verdict.BAD_STORAGE, field, problem, None))
        if listed.height is None or checked is None:
            return
        self._pass_missing(listed.height)
        self._next = listed.height + 1
        if checked.refusal:
            self._add_refused(checked.refusal)
            return
        self.counts.objects += 1
        self.counts.bytes += checked.size
        if checked.head is None:
            self._add_invalid(listed, listed.height, checked)
            sealed_at = None
        else:
            self.counts.parsed += 1
            is_linked = self._add_block(listed, listed.height, checked.head, checked)
            sealed_at = checked.head.header.sealed_at if is_linked else None
        if self._requirements.locks and not _is_without_content(checked):
            problem_of_lock = retention_problem(checked.retention, sealed_at, self._requirements.retention_days)
            if problem_of_lock:
                self._find(listed, Fault(Verdict.BAD_STORAGE, *problem_of_lock, None))
            if not_held := self._holds.add(listed, shown=checked.legal_hold):
                self._find(listed, not_held)

    def check_holds(self, reader: VaultReader) -> None:
        """Ask about the legal holds that no answer showed, and count those that are.

        Raises:
            UnavailableError: The store can't be asked, or this reader may not see the holds that people signed.
        """
        for listed, not_held in self._holds.finish(reader):
            self._find(listed, not_held)
        self.counts.held = self._holds.held
        if self._holds.renamed:
            self.notices.append(
                f"{self._holds.renamed:,} held blocks have other version ids than people signed: in a copy all have"
            )

    def finish(self) -> None:
        """Add the findings that only the log's end shows.

        Invalid objects above the last linked block are SQUATTED. A block above the end that must be held is gone.
        """
        self.findings.move_from(self._invalid_below.with_verdict(Verdict.SQUATTED))
        for height, gone in self._holds.absent(self._next):
            self.findings.add(self._without_object(height, gone))
        self.is_whole = True

    def finish_below(self, end: int) -> None:
        """End the check of heights below `end`, above which linked blocks are known: every missing one is a finding."""
        self._pass_missing(end)
        for below in (self._missing_below, self._invalid_below):
            self.findings.move_from(below)
        self.is_whole = True

    def end_at(self, height: int) -> None:
        """State that nothing is stored from this height on, where a check that began above it found no object."""
        self._next = height

    def finish_unreadable(self, problem: str) -> None:
        """End the check of a log whose listing fails because something other than a directory is in its place."""
        self.findings.add(
            Finding(verdict=Verdict.BAD_STORAGE, origin=self._origin, height=None, field="key", detail=problem)
        )
        self.finish()

    def stop(self, problem: str) -> None:
        """End the check early: the store can't be read."""
        self.error = problem

    def _pass_missing(self, height: int) -> None:
        """Note the heights below `height` that have no object: they are missing if a linked block is above them."""
        missing = range(self._next, height)
        if missing:
            self._progress.lose()
            self._first_hole = self.first_missing
            self._missing_below.add_each(Verdict.BROKEN_CHAIN, missing, self._missing)

    def _add_refused(self, problem: str) -> None:
        """Take an object that the store refuses. It may be this height's block, so nothing below it is SQUATTED."""
        self.refused += 1
        others = f" (and {self.refused - 1} more objects like it)" if self.refused > 1 else ""
        self._first_refusal = self._first_refusal or problem
        self.error = f"{self._first_refusal}{others}"
        self._is_refused_above = True
        self._progress.lose()
        self.findings.move_from(self._invalid_below)

    def _add_invalid(self, listed: ListedKey, height: int, checked: CheckedObject) -> None:
        """Take an object that is not a valid block: whether it was damaged or is SQUATTED shows further up."""
        self._progress.lose()
        if checked.fault:
            finding = self._finding(listed, checked.fault)
            is_certain = height < self._requirements.known_size or _is_without_content(checked)
            (self.findings if is_certain else self._invalid_below).add(finding)
            self._find_forks(listed, height, checked.other_notes)

    def _add_block(self, listed: ListedKey, height: int, block: Block, checked: CheckedObject) -> bool:
        """Take a block; return whether it is linked.

        A bad signature and a fault of the content are independent, and both are reported. Where the header is not the
        signed one, its content has nothing to be compared with: one finding is enough.
        """
        fault = self._progress.link(height, block)
        if fault:
            self._find(listed, fault)
        if checked.fault and (fault is None or fault.verdict is Verdict.BAD_SIGNATURE):
            self._find(listed, checked.fault)
        if checked.other_notes:
            own = (block.note,) if fault is None else ()
            self._find_forks(listed, height, (*own, *checked.other_notes))
        if fault is None:
            self._go_on(listed, block)
            if self._requirements.locks:
                self.counts.at_rest[AtRest.of(checked.encryption)] += 1
        return fault is None

    def _find_forks(self, listed: ListedKey, height: int, notes: Sequence[Note]) -> None:
        """Add a finding for each version of a block that is signed besides another one."""
        for evidence in forked_notes(self._origin, height, self._progress.keys, notes):
            problem = "two versions of this block lead to different roots, and both are signed by the log's own keys"
            self._find(listed, Fault(Verdict.FORK, "checkpoint.root", problem, None), evidence)

    def _go_on(self, listed: ListedKey, block: Block) -> None:
        for below in (self._missing_below, self._invalid_below):
            self.findings.move_from(below)
        self._first_hole, self._is_refused_above = None, False
        keys, height = self._progress.keys, block.header.height
        self.last = (block, keys)
        broken = self._progress.advance(block)
        if broken:
            self._find(listed, broken)
        if lost := {key.algorithm for key in keys} - {key.algorithm for key in self._progress.keys}:
            names = " and ".join(LABELS[algorithm] for algorithm in sorted(lost))
            self.notices.append(f"block {height} announced no {names} key: the blocks above it are not signed by one")
        if height + 1 in self._requirements.sizes:
            self.signers[height + 1] = keys
        for size, root in ((height, block.frontier.root), (height + 1, block.checkpoint.root)):
            if size in self._requirements.sizes:
                self.roots.setdefault(size, (root, block.note))
        self.counts.add_block(block)

    def _find(self, listed: ListedKey, fault: Fault, evidence: tuple[str, ...] = ()) -> None:
        self.findings.add(replace(self._finding(listed, fault), evidence=evidence))

    def _finding(self, listed: ListedKey, fault: Fault) -> Finding:
        return Finding(
            verdict=fault.verdict,
            origin=self._origin,
            height=listed.height,
            offset=fault.offset,
            field=fault.field,
            detail=fault.problem,
            object=listed.key,
            version_id=listed.version_ids[0] if listed.version_ids else "",
        )

    def _missing(self, height: int) -> Finding:
        problem = "the block is missing, and blocks above it exist"
        return self._without_object(height, Fault(Verdict.BROKEN_CHAIN, "height", problem, None))

    def _without_object(self, height: int, fault: Fault) -> Finding:
        return Finding(
            verdict=fault.verdict,
            origin=self._origin,
            height=height,
            field=fault.field,
            detail=fault.problem,
            object=self._origin.block_key(height),
        )


def _is_without_content(checked: CheckedObject) -> bool:
    return checked.fault is not None and checked.fault.verdict is Verdict.BAD_STORAGE
