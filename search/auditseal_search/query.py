"""The filter language: what a user types, parsed into values. docs/reference/search.md describes it.

actor = u-1842 and time >= 2026-03-01 and (action ~ invoice.* or outcome = DENIED)
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import cache
from typing import Any, TypeAlias

from lark import Lark, Token, Transformer
from lark.exceptions import UnexpectedInput, VisitError

from auditseal_schemas.errors import quoted
from auditseal_search.errors import QueryError
from auditseal_search.query_fields import ATTRIBUTE_PREFIX, FIELDS, Kind, QueryField

_GRAMMAR = r"""
    ?start: either
    ?either: both ("or"i both)*
    ?both: unary ("and"i unary)*
    ?unary: "not"i unary -> negation
          | "(" either ")"
          | comparison
    comparison: field OPERATOR word                 -> compare
              | field "in"i "(" word ("," word)* ")" -> among
              | field "exists"i                      -> exists
    field: WORD | KEY
    word: WORD | QUOTED
    OPERATOR: "!=" | "<=" | ">=" | "=" | "<" | ">" | "~" | ":"
    QUOTED: /"(\\.|[^"\\])*"/
    KEY.1: /attributes\."(\\.|[^"\\])*"/
    WORD: /[^\s()"',=!<>~]+/
    %import common.WS
    %ignore WS
"""
_ORDERED = {Kind.NUMBER, Kind.TIME_MS, Kind.TIME_US}
_ONE_DAY, _ANOTHER_DAY = datetime(2000, 1, 1, tzinfo=UTC), datetime(2000, 1, 2, tzinfo=UTC)
_MOST_VALUES = 1_000
"""Values of a filter: DuckDB takes minutes to read one of some ten thousand."""
_MOST_NESTED = 100
_LONGEST_NUMBER = 20
_NUMBER, _AGO = re.compile("-?[0-9]+"), re.compile("-([0-9]+)([smhdw])")
_DAY, _FINE = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}"), re.compile("[.,][0-9]{7}")
_TOO_DEEP = f"the filter is nested more than {_MOST_NESTED} deep: leave parentheses and not out"
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

Value: TypeAlias = str | int | bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """A field compared with values.

    Attributes:
        field: The field; an attribute's has the kind TEXT and its key as `attribute`.
        operator: `=`, `!=`, `<`, `<=`, `>`, `>=`, `~` (a pattern with * and ?), `:` (contains) or `exists`.
        values: One value; several where one of them must be equal; none with `exists`.
        attribute: The key of an attribute, empty for every other field.
    """

    field: QueryField
    operator: str
    values: tuple[Value, ...]
    attribute: str = ""


@dataclass(frozen=True, slots=True)
class All:
    """Every part must hold; of no parts, everything does."""

    parts: "tuple[Condition, ...]" = ()


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part must hold; of no parts, nothing does."""

    parts: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    """The part must not hold."""

    part: "Condition"


Condition: TypeAlias = Comparison | All | AnyOf | Not


def parse_query(text: str, now: datetime) -> Condition:
    """Read a filter; an empty one lets everything through.

    Args:
        text: The text that the user typed.
        now: The time from which relative times, such as `-2h`, are counted.

    Raises:
        QueryError: It can't be understood; the error marks the place.
    """
    if not text.strip():
        return All()
    try:
        tree = _parser().parse(text)
        condition: Condition = _Reader(text, now).transform(tree)
    except RecursionError as error:
        raise QueryError(text, 0, _TOO_DEEP) from error
    except UnexpectedInput as error:
        position = error.pos_in_stream if error.pos_in_stream is not None and error.pos_in_stream >= 0 else len(text)
        raise QueryError(text, min(position, len(text)), "the filter can't be understood from here on") from error
    except VisitError as error:
        if isinstance(error.orig_exc, QueryError):
            raise error.orig_exc from error
        raise
    _check_size(text, condition)
    return condition


def _check_size(text: str, condition: Condition) -> None:
    """Check that a filter is not larger than a query can be.

    Raises:
        QueryError: It is.
    """
    values, open_parts = 0, [(condition, 1)]
    while open_parts:
        part, depth = open_parts.pop()
        if depth > _MOST_NESTED:
            raise QueryError(text, 0, _TOO_DEEP)
        match part:
            case All(parts) | AnyOf(parts):
                open_parts += [(each, depth + 1) for each in parts]
            case Not(inner):
                open_parts.append((inner, depth + 1))
            case Comparison():
                values += max(1, len(part.values))
    if values > _MOST_VALUES:
        raise QueryError(
            text, 0, f"the filter has {values:,} values, and at most {_MOST_VALUES:,} are allowed: split it"
        )


def has_absolute_times(text: str) -> bool:
    """Return whether a filter means the same on every day: `-2h` and `now` change every second.

    Raises:
        QueryError: It can't be understood.
    """
    return parse_query(text, _ONE_DAY) == parse_query(text, _ANOTHER_DAY)


@cache
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", propagate_positions=True)


class _Reader(Transformer[Token, Any]):
    """Makes the values of a parse tree, innermost first."""

    def __init__(self, text: str, now: datetime) -> None:
        super().__init__()
        self._text, self._now = text, now

    def either(self, parts: list[Any]) -> AnyOf:
        return AnyOf(tuple(parts))

    def both(self, parts: list[Any]) -> All:
        return All(tuple(parts))

    def negation(self, parts: list[Any]) -> Not:
        return Not(parts[0])

    def field(self, parts: list[Token]) -> tuple[Token, QueryField, str]:
        token = parts[0]
        key = token.removeprefix(ATTRIBUTE_PREFIX)
        attribute = _unquoted(key) if token.type == "KEY" else key
        if attribute and key != token:
            return token, QueryField(str(token), Kind.TEXT, "", ""), attribute
        if token not in FIELDS:
            close = get_close_matches(token, FIELDS, cutoff=0.5)
            hint = f"did you mean {' or '.join(close)}?" if close else "an attribute is attributes.KEY"
            raise self._wrong(token, f"there is no field {quoted(str(token))}: {hint}")
        return token, FIELDS[token], ""

    def word(self, parts: list[Token]) -> Token:
        token = parts[0]
        if token.type != "QUOTED":
            return token
        return Token.new_borrow_pos("WORD", _unquoted(token), token)

    def compare(self, parts: list[Any]) -> Comparison:
        (name, field, attribute), operator, word = parts
        textual = field.kind not in _ORDERED and field.kind is not Kind.FLAG
        if operator in {"<", "<=", ">", ">="} and field.kind not in _ORDERED:
            raise self._wrong(operator, f"{name} has no order: compare it with =, !=, ~ or :")
        if operator in {"~", ":"} and (not textual or field.kind is Kind.RESOURCE):
            raise self._wrong(operator, f"{name} is not a text: compare it with = or !=")
        if operator in {"=", "!="}:
            self._refuse_day(field, word)
        value = str(word) if operator in {"~", ":"} else self._value(field, word)
        return Comparison(field, str(operator), (value,), attribute)

    def among(self, parts: list[Any]) -> Comparison:
        (_, field, attribute), *words = parts
        for word in words:
            self._refuse_day(field, word)
        return Comparison(field, "=", tuple(self._value(field, word) for word in words), attribute)

    def exists(self, parts: list[Any]) -> Comparison:
        ((_, field, attribute),) = parts
        return Comparison(field, "exists", (), attribute)

    def _value(self, field: QueryField, word: Token) -> Value:
        readers: dict[Kind, Callable[[Token], Value]] = {
            Kind.NUMBER: self._number,
            Kind.FLAG: self._flag,
            Kind.CODE: lambda token: self._code(field, token),
            Kind.TIME_MS: self._milliseconds,
            Kind.TIME_US: self._time,
            Kind.RESOURCE: self._resource,
        }
        read = readers.get(field.kind, str)
        return read(word)

    def _number(self, word: Token) -> int:
        if not _NUMBER.fullmatch(word):
            raise self._wrong(word, "a whole number belongs here")
        if len(word) > _LONGEST_NUMBER or abs(int(word)) >= 1 << 63:
            raise self._wrong(word, "the number is too large")
        return int(word)

    def _code(self, field: QueryField, word: Token) -> str:
        found = [each for each in field.words if each.lower() == word.lower()]
        if not found:
            raise self._wrong(word, f"{field.name} has no such value: it is one of {', '.join(field.words)}")
        return str(found[0])

    def _flag(self, word: Token) -> bool:
        if word.lower() not in {"true", "false"}:
            raise self._wrong(word, "true or false belongs here")
        return word.lower() == "true"

    def _resource(self, word: Token) -> str:
        if "/" not in word:
            raise self._wrong(word, "type/id belongs here; resource.type and resource.id take one of them")
        return str(word)

    def _refuse_day(self, field: QueryField, word: Token) -> None:
        """Refuse a day where only its first moment would match.

        Raises:
            QueryError: It is one.
        """
        if field.kind in {Kind.TIME_MS, Kind.TIME_US} and _DAY.fullmatch(word):
            raise self._wrong(word, f"a day is its first moment alone: compare {field.name} with >= it and < the next")

    def _milliseconds(self, word: Token) -> int:
        """Return a broker's time: in ms, so that a finer one would be another one.

        Raises:
            QueryError: It is no time, or a finer one.
        """
        milliseconds, rest = divmod(self._time(word), 1000)
        if rest and not _AGO.fullmatch(word) and word != "now":
            raise self._wrong(
                word, "the broker's times have milliseconds at most: leave the digits after the third out"
            )
        return milliseconds

    def _time(self, word: Token) -> int:
        """Return µs since the epoch of `2026-03-01`, `2026-03-01T12:00:00Z`, `now`, `-90m`, …."""
        try:
            if word == "now":
                at = self._now
            elif ago := _AGO.fullmatch(word):
                at = self._now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
            elif _FINE.search(word):
                raise self._wrong(word, "times have microseconds: leave the digits after the sixth out")
            else:
                at = datetime.fromisoformat(word)
                at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
        except (ValueError, OverflowError) as error:
            problem = "a time belongs here: 2026-03-01, 2026-03-01T12:00:00Z, now, or -2h (s, m, h, d, w ago)"
            raise self._wrong(word, problem) from error
        return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)

    def _wrong(self, token: Token, problem: str) -> QueryError:
        return QueryError(self._text, token.start_pos or 0, problem)


def _unquoted(text: str) -> str:
    """Return what quotes hold."""
    return re.sub(r'\\(["\\])', r"\1", text[1:-1])
