"""A new full pass over a log's older blocks, spread over many runs: each run that continues checks a portion of it.

A portion begins where the one before ended, with the keys and the root that were verified there, so that the portions
of a pass show together what one whole check shows. The last one ends at the remembered head and must have its root.
"""

from dataclasses import dataclass

from auditseal_auditor.check_start import CheckStart
from auditseal_auditor.heads import Scrub
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.merkle import Frontier
from auditseal_schemas.trust import PinnedLog


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
