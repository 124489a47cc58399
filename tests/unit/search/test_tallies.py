"""Counts and bars of gathered columns are those of one query each, however many rows match."""

from collections.abc import Iterator
from datetime import UTC, datetime

import duckdb
import pytest

from auditseal_explorer.auditor import local_auditor
from auditseal_explorer.counting import FACETS
from auditseal_search import searcher as searcher_module
from auditseal_search import tallies as tallies_module
from auditseal_search.query import parse_query
from auditseal_search.searcher import Searcher
from tests.factory.exploring import Exploring
from tests.factory.vaults import MemoryVault, put_log
from tests.unit.explorer.test_app import TRUST
from tests.unit.search.test_search_command import BLOCKS

FILTERS = ["", "outcome = DENIED", "problem exists", "actor = nobody"]


@pytest.fixture(params=FILTERS)
def searcher(request: pytest.FixtureRequest) -> Iterator[Searcher]:
    vault = MemoryVault()
    put_log(vault, BLOCKS)
    sources = Exploring(vault, TRUST).sources
    condition = parse_query(request.param, datetime(2026, 11, 28, tzinfo=UTC))
    with sources.gather(local_auditor(), condition, ()).searcher() as searcher:
        yield searcher


@pytest.mark.parametrize("unit", ["minute", "month"])
@pytest.mark.parametrize("gathered", [0, 100_000])
def test_they_are_those_of_single_queries(
    searcher: Searcher, gathered: int, unit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searcher_module, "_GATHERED", gathered)
    spans = list[tuple[int, int]]()

    def unit_for(start: int, end: int) -> str:
        spans.append((start, end))
        return unit

    tallies = searcher.tallies(FACETS, 6, unit_for)
    assert list(tallies.counts) == list(FACETS)
    for name, counts in tallies.counts.items():
        single = [(value, count) for value, count in searcher.counts_by(name, 7) if value is not None]
        assert list(counts) == single[:6], name
    assert tallies.bars == searcher.histogram(unit)
    assert tallies.total == searcher.count() == sum(count for _, count in tallies.bars)
    times = [start for start, _ in tallies.bars if start is not None]
    assert (tallies.span is None) == (not times)
    if tallies.span:
        assert spans == [tallies.span]
        assert times[0] <= tallies.span[0] <= tallies.span[1]


@pytest.mark.parametrize("gathered", [0, 100_000])
def test_a_long_value_is_cut_where_that_shows(
    searcher: Searcher, gathered: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searcher_module, "_GATHERED", gathered)
    monkeypatch.setattr(tallies_module, "LONGEST", 3)
    counts = searcher.tallies(("action", "resource.type"), 10_000, lambda *_: "minute").counts
    for name, found in counts.items():
        whole = [value for value, _ in searcher.counts_by(name, 10_000) if value is not None]
        assert {value for value, _ in found} == {value[:4] for value in whole}
        assert sum(count for _, count in found) == sum(
            count for value, count in searcher.counts_by(name, 10_000) if value
        )


@pytest.mark.parametrize("unit", ["second", "minute", "hour", "day", "month"])
@pytest.mark.parametrize("time", ["2026-02-28T23:59:59.999Z", "2026-03-01T00:00:00.000Z", "1969-12-31T23:59:59.001Z"])
def test_a_unit_begins_where_the_calendar_says(unit: str, time: str) -> None:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        rows = f"(SELECT TIMESTAMPTZ '{time}' AS \"timestamp\")"
        query = f"SELECT {searcher_module._beginning(unit)}, epoch_ms(date_trunc('{unit}', \"timestamp\")) FROM {rows}"
        ((ours, calendar),) = connection.execute(query).fetchall()
    assert ours == calendar
