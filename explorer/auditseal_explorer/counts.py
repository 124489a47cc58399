"""The counts of an answer, which are kept: the same filter over the same blocks has them again."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from threading import Lock

from auditseal_explorer.timeline import Timeline
from auditseal_search.gathered import Gathered

KEPT = 128
"""Answers whose counts are kept."""
_MOST_CHARACTERS = 20_000  # of the values of an answer that is kept: events choose how long these are


@dataclass(frozen=True, slots=True)
class Facet:
    """The most frequent values of a field among the hits."""

    field: str
    values: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """What an answer counts.

    Attributes:
        total: How many hits there are.
        timeline: The hits over time.
        facets: Counts by field.
    """

    total: int
    timeline: Timeline
    facets: tuple[Facet, ...]


class KeptCounts:
    """The counts of the last answers, for many threads.

    Sealed blocks do not change. So a filter, with the tenants that its auditor may see, has the same counts over the
    same blocks.
    """

    def __init__(self) -> None:
        self._kept = OrderedDict[Hashable, Counts]()
        self._lock = Lock()

    def of(self, found: Gathered, count: Callable[[], Counts]) -> Counts:
        """Return the counts of rows: those that are kept, or else those that `count` makes."""
        key = (found.condition, found.account.logs)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        counts = count()
        if sum(len(value) for facet in counts.facets for value, _ in facet.values) <= _MOST_CHARACTERS:
            with self._lock:
                self._kept[key] = counts
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
        return counts
