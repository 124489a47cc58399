"""The filter language: what is refused since a wrong answer would look complete, and patterns by character."""

from datetime import UTC, datetime

import duckdb
import pyarrow as pa
import pytest

from auditseal_search.columns import ROW
from auditseal_search.errors import QueryError
from auditseal_search.query import Comparison, parse_query
from auditseal_search.query_sql import to_sql

NOW = datetime(2026, 3, 2, tzinfo=UTC)
MANY = 1_001


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("outcome = sucess", 10, "outcome has no such value: it is one of SUCCESS, FAILURE, DENIED, UNKNOWN"),
        ("category in (ACCESS, acces)", 21, "category has no such value"),
        ("problem = undecodeable", 10, "problem has no such value: it is one of undecodable, oversize, no value"),
        ("offset = 1_000", 9, "a whole number belongs here"),
        ("offset = ١٢", 9, "a whole number belongs here"),
        ("offset = " + "9" * 5_000, 9, "the number is too large"),
        ("time >= --2h", 8, "a time belongs here"),
        ("time >= -1_0h", 8, "a time belongs here"),
        ("time >= -99999999999h", 8, "a time belongs here"),
        ("time < 2026-03-01T00:00:00.0005Z", 7, "the broker's times have milliseconds"),
        ("occurred < 2026-03-01T00:00:00.1234567Z", 11, "times have microseconds"),
        ("time = 2026-03-01", 7, "a day is its first moment alone"),
        ("occurred in (2026-03-01)", 13, "a day is its first moment alone"),
        ("not " * 2_000 + "actor = a", 0, "the filter is nested more than 100 deep"),
        ("(tenant = a or (action = b and " * 60 + "actor = a" + "))" * 60, 0, "the filter is nested more than 100"),
        (" or ".join(["actor = a"] * MANY), 0, "the filter has 1,001 values"),
        (f"actor in ({','.join(['a'] * MANY)})", 0, "the filter has 1,001 values"),
        ('attributes."" = x', 0, "there is no field"),
    ],
)
def test_what_would_match_something_else_is_refused(text: str, place: int, problem: str) -> None:
    with pytest.raises(QueryError) as refusal:
        parse_query(text, NOW)
    assert refusal.value.problem.startswith(problem)
    assert refusal.value.position == place


def test_the_mark_is_below_the_mistake_in_a_terminal() -> None:
    with pytest.raises(QueryError) as refusal:
        parse_query("actor = 日本 and actr = x", NOW)
    assert str(refusal.value).splitlines()[-1] == "  " + " " * len("actor = ____ and ") + "^"


def test_a_long_filter_is_cut_around_the_mistake() -> None:
    with pytest.raises(QueryError) as refusal:
        parse_query("actor = " + "x" * 10_000 + " and actr = x and actor = " + "y" * 10_000, NOW)
    line, mark = str(refusal.value).splitlines()[1:]
    assert (line[:4], line[-1], len(line) < 300) == ("  …x", "…", True)
    assert line[len(mark) - 1 :].startswith("actr = x")


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("ACME\\*", "ACME\\alice", True),
        ("J?rg", "Jörg", True),
        ("?", "日", True),
        ("??", "日", False),
        ("50%", "50%", True),
        ("50%", "50 of 100", False),
        ("a_c*", "a_cd", True),
        ("a_c*", "abcd", False),
        ("a_?", "a_b", True),
        ("[a-z]*", "abc", False),
        ("[a-z]*", "[a-z]bc", True),
        ("a?b", "a\nb", True),
        ("*", "", True),
        ("", "a", False),
        ("*a?*.b", "xa\n(日.b", True),
        ("*a?*.b", "xay-b", False),
        ("*[%]*_\\*", "x[%]y_\\", True),
        ("*[%]*_\\*", "x%y_\\", False),
        ("*a" * 9 + "?*b", "a" * 2_000, False),
        ("*a_" * 9 + "*b", "a_" * 2_000, False),
        ("*a" * 900 + "*b", "a" * 2_000, False),
    ],
    ids=repr,
)
def test_a_pattern_matches_by_character(pattern: str, text: str, matches: bool) -> None:
    rows = pa.Table.from_pylist([{"actor_id": text}], schema=ROW)
    quoted = pattern.replace("\\", "\\\\")
    sql = to_sql(parse_query(f'actor ~ "{quoted}"', NOW))
    with duckdb.connect() as connection:
        connection.register("rows", rows)
        found = connection.execute(f"SELECT count(*) FROM rows WHERE {sql.text}", sql.parameters).fetchall()
    assert found == [(matches,)]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("attributes.a.b = x", "a.b"),
        ('attributes."a b" = x', "a b"),
        ('attributes."a\\"\\\\b" = x', 'a"\\b'),
        ('attributes."ip=1 (v6)" exists', "ip=1 (v6)"),
    ],
)
def test_a_key_of_an_attribute_may_be_quoted(text: str, key: str) -> None:
    found = parse_query(text, NOW)
    assert isinstance(found, Comparison)
    assert found.attribute == key
