"""The walk up one log: each slot of the store judged in its turn, and what only the whole can show.

A block that holds in steps 1 to 6 of docs/reference/format.md, Verification, is *linked*: it is this log's, signed, and
in its place. An object below a linked block was there when that block was sealed. An object above the last linked
block may come from anyone.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from auditseal_auditor.chain import Chain
from auditseal_auditor.examine import Examined
from auditseal_auditor.finding import Fault, Finding, Findings
from auditseal_auditor.fork import forked_notes
from auditseal_auditor.inventory import Slot, retention_problem, storage_problems
from auditseal_auditor.tally import Tally
from auditseal_schemas.block import Block
from auditseal_schemas.note import Note
from auditseal_schemas.trust import PinnedLog
from auditseal_schemas.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Demands:
    """What a log is measured by, beside itself.

    Attributes:
        locks: The store has versions and locks.
        retention_days: The least retention that a lock must show, None for any.
        settled: The number of blocks that are known to exist: no object below it is a squatter's.
        sizes: At which sizes of the tree the root is asked for.
    """

    locks: bool = False
    retention_days: int | None = None
    settled: int = 0
    sizes: Collection[int] = ()


class LogWalk:
    """The walk up one log.

    Attributes:
        findings: What was found so far; `finish` adds what only the end can tell.
        tally: What was seen so far.
        notices: What is worth knowing and no fault.
        roots: The root, and the nearest block's note, at each size that was asked for and could be told.
        start: Where the walk begins; None at the first block.
    """

    def __init__(self, pinned: PinnedLog, demands: Demands) -> None:
        self.findings, self.tally = Findings(), Tally()
        self.notices: list[str] = []
        self.roots: dict[int, tuple[bytes, Note]] = {}
        self._origin, self._demands, self._chain = pinned.origin, demands, Chain(pinned)
        self.start = pinned.start
        self._next = pinned.start.height if pinned.start else 0
        self._hole: int | None = None
        self._holes, self._garbage = Findings(), Findings()

    @property
    def first_missing(self) -> int:
        """The lowest height above the last linked block that has no object."""
        return self._next if self._hole is None else self._hole

    def take(self, slot: Slot, examined: Examined | None) -> None:
        """Take the next slot; `examined` is None where there is no object to read."""
        for field, problem in storage_problems(slot):
            self._find(slot, Fault(Verdict.BAD_STORAGE, field, problem, None))
        if slot.height is None or examined is None:
            return
        self._skip_to(slot.height)
        self._next = slot.height + 1
        self.tally.objects += 1
        self.tally.bytes += examined.size
        if examined.head is None:
            self._take_garbage(slot, examined)
            sealed_at = None
        else:
            self.tally.parsed += 1
            linked = self._take_block(slot, slot.height, examined.head, examined)
            sealed_at = examined.head.header.sealed_at if linked else None
        if self._demands.locks:
            problem_of_lock = retention_problem(examined.retention, sealed_at, self._demands.retention_days)
            if problem_of_lock:
                self._find(slot, Fault(Verdict.BAD_STORAGE, *problem_of_lock, None))

    def finish(self) -> None:
        """Add what only the log's end can tell: garbage above the last linked block is a squatter's."""
        self.findings.take(self._garbage.judged(Verdict.SQUATTED))

    def _skip_to(self, height: int) -> None:
        """Note the heights below `height` that have no object: they are missing if a linked block lies above."""
        missing = range(self._next, height)
        if missing:
            self._chain.lose()
            self._hole = self.first_missing
            self._holes.add_each(Verdict.BROKEN_CHAIN, missing, self._missing)

    def _take_garbage(self, slot: Slot, examined: Examined) -> None:
        """Take an object that is no block: whose it is shows when a linked block lies above, or none does."""
        self._chain.lose()
        if examined.fault and slot.height is not None:
            finding = self._finding(slot, examined.fault)
            (self.findings if slot.height < self._demands.settled else self._garbage).add(finding)
            self._find_forks(slot, slot.height, examined.rivals)

    def _take_block(self, slot: Slot, height: int, block: Block, examined: Examined) -> bool:
        """Take a block; return whether it is linked.

        A bad signature says nothing of the content, nor the content of it: both are told. Where the header itself is
        not the one that was signed, what its content is measured by is worth nothing, and one finding is enough.
        """
        fault = self._chain.link(height, block)
        if fault:
            self._find(slot, fault)
        if examined.fault and (fault is None or fault.verdict is Verdict.BAD_SIGNATURE):
            self._find(slot, examined.fault)
        if examined.rivals:
            own = (block.note,) if fault is None else ()
            self._find_forks(slot, height, (*own, *examined.rivals))
        if fault is None:
            self._go_on(slot, block)
        return fault is None

    def _find_forks(self, slot: Slot, height: int, notes: Sequence[Note]) -> None:
        """Add a finding for each version of a block that was signed beside another one."""
        for evidence in forked_notes(self._origin, height, self._chain.keys, notes):
            problem = "two versions of this block lead to different roots, and both are signed by the log's own keys"
            self._find(slot, Fault(Verdict.FORK, "checkpoint.root", problem, None), evidence)

    def _go_on(self, slot: Slot, block: Block) -> None:
        for below in (self._holes, self._garbage):
            self.findings.take(below)
        self._hole = None
        broken = self._chain.advance(block)
        if broken:
            self._find(slot, broken)
        height = block.header.height
        for size, root in ((height, block.frontier.root), (height + 1, block.checkpoint.root)):
            if size in self._demands.sizes:
                self.roots.setdefault(size, (root, block.note))
        self.tally.count(block)

    def _find(self, slot: Slot, fault: Fault, evidence: tuple[str, ...] = ()) -> None:
        self.findings.add(replace(self._finding(slot, fault), evidence=evidence))

    def _finding(self, slot: Slot, fault: Fault) -> Finding:
        return Finding(
            verdict=fault.verdict,
            origin=self._origin,
            height=slot.height,
            offset=fault.offset,
            field=fault.field,
            detail=fault.problem,
            object=slot.key,
            version_id=slot.version_ids[0] if slot.version_ids else "",
        )

    def _missing(self, height: int) -> Finding:
        return Finding(
            verdict=Verdict.BROKEN_CHAIN,
            origin=self._origin,
            height=height,
            field="height",
            detail="the block is missing, and blocks above it exist",
            object=self._origin.block_key(height),
        )
