"""Where the check of a log begins, the state that its next block must fit, and the older blocks that are due again.

A new full pass over a log's older blocks may be spread over many runs: each run that continues checks a portion of it.
A portion begins where the one before ended, with the keys and the root that were verified there, so that the portions
of a pass show together what one whole check shows. The last one ends at the remembered head and must have its root.
"""

from dataclasses import dataclass
from typing import Self

from auditseal_auditor.findings import Fault
from auditseal_auditor.state.heads import Resume, Scrub
from auditseal_schemas.block import Block
from auditseal_schemas.errors import VerificationError
from auditseal_schemas.expected import Expected
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.log import LogState
from auditseal_schemas.merkle import Frontier
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import PinnedLog
from auditseal_schemas.verification import LINK, verify


@dataclass(frozen=True, slots=True)
class CheckStart:
    """The place in a log where a check begins, and what is known there.

    Attributes:
        origin: The log.
        keys: The keys valid at the first height.
        height: The first height.
        root: The root of the tree of the headers before it; None where it is not known, or 0 headers are before.
        remembered: The state after a remembered head, if the check begins with the head's block.
    """

    origin: Origin
    keys: tuple[VerifierKey, ...]
    height: int = 0
    root: bytes | None = None
    remembered: LogState | None = None

    @classmethod
    def pinned(cls, log: PinnedLog) -> Self:
        """Return the beginning that the trust file pins: the first block, or a root in the middle."""
        if log.start is None:
            return cls(log.origin, log.keys)
        return cls(log.origin, log.keys, log.start.height, log.start.root)

    @classmethod
    def continued(cls, resume: Resume) -> Self:
        """Return the beginning at a remembered head: its block is read again, and no block below it."""
        header = resume.block.header
        return cls(header.origin, resume.keys, header.height, remembered=resume.state)

    @property
    def state(self) -> LogState | None:
        """The state before the first block of a log; None at every other height."""
        return LogState.genesis(self.origin, self.keys) if self.height == 0 else None

    def expected(self, height: int, keys: tuple[VerifierKey, ...]) -> Expected:
        """Return what the block of a height must fit where no block before it was linked.

        Below the state after a remembered head only the place is known, and the root at the beginning itself.
        """
        if self.remembered and self.remembered.height == height:
            return self.remembered.expected
        start_root = self.root if height == self.height else None
        return Expected(origin=self.origin, height=height, keys=keys, start_root=start_root)


class LogProgress:
    """The state of a log while it is checked (docs/reference/format.md, section 14, "After a block").

    Attributes:
        keys: The keys valid at the next height.
    """

    def __init__(self, start: CheckStart) -> None:
        self.keys: tuple[VerifierKey, ...] = start.keys
        self._start, self._state = start, start.state

    def lose(self) -> None:
        """Forget everything except the keys: the next block is checked by its own frontier."""
        self._state = None

    def link(self, height: int, block: Block) -> Fault | None:
        """Check steps 2 to 6 for the block at a height; after a fault the state is lost."""
        expected = self._state.expected if self._state else self._start.expected(height, self.keys)
        try:
            verify(block, LINK, expected)
        except VerificationError as error:
            self.lose()
            return Fault.of(error)
        return None

    def advance(self, block: Block) -> Fault | None:
        """Continue from a linked block; return the fault of step 9, after which the keys stay as they were."""
        try:
            self._state = LogState.after(block, self.keys)
        except VerificationError as error:
            header = block.header
            self._state = LogState(header.origin, self.keys, block.next_frontier, block.leaf, header.last_link, header)
            return Fault.of(error)
        self.keys = self._state.keys
        return None


@dataclass(frozen=True, slots=True)
class Portion:
    """The heights of one portion, and the pass that it belongs to.

    Attributes:
        start: Where it begins.
        end: The first height that is not part of it.
        size: The number of blocks up to the remembered head, where the pass ends.
        scrub: The pass before this portion.
    """

    start: CheckStart
    end: int
    size: int
    scrub: Scrub

    @property
    def is_last(self) -> bool:
        """Whether the pass ends with this portion."""
        return self.end == self.size

    def passed(self, frontier: Frontier, keys: tuple[VerifierKey, ...], now: int, *, quick: bool) -> Scrub:
        """Return the pass after this portion was clean: what is known at its end, or a new pass after the last one.

        Args:
            frontier: The tree of the headers up to the portion's end.
            keys: The keys valid there.
            now: The time, in µs since the epoch.
            quick: The portion's records were not hashed again.
        """
        if self.is_last:
            return Scrub(None, (), quick=False, began_at=now, ended_at=now)
        return Scrub(frontier, keys, self.scrub.quick or quick, self.scrub.began_at, self.scrub.ended_at)


def next_portion(pinned: PinnedLog, scrub: Scrub, size: int, now: int, period: int) -> Portion:
    """Return the portion that is due now, which may be empty.

    Args:
        pinned: The log as the trust file pins it.
        scrub: The pass so far.
        size: The number of blocks up to the remembered head.
        now: The time, in µs since the epoch.
        period: How long a pass may take, in µs. After a part of it, the same part of the blocks is due. With 0, each
            run makes a whole pass.
    """
    start = CheckStart.pinned(pinned)
    if scrub.frontier is not None:
        start = CheckStart(pinned.origin, scrub.keys, scrub.frontier.size, scrub.frontier.root)
    elapsed = min(max(now - scrub.began_at, 0), period)
    due = -(-size * elapsed // period) if period else size
    return Portion(start, min(max(due, start.height), size), size, scrub)
