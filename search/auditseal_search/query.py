"""The filter language: what a user types, parsed into values. docs/reference/search.md describes it.

actor = u-1842 and time >= 2026-03-01 and (action ~ invoice.* or outcome = DENIED)
"""

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
    field: WORD
    word: WORD | QUOTED
    OPERATOR: "!=" | "<=" | ">=" | "=" | "<" | ">" | "~" | ":"
    QUOTED: /"(\\.|[^"\\])*"/
    WORD: /[^\s()"',=!<>~]+/
    %import common.WS
    %ignore WS
"""
_ORDERED = {Kind.NUMBER, Kind.TIME_MS, Kind.TIME_US}
_ONE_DAY, _ANOTHER_DAY = datetime(2000, 1, 1, tzinfo=UTC), datetime(2000, 1, 2, tzinfo=UTC)
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
    """At least one part must hold."""

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
    except UnexpectedInput as error:
        position = error.pos_in_stream if error.pos_in_stream is not None and error.pos_in_stream >= 0 else len(text)
        raise QueryError(text, min(position, len(text)), "the filter can't be understood from here on") from error
    except VisitError as error:
        if isinstance(error.orig_exc, QueryError):
            raise error.orig_exc from error
        raise
    return condition


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
        if token.startswith(ATTRIBUTE_PREFIX) and len(token) > len(ATTRIBUTE_PREFIX):
            return token, QueryField(str(token), Kind.TEXT, "", ""), token[len(ATTRIBUTE_PREFIX) :]
        if token not in FIELDS:
            close = get_close_matches(token, FIELDS, cutoff=0.5)
            hint = f"did you mean {' or '.join(close)}?" if close else "an attribute is attributes.KEY"
            raise self._wrong(token, f"there is no field {quoted(str(token))}: {hint}")
        return token, FIELDS[token], ""

    def word(self, parts: list[Token]) -> Token:
        token = parts[0]
        if token.type != "QUOTED":
            return token
        plain = token[1:-1].replace('\\"', '"').replace("\\\\", "\\")
        return Token.new_borrow_pos("WORD", plain, token)

    def compare(self, parts: list[Any]) -> Comparison:
        (name, field, attribute), operator, word = parts
        textual = field.kind not in _ORDERED and field.kind is not Kind.FLAG
        if operator in {"<", "<=", ">", ">="} and field.kind not in _ORDERED:
            raise self._wrong(operator, f"{name} has no order: compare it with =, !=, ~ or :")
        if operator in {"~", ":"} and (not textual or field.kind is Kind.RESOURCE):
            raise self._wrong(operator, f"{name} is not a text: compare it with = or !=")
        value = str(word) if operator in {"~", ":"} else self._value(field, word)
        return Comparison(field, str(operator), (value,), attribute)

    def among(self, parts: list[Any]) -> Comparison:
        (_, field, attribute), *words = parts
        return Comparison(field, "=", tuple(self._value(field, word) for word in words), attribute)

    def exists(self, parts: list[Any]) -> Comparison:
        ((_, field, attribute),) = parts
        return Comparison(field, "exists", (), attribute)

    def _value(self, field: QueryField, word: Token) -> Value:
        readers: dict[Kind, Callable[[Token], Value]] = {
            Kind.NUMBER: self._number,
            Kind.FLAG: self._flag,
            Kind.CODE: lambda token: token.upper(),
            Kind.TIME_MS: lambda token: self._time(token) // 1000,
            Kind.TIME_US: self._time,
            Kind.RESOURCE: self._resource,
        }
        read = readers.get(field.kind, str)
        return read(word)

    def _number(self, word: Token) -> int:
        try:
            number = int(word)
        except ValueError as error:
            raise self._wrong(word, "a whole number belongs here") from error
        if abs(number) >= 1 << 63:
            raise self._wrong(word, "the number is too large")
        return number

    def _flag(self, word: Token) -> bool:
        if word.lower() not in {"true", "false"}:
            raise self._wrong(word, "true or false belongs here")
        return word.lower() == "true"

    def _resource(self, word: Token) -> str:
        if "/" not in word:
            raise self._wrong(word, "type/id belongs here; resource.type and resource.id take one of them")
        return str(word)

    def _time(self, word: Token) -> int:
        """Return µs since the epoch of `2026-03-01`, `2026-03-01T12:00:00Z`, `now`, `-90m`, …."""
        try:
            if word == "now":
                at = self._now
            elif word.startswith("-") and word[-1:] in _UNITS:
                at = self._now - timedelta(**{_UNITS[word[-1]]: int(word[1:-1])})
            else:
                at = datetime.fromisoformat(word)
                at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
        except (ValueError, OverflowError) as error:
            problem = "a time belongs here: 2026-03-01, 2026-03-01T12:00:00Z, now, or -2h (s, m, h, d, w ago)"
            raise self._wrong(word, problem) from error
        return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)

    def _wrong(self, token: Token, problem: str) -> QueryError:
        return QueryError(self._text, token.start_pos or 0, problem)
