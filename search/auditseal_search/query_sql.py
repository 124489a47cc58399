"""A parsed filter as SQL with parameters. No text of a user's ever becomes part of the SQL."""

import re
from dataclasses import dataclass, field

from auditseal_search.query import All, AnyOf, Comparison, Condition, Not, Value
from auditseal_search.query_fields import Kind

_PLAIN_IN_PATTERNS = frozenset("%_\\")
_LIKE = str.maketrans({"*": "%", "?": "_"} | {sign: f"\\{sign}" for sign in _PLAIN_IN_PATTERNS})


@dataclass(slots=True)
class Sql:
    """A condition in SQL.

    Attributes:
        text: The condition, with `$1`, `$2`, … for its parameters.
        parameters: Their values.
    """

    text: str = ""
    parameters: list[Value] = field(default_factory=list)

    def parameter(self, value: Value) -> str:
        """Add a value and return its placeholder in the text."""
        self.parameters.append(value)
        return f"${len(self.parameters)}"


def literal(text: str) -> str:
    """Return a text of ours, such as the name of a file, as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def to_sql(condition: Condition) -> Sql:
    """Return a condition as SQL on the columns of an index; what is null never matches, except by `not` and `!=`."""
    sql = Sql()
    sql.text = _text(condition, sql)
    return sql


def moment(microseconds: int, sql: Sql) -> str:
    """Return SQL for a time in µs since the epoch. Compared with a column itself, it rules out row groups unread."""
    return f"make_timestamptz({sql.parameter(microseconds)})"


def _text(condition: Condition, sql: Sql) -> str:
    """Return a condition as SQL that is true for the rows that match, and false or null for the others."""
    match condition:
        case All(parts):
            return "(" + " AND ".join(_text(part, sql) for part in parts) + ")" if parts else "true"
        case AnyOf(parts):
            return "(" + " OR ".join(_text(part, sql) for part in parts) + ")" if parts else "false"
        case Not(part):
            return f"(NOT coalesce({_text(part, sql)}, false))"
        case Comparison():
            return _comparison(condition, sql)


def _comparison(comparison: Comparison, sql: Sql) -> str:
    operator, values = comparison.operator, comparison.values
    if operator == "!=":
        return _text(Not(Comparison(comparison.field, "=", values, comparison.attribute)), sql)
    column = _column(comparison, sql)
    if operator == "exists":
        return (
            f"({column} IS NOT NULL)" if comparison.field.kind is not Kind.LIST else f"(coalesce(len({column}), 0) > 0)"
        )
    tests = [_test(comparison.field.kind, column, operator, value, sql) for value in values]
    return "(" + " OR ".join(tests) + ")"


def _column(comparison: Comparison, sql: Sql) -> str:
    if comparison.attribute:
        return f"map_extract_value(attributes, {sql.parameter(comparison.attribute)})"
    return comparison.field.column


def _test(kind: Kind, column: str, operator: str, value: Value, sql: Sql) -> str:
    if kind is Kind.RESOURCE:
        resource_type, _, resource_id = str(value).partition("/")
        type_, id_ = sql.parameter(resource_type), sql.parameter(resource_id)
        return f"len(list_filter({column}, r -> r.type = {type_} AND r.id = {id_})) > 0"
    if kind is Kind.LIST:
        if operator == "=":
            return f"list_contains({column}, {sql.parameter(value)})"
        return f"len(list_filter({column}, one -> {_match('one', operator, str(value), sql)})) > 0"
    if kind in {Kind.TIME_MS, Kind.TIME_US}:
        return f"{column} {operator} {moment(int(value) * (1000 if kind is Kind.TIME_MS else 1), sql)}"
    if operator in {"~", ":"}:
        return _match(column, operator, str(value), sql)
    return f"{column} {operator} {sql.parameter(value)}"


def _match(column: str, operator: str, value: str, sql: Sql) -> str:
    if operator == ":":
        return f"contains(lower({column}), lower({sql.parameter(value)}))"
    is_plain = not _PLAIN_IN_PATTERNS.intersection(value)
    if value.count("*") > 1 and not (is_plain and "?" not in value):
        # LIKE would try each place for each *, and take years for a few of them. RE2 takes time in proportion.
        return f"regexp_full_match({column}, {sql.parameter(_regular(value))}, 's')"
    # Not GLOB, whose ? is a byte, and whose backslash makes the next character plain.
    escape = "" if is_plain else " ESCAPE '\\'"  # which rules out no row groups
    return f"{column} LIKE {sql.parameter(value.translate(_LIKE))}{escape}"


def _regular(pattern: str) -> str:
    """Return a pattern as a regular expression of RE2."""
    return "".join({"*": ".*", "?": "."}.get(char) or re.escape(char) for char in pattern)


def time_bounds(condition: Condition) -> tuple[int | None, int | None]:
    """Return the least and the greatest broker time in ms that a match can have, None for no bound."""
    match condition:
        case Comparison(field=compared, operator=operator, values=values) if compared.name == "time" and values:
            numbers = [int(value) for value in values]
            least, greatest = min(numbers), max(numbers)
            return (
                least if operator in {"=", ">", ">="} else None,
                greatest if operator in {"=", "<", "<="} else None,
            )
        case All(parts):
            bounds = [time_bounds(part) for part in parts]
            lows = [low for low, _ in bounds if low is not None]
            highs = [high for _, high in bounds if high is not None]
            return max(lows, default=None), min(highs, default=None)
        case AnyOf(parts):
            bounds = [time_bounds(part) for part in parts]
            some_lows, some_highs = [low for low, _ in bounds], [high for _, high in bounds]
            return (
                None if None in some_lows else min((low for low in some_lows if low is not None), default=None),
                None if None in some_highs else max((high for high in some_highs if high is not None), default=None),
            )
    return None, None
