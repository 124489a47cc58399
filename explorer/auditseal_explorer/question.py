"""A question as an address: the address gives the answer to this question again.

/?q=actor+%3D+u-1842&as_of=a.example%2Faudit.events%2F0%2F0:512&order=oldest&after=…
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self, TypeAlias
from urllib.parse import urlencode

from auditseal_explorer.errors import AddressError
from auditseal_schemas.errors import MalformedError, quoted
from auditseal_schemas.limits import MAX_HEIGHT
from auditseal_schemas.origin import Origin
from auditseal_search.hit_order import Cursor
from auditseal_search.query import All, AnyOf, Comparison, Condition, parse_query
from auditseal_search.query_fields import FIELDS

MOST_CHARACTERS = 4_000
"""Characters of a filter: an address that is longer does not reach every browser and proxy."""
Heads: TypeAlias = tuple[tuple[Origin, int], ...]
"""The size of each log up to which an answer goes; empty for the logs' heads of now."""
_PARAMETERS = {"q", "as_of", "after", "order"}


@dataclass(frozen=True, slots=True)
class Question:
    """What a reader asks.

    Attributes:
        filter: The filter as it was typed.
        as_of: The size of each log up to which the answer goes; empty for the logs' heads of now.
        after: Where to continue: the place of the last hit of the page before.
        oldest_first: The order; the newest comes first otherwise.
    """

    filter: str = ""
    as_of: Heads = ()
    after: Cursor | None = None
    oldest_first: bool = False

    @classmethod
    def parse(cls, parameters: Iterable[tuple[str, str]]) -> Self:
        """Read an address's parameters: names and values, in their order.

        Raises:
            AddressError: One is unknown or can't be understood.
        """
        given: dict[str, list[str]] = {name: [] for name in _PARAMETERS}
        for name, value in parameters:
            if name not in given:
                raise AddressError(f"the address has a parameter {quoted(name)}, which this page does not have")
            given[name].append(value)
        text, order, after = (_last(given[name]) for name in ("q", "order", "after"))
        if len(text) > MOST_CHARACTERS:
            raise AddressError(f"the filter has {len(text)} characters, and {MOST_CHARACTERS} is the most")
        if order not in {"", "newest", "oldest"}:
            raise AddressError(f"order={quoted(order)}: write newest or oldest")
        sizes = tuple(map(_size, given["as_of"]))
        if len(dict(sizes)) < len(sizes):
            raise AddressError("as_of names a log twice: an answer goes up to one head of each log")
        return cls(text.strip(), sizes, _cursor(after) if after else None, order == "oldest")

    def address(self, path: str = "/") -> str:
        """Return the address of this question on a page."""
        pairs = self.parameters()
        return f"{path}?{urlencode(pairs)}" if pairs else path

    def parameters(self) -> list[tuple[str, str]]:
        """Return the parameters of an address: names and values."""
        pairs = [("q", self.filter)] if self.filter else []
        pairs += [("as_of", f"{origin}:{size}") for origin, size in self.as_of]
        pairs += [("order", "oldest")] if self.oldest_first else []
        return pairs + ([("after", str(self.after))] if self.after else [])

    @property
    def is_askable(self) -> bool:
        """Whether the filter is short enough for an address: an event's text can make one of any length."""
        return len(self.filter) <= MOST_CHARACTERS

    def event_address(self, origin: str, offset: int) -> str:
        """Return the address of one event, which keeps the heads of this question."""
        place = [("origin", origin), ("offset", str(offset))]
        return "/event?" + urlencode(place + [pair for pair in self.parameters() if pair[0] == "as_of"])

    def first_page(self) -> Self:
        """Return the same question from its first hit on."""
        return replace(self, after=None)

    def now(self) -> Self:
        """Return the same question for the heads of now."""
        return replace(self, as_of=(), after=None)

    def narrowed(self, field: str, value: object) -> Self:
        """Return the question for those of its hits whose field has a value."""
        return self._with(f"{field} = {quote_value(str(value))}")

    def between(self, begin: str, end: str) -> Self:
        """Return the question for those of its hits from one time to before another, both RFC 3339."""
        return self._with(f"time >= {begin} and time < {end}")

    def _with(self, part: str) -> Self:
        before = f"({self.filter})" if " or " in self.filter.lower() else self.filter
        return replace(self, filter=f"{before} and {part}" if before else part, after=None)

    def condition(self, now: datetime) -> Condition:
        """Return the filter with the bound of the heads.

        Raises:
            QueryError: The filter has a mistake; the error marks the place.
        """
        condition = parse_query(self.filter, now)
        if not self.as_of:
            return condition
        logs = (All((_is(origin), _below(size))) for origin, size in self.as_of)
        return All((condition, AnyOf(tuple(logs))))


def quote_value(value: str) -> str:
    """Return a value as a filter names it, whatever characters it has."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def about(filters: Mapping[str, str | None]) -> str:
    """Return the filter for the events that have all of these fields; a field without a value is left out."""
    return " and ".join(f"{name} = {quote_value(value)}" for name, value in filters.items() if value)


def _last(values: list[str]) -> str:
    return values[-1] if values else ""


def _is(origin: Origin) -> Comparison:
    return Comparison(FIELDS["origin"], "=", (str(origin),))


def _below(size: int) -> Comparison:
    return Comparison(FIELDS["height"], "<", (size,))


def _size(text: str) -> tuple[Origin, int]:
    name, _, digits = text.rpartition(":")
    try:
        origin = Origin.parse(name)
    except MalformedError as error:
        raise AddressError(f"as_of={quoted(text)} does not name a log: {error.problem}") from error
    if not (digits.isascii() and digits.isdecimal() and int(digits) <= MAX_HEIGHT + 1):
        raise AddressError(f"as_of={quoted(text)}: a number of blocks belongs after the colon")
    return origin, int(digits)


def _cursor(text: str) -> Cursor:
    try:
        return Cursor.parse(text)
    except ValueError as error:
        raise AddressError(f"after={quoted(text)} is not a place that a page names") from error
