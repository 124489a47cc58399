"""How much matches, by field and by time: counted by DuckDB, or here where the matches are few."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from auditseal_search.query_fields import FIELDS, Kind

LONGEST = 250
"""Characters of a value that is counted with others: anyone who publishes chooses how long values are."""
UNIT_MILLISECONDS = {"second": 1_000, "minute": 60_000, "hour": 3_600_000, "day": 86_400_000}
"""The units of time of one length."""
TextCounts = Sequence[tuple[str, int]]
"""Values with the number of matches of each, the most frequent first; of equally frequent ones, in their order."""
Bars = Sequence[tuple[int | None, int]]
"""The beginning of each unit of time in ms since the epoch, with the number of matches in it; None for no time."""
UnitFor = Callable[[int, int], str]
"""Returns the unit of a histogram, given the ends of its times in ms since the epoch."""


@dataclass(frozen=True, slots=True)
class Tallies:
    """How much matches, by field and by time.

    Attributes:
        total: How many rows.
        span: The first and the last of the broker's times, in ms since the epoch; None for no row that has one.
        counts: The most frequent values of each field. A value that is longer than `LONGEST` is cut one after that.
        bars: The histogram, oldest first.
    """

    total: int
    span: tuple[int, int] | None
    counts: Mapping[str, TextCounts]
    bars: Bars

    @classmethod
    def of_rows(cls, batches: Iterable[pa.RecordBatch], names: Sequence[str], limit: int, unit_for: UnitFor) -> Self:
        """Count rows while they come.

        Args:
            batches: The column `time`, which is ms since the epoch, and one for each field, as `shortened` has it.
            names: The fields.
            limit: The most values of a field.
            unit_for: Returns the unit of the histogram.
        """
        counters, pieces, total = {name: Counter[str]() for name in names}, [np.empty(0, np.int64)], 0
        for batch in batches:
            total += len(batch)
            pieces.append(batch["time"].drop_null().to_numpy(zero_copy_only=False))
            for name, counter in counters.items():
                counter.update(_counted(batch[name]))
        counts = {name: first_counts(counter.items(), limit) for name, counter in counters.items()}
        return cls.of_times(total, np.concatenate(pieces), counts, unit_for)

    @classmethod
    def of_times(
        cls, total: int, times: npt.NDArray[np.int64], counts: Mapping[str, TextCounts], unit_for: UnitFor
    ) -> Self:
        """Add the span and the histogram of some rows to their counts by field.

        Args:
            total: How many rows.
            times: The broker's times of those rows that have one, in ms since the epoch.
            counts: The most frequent values of each field.
            unit_for: Returns the unit of the histogram.
        """
        span = (int(times.min()), int(times.max())) if len(times) else None
        bars: list[tuple[int | None, int]] = [(None, total - len(times))] if len(times) < total else []
        bars += _bars_of(times, unit_for(*span)) if span else []
        return cls(total, span, counts, bars)


def shortened(name: str) -> str:
    """Return SQL for a field of texts, of which `LONGEST` characters and one more are left; a list has several."""
    column = FIELDS[name].column
    if FIELDS[name].kind is Kind.LIST:
        return f"list_transform({column}, value -> {short('value')})"
    return short(column)


def short(value: str) -> str:
    """Return SQL for the first `LONGEST` characters of a text and one more, which shows that there is more."""
    return f"left({value}, {LONGEST + 1})"


def _counted(column: pa.Array) -> dict[str, int]:
    """Return how often each value of a column, or of its lists, is there; None is not a value."""
    values = pc.list_flatten(column) if pa.types.is_list(column.type) else column
    return {one["values"]: one["counts"] for one in pc.value_counts(values.drop_null()).to_pylist()}


def first_counts(counts: Iterable[tuple[str, int]], limit: int) -> TextCounts:
    """Return the most frequent of some values with their numbers, without those that have no match."""
    return sorted((one for one in counts if one[1]), key=lambda one: (-one[1], one[0]))[:limit]


def _bars_of(times: npt.NDArray[np.int64], unit: str) -> list[tuple[int, int]]:
    """Return the number of times, which are ms since the epoch, in each unit of time, oldest first."""
    if unit in UNIT_MILLISECONDS:
        length = UNIT_MILLISECONDS[unit]
        numbers = times // length
        least = int(numbers.min())
        if int(numbers.max()) - least <= len(numbers):  # not a few times that are far apart
            counts = np.bincount(numbers - least)
            return [((least + one) * length, int(counts[one])) for one in np.flatnonzero(counts).tolist()]
        starts = numbers * length
    else:
        starts = times.astype("datetime64[ms]").astype("datetime64[M]").astype("datetime64[ms]").astype(np.int64)
    found, counts = np.unique(starts, return_counts=True)
    return list(zip(found.tolist(), counts.tolist(), strict=True))
