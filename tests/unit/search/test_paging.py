"""Pages of an answer hold each match once, in order, whatever the broker's times are and in how many files they are."""

import json
from pathlib import Path

import pytest

from auditseal_schemas.block_draft import BlockDraft, BlockLimits, SourceIdentity
from auditseal_schemas.log import LogState
from auditseal_search import row_group, searcher, segment_file
from auditseal_search.database import Database
from auditseal_search.range_pool import _length_after
from auditseal_search.record_batch import rows_of
from auditseal_search.verified_range import VerifiedRange
from tests.factory.keys import keys_of
from tests.factory.messages import Message
from tests.unit.search.test_search_command import BLOCKS, KEY, LOG, START_MS, VALUES, Place

COUNT = 180
# Forwards, backwards, the same, none at all, and far away: what a broker takes from producers.
TIMES = [
    (START_MS + 1000 * number, START_MS - 1000 * number, START_MS, -1, START_MS + 10**9 + number, 10**17)[number % 6]
    for number in range(COUNT)
]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setattr("auditseal_search.manifest.FULL", 40)
    monkeypatch.setattr(segment_file, "FULL", 40)
    monkeypatch.setattr(row_group, "ROW_GROUP", 16)
    place = Place(tmp_path)
    state, blocks = LogState.genesis(LOG, keys_of(LOG, KEY)), []
    for start in range(0, COUNT, 20):
        draft = BlockDraft(state, BlockLimits())
        draft.extend([Message(n, VALUES[n], b"k", None, TIMES[n]) for n in range(start, start + 20)])
        blocks.append(draft.seal(SourceIdentity("c", "t", 1, 0), [KEY], now=START_MS * 1000, sealer="test/1"))
        state = LogState.after(blocks[-1], state.keys)
    place.put(blocks[:-1])
    assert place.build().exit_code == 0
    assert len(list(place.index.rglob("*.parquet"))) == 4
    place.put(blocks)
    return place


def pages(place: Place, query: str, limit: int, *options: str) -> list[int]:
    seen: list[int] = []
    more: tuple[str, ...] = ()
    while True:
        done = place.run("search", query, "--json", "--limit", str(limit), *options, *more)
        assert done.exit_code == 0, done.output
        answer = json.loads(done.stdout)
        seen += [hit["offset"] for hit in answer["hits"]]
        if len(answer["hits"]) < limit:
            assert answer["next"] is None or not answer["hits"] or len(seen) <= answer["total"]
            assert len(seen) == answer["total"]
            return seen
        more = ("--after", answer["next"])


def in_order(offsets: list[int]) -> list[int]:
    """Oldest first; a time that no calendar has is none, and those come before all."""
    return sorted(offsets, key=lambda n: (-(10**18) if TIMES[n] in {-1, 10**17} else TIMES[n], n))


@pytest.mark.parametrize("limit", [17, 60])
def test_pages_miss_and_repeat_nothing_in_either_order(place: Place, limit: int) -> None:
    every = in_order(list(range(COUNT)))
    assert pages(place, "", limit) == every[::-1]
    assert pages(place, "", limit, "--oldest-first") == every


def test_the_newest_files_are_enough_where_they_hold_a_page(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    places = searcher.Searcher._places

    def counted(self: searcher.Searcher, rows: str, page: object) -> object:
        asked.append(rows.count(".parquet"))
        return places(self, rows, page)  # type: ignore[arg-type]

    monkeypatch.setattr(searcher.Searcher, "_places", counted)
    monkeypatch.setattr(searcher, "_FILES_AT_FIRST", 2)
    newest = place.search("", "--limit", "2")
    assert [hit["offset"] for hit in newest["hits"]] == in_order(list(range(COUNT)))[:-3:-1]  # type: ignore[attr-defined]
    assert asked == [2]


def test_a_run_is_bounded_by_records_and_by_bytes() -> None:
    few = VerifiedRange(tuple(BLOCKS[1:2]), rows_of([]), None)  # 150 records
    assert _length_after(few, 4) == 8
    assert _length_after(few, 400) == 25_000 // 150
    from dataclasses import replace

    head = replace(BLOCKS[1], header=replace(BLOCKS[1].header, size=8 << 20))
    assert _length_after(VerifiedRange((head,), rows_of([]), None), 400) == 2


def test_duckdb_writes_no_bar_of_its_own() -> None:
    from datetime import UTC, datetime

    from auditseal_search.query import parse_query

    with searcher.Searcher(Database(None), [], parse_query("", datetime.now(UTC))) as found:
        setting = found._connection.execute("SELECT current_setting('enable_progress_bar')").fetchone()
    assert setting == (False,)
