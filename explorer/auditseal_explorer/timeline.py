"""Hits over time, as bars of a picture: which unit a bar has, and where it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from auditseal_search.tallies import UNIT_MILLISECONDS

WIDTH, HEIGHT = 1000, 96
"""The picture's size, in its own units."""
_GAP = 0.15  # of a bar's width
_LEAST = 2.0  # height of the bar of a single hit
_UNITS = (("second", 2 * 60), ("minute", 2 * 3600), ("hour", 5 * 86_400), ("day", 120 * 86_400))


@dataclass(frozen=True, slots=True)
class Bar:
    """The hits of one unit of time.

    Attributes:
        begin: Its beginning, RFC 3339 in UTC.
        end: The beginning of the next unit.
        count: The number of hits.
        x: The bar's left edge, from 0 to `WIDTH`.
        width: Its width.
        height: Its height, up to `HEIGHT`.
    """

    begin: str
    end: str
    count: int
    x: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Timeline:
    """Bars in the order of time.

    Attributes:
        unit: `second`, `minute`, `hour`, `day` or `month`.
        bars: Those that have a hit.
        without_time: Hits that have no time.
    """

    unit: str
    bars: tuple[Bar, ...]
    without_time: int = 0


def unit_for(first: int, last: int) -> str:
    """Return the unit that makes at most about 120 bars between two times in ms since the epoch."""
    seconds = (last - first) / 1000
    return next((unit for unit, most in _UNITS if seconds <= most), "month")


def beginning(unit: str, time: int) -> int:
    """Return the beginning of the unit in which a time is, both in ms since the epoch."""
    if unit == "month":
        month = _time(time).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        return int(month.timestamp() * 1000)
    return time - time % UNIT_MILLISECONDS[unit]


def draw(unit: str, counts: Sequence[tuple[int, int]], without_time: int = 0) -> Timeline:
    """Return the bars of a histogram.

    Args:
        unit: The unit of time.
        counts: The beginning of each unit in ms since the epoch, in order, and its number of hits.
        without_time: Hits that have no time.
    """
    if not counts:
        return Timeline(unit, (), without_time)
    first, last = (_number(unit, start) for start in (counts[0][0], counts[-1][0]))
    step, most = WIDTH / (last - first + 1), max(number for _, number in counts)
    bars = (
        Bar(
            _text(start),
            _text(_following(unit, start)),
            number,
            round((_number(unit, start) - first) * step, 2),
            round(step * (1 - _GAP), 2),
            round(max(_LEAST, HEIGHT * number / most), 2),
        )
        for start, number in counts
    )
    return Timeline(unit, tuple(bars), without_time)


def _number(unit: str, start: int) -> int:
    """Return how many units of time are before a unit's beginning."""
    if unit == "month":
        at = _time(start)
        return at.year * 12 + at.month
    return start // UNIT_MILLISECONDS[unit]


def _following(unit: str, start: int) -> int:
    if unit == "month":
        at = _time(start)
        following = at.replace(year=at.year + at.month // 12, month=at.month % 12 + 1)
        return int(following.timestamp() * 1000)
    return start + UNIT_MILLISECONDS[unit]


def _time(milliseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)


def _text(milliseconds: int) -> str:
    return _time(milliseconds).strftime("%Y-%m-%dT%H:%M:%SZ")
