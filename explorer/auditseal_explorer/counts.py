"""What an answer counts. The counts of its parts have all values, and a fine unit of time: so they join."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from auditseal_explorer.timeline import Timeline, beginning, draw, unit_for
from auditseal_search.tallies import first_counts

VALUES = 6
"""Values of a field that a page shows."""


@dataclass(frozen=True, slots=True)
class Facet:
    """The most frequent values of a field among the hits."""

    field: str
    values: tuple[tuple[str, int], ...]

    @classmethod
    def of(cls, field: str, counts: Mapping[str, int]) -> "Facet":
        """Choose the most frequent values; of equally frequent ones, those that come first in order."""
        return cls(field, tuple(first_counts(counts.items(), VALUES)))


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


@dataclass(frozen=True, slots=True)
class PartCounts:
    """What a part of an answer counts.

    Attributes:
        total: How many hits it has.
        span: The first and the last of the broker's times, in ms since the epoch; None for no hit that has one.
        bars: The hits by the beginning of their unit of time, which is `unit_for` of the span; None for no time.
        values: For each field the hits by value; None for a field of which that is not known.
    """

    total: int
    span: tuple[int, int] | None
    bars: Mapping[int | None, int]
    values: Mapping[str, Mapping[str, int] | None]

    @property
    def unknown(self) -> set[str]:
        """The fields of which the values are not known."""
        return {field for field, values in self.values.items() if values is None}


def join_counts(parts: Sequence[PartCounts], others: Mapping[str, Facet]) -> Counts:
    """Return the counts of all parts together, which count the same fields.

    Args:
        parts: The parts.
        others: The facets of the fields of which a part does not know the values.
    """
    fields = parts[0].values if parts else ()
    facets = (others[field] if field in others else Facet.of(field, _values(parts, field)) for field in fields)
    total = sum(part.total for part in parts)
    return Counts(total, _timeline(parts), tuple(facet for facet in facets if facet.values))


def _values(parts: Sequence[PartCounts], field: str) -> Mapping[str, int]:
    found = Counter[str]()
    for part in parts:
        found.update(part.values[field] or {})
    return found


def _timeline(parts: Sequence[PartCounts]) -> Timeline:
    """Return the bars of all parts. Their unit is that of one part or a longer one, which begins where units begin."""
    spans = [part.span for part in parts if part.span]
    unit = unit_for(min(first for first, _ in spans), max(last for _, last in spans)) if spans else "second"
    bars, without_time = Counter[int](), 0
    for part in parts:
        for start, number in part.bars.items():
            if start is None:
                without_time += number
            else:
                bars[beginning(unit, start)] += number
    return draw(unit, sorted(bars.items()), without_time)
