"""The order of the hits of an answer, and the place in it from which the next page continues."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from auditseal_search.query_sql import Sql, moment

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Cursor:
    """The place of a hit in the order of an answer: the next page begins after it.

    Attributes:
        time: The broker's time in ms since the epoch, None for none.
        origin: The log.
        height: The block.
        index: The record's number in the block.
    """

    time: int | None
    origin: str
    height: int
    index: int

    @classmethod
    def of(cls, hit: dict[str, Any]) -> Self:
        """Return the place of a hit."""
        time = None if hit["timestamp"] is None else (hit["timestamp"] - _EPOCH) // timedelta(milliseconds=1)
        return cls(time, hit["origin"], hit["height"], hit["index"])

    def __str__(self) -> str:
        return f"{'' if self.time is None else self.time}:{self.origin}:{self.height}:{self.index}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a cursor as `str` gives it.

        Raises:
            ValueError: It is anything else.
        """
        time, origin, height, index = text.split(":")
        return cls(int(time) if time else None, origin, int(height), int(index))


def at_places(places: Iterable[tuple[str, int, int]], sql: Sql) -> str:
    """Return the condition that a row is at one of some places: log, height and number in the block.

    Numbers are written out: a parameter costs DuckDB more than reading a row.
    """
    blocks: dict[tuple[str, int], list[int]] = {}
    for origin, height, index in places:
        blocks.setdefault((origin, height), []).append(index)
    parts = (
        f'(origin = {sql.parameter(origin)} AND height = {height:d} AND "index" IN ({_numbers(indexes)}))'
        for (origin, height), indexes in blocks.items()
    )
    return f"height IN ({_numbers(sorted({height for _, height in blocks}))}) AND ({' OR '.join(parts)})"


def _numbers(numbers: Iterable[int]) -> str:
    return ", ".join(f"{number:d}" for number in numbers)


def order_of(*, oldest_first: bool) -> str:
    """Return the order of an answer; records without a time are the oldest."""
    way = "ASC" if oldest_first else "DESC"
    nulls = "FIRST" if oldest_first else "LAST"
    return f'"timestamp" {way} NULLS {nulls}, origin {way}, height {way}, "index" {way}'


def beyond(after: Cursor, sql: Sql, *, oldest_first: bool) -> str:
    """Return the condition that a row comes after a cursor in the order of an answer."""
    way = ">" if oldest_first else "<"
    parts = (sql.parameter(part) for part in (after.origin, after.height, after.index))
    place = f'(origin, height, "index") {way} ({", ".join(parts)})'
    if after.time is None:
        later = f'("timestamp" IS NULL AND {place})'
        return f'({later} OR "timestamp" IS NOT NULL)' if oldest_first else later
    time = moment(after.time * 1000, sql)
    later = f'("timestamp" {way} {time} OR ("timestamp" = {time} AND {place})'
    return f"{later})" if oldest_first else f'{later} OR "timestamp" IS NULL)'
