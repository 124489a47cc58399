"""Counts that are kept file by file are those of a plain query: for any filter, any reader, any heads, at any time."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import Event, Thread
from types import ModuleType
from typing import Any, TypeAlias

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditseal_explorer import counting, results
from auditseal_explorer import kept as kept_module
from auditseal_explorer.auditor import Auditor, local_auditor
from auditseal_explorer.counting import FACETS, Counting
from auditseal_explorer.counts import VALUES, Counts, Facet
from auditseal_explorer.kept import Kept
from auditseal_explorer.preparation import Preparation
from auditseal_explorer.question import Question
from auditseal_explorer.services import read_services
from auditseal_explorer.timeline import draw, unit_for
from auditseal_schemas.block import Block
from auditseal_schemas.block_draft import BlockDraft, BlockLimits, SourceIdentity
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.log import LogState
from auditseal_schemas.verdict import Verdict
from auditseal_search import encoded_columns, row_group, segment_file
from auditseal_search.database import Database
from auditseal_search.gathered import Gathered
from auditseal_search.index_builder import IndexBuilder
from auditseal_search.index_store import DirectoryStore
from auditseal_search.range_pool import RangePool
from auditseal_search.searcher import Searcher
from auditseal_search.tallies import Tallies, UnitFor
from tests.factory.exploring import Exploring
from tests.factory.keys import keys_of
from tests.factory.messages import Message
from tests.factory.vaults import MemoryVault, put_log
from tests.unit.explorer.test_app import TRUST
from tests.unit.search.test_search_command import KEY, LOG, START_MS
from tests.unit.search.test_search_command import VALUES as RECORDS

NOW = datetime(2026, 11, 28, tzinfo=UTC)
RECORDS_OF_A_BLOCK, BLOCKS_OF_A_VAULT = 20, 10
DAY = 86_400_000
Gather: TypeAlias = Callable[[Searcher, Sequence[str]], Iterator[pa.RecordBatch]]


def time_of(number: int) -> int:
    """Return a record's time. Some blocks have days of their own, where times go back, are far away or missing."""
    block = number // RECORDS_OF_A_BLOCK
    near = START_MS + block * DAY + 1000 * number
    return (near, near - 5000, -1, near, near + 200 * DAY, near)[number % 6] if block % 3 else near


def sealed() -> list[Block]:
    state, blocks = LogState.genesis(LOG, keys_of(LOG, KEY)), list[Block]()
    for height in range(BLOCKS_OF_A_VAULT):
        draft = BlockDraft(state, BlockLimits())
        start = height * RECORDS_OF_A_BLOCK
        numbers = range(start, start + RECORDS_OF_A_BLOCK)
        values = [RECORDS[-2 + number % 2] if number % 37 == 0 else RECORDS[number] for number in numbers]
        draft.extend([Message(n, value, b"k", None, time_of(n)) for n, value in zip(numbers, values, strict=True)])
        blocks.append(draft.seal(SourceIdentity("c", "t", 1, 0), [KEY], now=START_MS * 1000, sealer="test/1"))
        state = LogState.after(blocks[-1], state.keys)
    return blocks


BLOCKS = sealed()


def build(folder: Path, vault: MemoryVault) -> DirectoryStore:
    """Build an index on: two blocks fill a file."""
    index = DirectoryStore(folder)
    with pytest.MonkeyPatch.context() as patch, RangePool(lambda: vault, 1) as pool:
        patch.setattr("auditseal_search.manifest.FULL", 40)
        patch.setattr(segment_file, "FULL", 40)
        patch.setattr(row_group, "ROW_GROUP", 16)
        IndexBuilder(index, pool).build(TRUST.log_of(LOG))
    return index


def exploring(folder: Path, blocks: int = BLOCKS_OF_A_VAULT, indexed: int = 9) -> Exploring:
    """Return an explorer whose index has fewer blocks than the vault, the last ones in a file that is not full."""
    vault = MemoryVault()
    put_log(vault, BLOCKS[:indexed])
    index = build(folder, vault)
    put_log(vault, BLOCKS[:blocks])
    return Exploring(vault, TRUST, index)


@pytest.fixture(scope="module")
def explorer(tmp_path_factory: pytest.TempPathFactory) -> Exploring:
    folder = tmp_path_factory.mktemp("index")
    explorer = exploring(folder)
    assert len(list(folder.rglob("*.parquet"))) == 5
    return explorer


def plain(found: Gathered) -> Counts:
    """Count by one query for each part, over all files at once."""
    with found.searcher() as searcher:
        span = searcher._span()
        unit = unit_for(*span) if span else "second"
        bars = dict(searcher.histogram(unit))
        without = bars.pop(None, 0)
        timed = [(start, number) for start, number in bars.items() if start is not None]
        counts = {
            field: [one for one in searcher.counts_by(field, VALUES + 1) if one[0] is not None] for field in FACETS
        }
        facets = (Facet(field, tuple(values[:VALUES])) for field, values in counts.items() if values)
        return Counts(searcher.count(), draw(unit, timed, without), tuple(facets))


ATOMS = (
    "outcome = DENIED",
    "outcome != SUCCESS",
    "tenant = acorn",
    "tenant in (acorn, birch)",
    "actor ~ u-1*",
    "service : e",
    "resource.type = role",
    "problem exists",
    "time exists",
    "offset < 77",
    f"origin = {LOG}",
    f"origin != {LOG}",
    "origin = other.example/audit.events/0/0",
    "height = 4",
    *(f"height {operator} {height}" for operator in ("<", "<=", ">", ">=") for height in (0, 3, 4, 7)),
    *(f"time {operator} 2026-11-{day}" for operator in ("<", "<=", ">", ">=") for day in (21, 23, 26)),
    "time >= 2026-11-24T00:01:20Z and time < 2026-11-24T00:01:40Z",
)
FILTERS = st.recursive(
    st.sampled_from(("", *ATOMS)).map(lambda text: text or "height >= 0"),
    lambda inner: st.one_of(
        inner.map("not ({})".format),
        st.tuples(inner, inner).map(lambda two: f"({two[0]}) and ({two[1]})"),
        st.tuples(inner, inner).map(lambda two: f"({two[0]}) or ({two[1]})"),
    ),
    max_leaves=4,
)
AUDITORS = st.sampled_from(
    [Auditor("of-all", "test")]
    + [Auditor("ada", "test", frozenset(tenants)) for tenants in (["acorn"], ["birch"], ["acorn", "birch"], ["none"])]
)
HEADS = st.one_of(st.just(()), st.integers(0, BLOCKS_OF_A_VAULT).map(lambda size: ((LOG, size),)))


@settings(max_examples=12, deadline=None)
@given(text=FILTERS, auditor=AUDITORS, heads=HEADS, oldest_first=st.booleans())
def test_an_answer_is_that_of_a_plain_query(
    explorer: Exploring, *, text: str, auditor: Auditor, heads: tuple[()], oldest_first: bool
) -> None:
    question = Question(text, heads, oldest_first=oldest_first)
    found = explorer.sources.gather(auditor, question.condition(NOW), heads)
    answer = results.find(explorer.sources, auditor, question, NOW)
    assert Counts(answer.total, answer.timeline, answer.facets) == plain(found)
    with found.searcher() as searcher:
        assert list(answer.hits) == list(searcher.hits(oldest_first=oldest_first, limit=results.PAGE))
    assert answer.account == found.account
    assert results.find(explorer.sources, auditor, question, NOW) == answer  # of what was kept
    if auditor.tenants is not None:
        assert {hit["tenant"] for hit in answer.hits} <= auditor.tenants


def counted(explorer: Exploring, text: str = "", **more: str) -> Mapping[str, Any]:
    answer = explorer.json("search", q=text, **more)
    return {"total": answer["total"], "facets": answer["facets"], "timeline": answer["timeline"]}


@pytest.fixture
def scans(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of rows of each part that is counted."""
    rows, tallies = list[int](), Searcher.tallies

    def noted(self: Searcher, names: Sequence[str], limit: int, unit_for: UnitFor) -> Tallies:
        rows.append(sum(file.rows for log in self._logs for file in log.files))
        return tallies(self, names, limit, unit_for)

    monkeypatch.setattr(Searcher, "tallies", noted)
    return rows


def test_a_file_is_counted_once_for_a_filter_and_a_reader(tmp_path: Path, scans: list[int]) -> None:
    explorer = exploring(tmp_path)
    first = counted(explorer, "outcome = SUCCESS")
    assert scans == [40, 40, 40, 40, 20, 0]  # the last are those of the vault alone
    scans.clear()
    assert counted(explorer, "outcome = SUCCESS") == first
    assert scans == [0]
    acorn = Auditor("ada", "test", frozenset({"acorn"}))
    own = results.find(explorer.sources, acorn, Question("outcome = SUCCESS"), NOW)
    assert scans == [0, 40, 40, 40, 40, 20, 0]
    assert 0 < own.total < first["total"]


def test_a_link_up_to_a_head_and_a_later_head_share_the_files_below(tmp_path: Path, scans: list[int]) -> None:
    explorer = exploring(tmp_path, blocks=9)
    earlier = counted(explorer, "actor ~ u-*")
    scans.clear()
    pinned = counted(explorer, "actor ~ u-*", as_of=f"{LOG}:5")
    assert scans == [40]  # of blocks 4 and 5, only the former is below the head
    put_log(explorer.vault, BLOCKS)
    build(tmp_path, explorer.vault)
    scans.clear()
    assert counted(explorer, "actor ~ u-*")["total"] > earlier["total"]
    assert scans == [40]  # blocks 8 and 9 are in another file than block 8 was
    assert counted(explorer, "actor ~ u-*", as_of=f"{LOG}:5") == pinned
    assert counted(explorer, "actor ~ u-*", as_of=f"{LOG}:9") == earlier


def test_the_last_days_have_the_same_counts_a_moment_later(tmp_path: Path, scans: list[int]) -> None:
    explorer = exploring(tmp_path, blocks=9)
    first = results.find(explorer.sources, local_auditor(), Question("time >= -5d"), NOW)
    scans.clear()
    later = results.find(explorer.sources, local_auditor(), Question("time >= -5d"), NOW.replace(microsecond=5000))
    assert (first.total, first.facets) == (later.total, later.facets)
    assert len(scans) < 4  # those of files that are in these days from end to end were kept


def test_what_is_kept_does_not_hide_what_is_found_later(tmp_path: Path) -> None:
    explorer = exploring(tmp_path, blocks=9)
    assert "verifying…" in explorer.page().text
    first = explorer.json("search")
    changed = bytearray(BLOCKS[1].format())
    changed[-40] ^= 1
    explorer.vault.replace(LOG.block_key(1), bytes(changed))
    explorer.checker.check()
    page = explorer.page()
    assert "This vault does not hold what was sealed" in page.text
    assert "block 1" in page.text
    del explorer.vault.objects[LOG.block_key(8)]
    shorter = explorer.json("search")
    assert (first["answer"]["grade"], shorter["answer"]["grade"]) == ("complete", "PARTIAL")
    assert shorter["answer"]["exit_code"] == Verdict.TRUNCATED.exit_code


def test_counts_made_at_the_start_are_those_of_the_first_page(tmp_path: Path, scans: list[int]) -> None:
    explorer = exploring(tmp_path, blocks=9)
    acorn = frozenset({"acorn"})
    Preparation(explorer.sources, [None, acorn, None]).prepare()
    assert scans == [40, 40, 40, 40, 20] * 2
    scans.clear()
    everything = explorer.json("search")
    own = results.find(explorer.sources, Auditor("ada", "test", acorn), Question(), NOW)
    assert scans == []
    assert everything["total"] == 9 * RECORDS_OF_A_BLOCK > own.total > 0


def test_an_index_that_cannot_be_read_is_prepared_later(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    explorer = exploring(tmp_path / "index", blocks=9)
    files = {path: path.read_bytes() for path in tmp_path.rglob("*.parquet")}
    for path in files:
        path.unlink()
    caplog.set_level("INFO")
    prepared = Event()

    class Watched(Preparation):
        def prepare(self) -> None:
            try:
                super().prepare()
            except UnavailableError:
                for path, data in files.items():
                    path.write_bytes(data)
                raise
            prepared.set()

    with Watched(explorer.sources, [None], every=0.01):
        assert prepared.wait(60)
    assert "a file of the index can't be read" in caplog.text


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each index is one of many rows."""
    monkeypatch.setattr(counting, "MOST_LISTED", 0)


@settings(max_examples=8, deadline=None)
@given(text=FILTERS, auditor=AUDITORS, heads=HEADS)
def test_encoded_columns_are_counted_as_a_plain_query_does(
    explorer: Exploring, *, text: str, auditor: Auditor, heads: tuple[()]
) -> None:
    found = explorer.sources.gather(auditor, Question(text, heads).condition(NOW), heads)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "MOST_LISTED", 0)
        fresh = Counting(explorer.sources.searching)
        assert len(list(fresh.encode(explorer.sources.indexed(local_auditor())))) == 5
        patch.setattr(counting, "_fields", lambda _: tuple(name for name in FACETS if name != "resource.type"))
        patch.setattr(Searcher, "_gather", only_of_the_vault(Searcher._gather))
        by_query = plain(found)
        facets = tuple(facet for facet in by_query.facets if facet.field != "resource.type")
        assert fresh.of(found).counts == replace(by_query, facets=facets)


def only_of_the_vault(gather: Gather) -> Gather:
    """Return a `_gather` that counts no file of an index."""

    def checked(self: Searcher, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        assert not any(log.files for log in self._logs)
        return gather(self, names)

    return checked


@pytest.mark.usefixtures("large")
def test_files_that_an_index_gets_are_encoded_and_those_that_are_gone_forgotten(
    tmp_path: Path, scans: list[int]
) -> None:
    explorer = exploring(tmp_path, blocks=9)
    preparation, encoded = Preparation(explorer.sources, [None]), explorer.sources.counting._encoded
    preparation.prepare()
    before = dict(encoded)
    assert (scans, len(before)) == ([], 5)
    put_log(explorer.vault, BLOCKS)
    build(tmp_path, explorer.vault)  # blocks 8 and 9 are in another file than block 8 was
    preparation.prepare()
    assert len(before.items() & encoded.items()) == 4
    assert len(encoded) == 5
    assert counted(explorer, "outcome = SUCCESS")["total"] > 0
    assert scans == []


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize(
    ("module", "name", "most"), [(counting, "MOST_ENCODED", 0), (encoded_columns, "MOST_CODES", 3)]
)
def test_a_file_that_is_not_encoded_is_counted_all_the_same(
    explorer: Exploring, monkeypatch: pytest.MonkeyPatch, *, module: ModuleType, name: str, most: int
) -> None:
    monkeypatch.setattr(module, name, most)
    found = explorer.sources.gather(local_auditor(), Question("offset >= 2").condition(NOW), ())
    fresh = Counting(explorer.sources.searching)
    list(fresh.encode(found))
    assert not any(fresh._encoded.values())
    assert fresh.of(found).counts == Counting(explorer.sources.searching).of(found).counts


@pytest.mark.usefixtures("large")
def test_a_disk_that_is_full_ends_the_encoding(explorer: Exploring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoded_columns, "TemporaryFile", partial(open, "/dev/full", "wb"))
    with pytest.raises(UnavailableError, match="a temporary file can't be written: No space left on device"):
        list(Counting(explorer.sources.searching).encode(explorer.sources.indexed(local_auditor())))


def test_duckdb_runs_on_while_an_answer_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    explorer, starts, start = exploring(tmp_path), list[Database](), Database._start

    def noted(self: Database) -> Any:
        starts.append(self)
        return start(self)

    monkeypatch.setattr(Database, "_start", noted)
    counted(explorer, "outcome = SUCCESS")
    counted(explorer, "outcome = DENIED")
    assert len(starts) == 2
    assert starts[0]._root is None


@pytest.mark.parametrize(("name", "most"), [("MOST_VALUES", 2), ("LONGEST", 4)])
def test_a_field_of_many_or_long_values_is_counted_in_all_files(
    explorer: Exploring, monkeypatch: pytest.MonkeyPatch, name: str, most: int
) -> None:
    monkeypatch.setattr(counting, name, most)
    found = explorer.sources.gather(local_auditor(), Question("offset >= 3").condition(NOW), ())
    fresh, by_query = Counting(explorer.sources.searching), plain(found)
    assert fresh.of(found).counts == by_query
    monkeypatch.setattr(Searcher, "counts_by", None)  # counting anew would fail
    assert fresh.of(found).counts == by_query
    with pytest.raises(TypeError):
        Counting(explorer.sources.searching).of(found)


def test_values_of_lists_are_not_counted_among_very_many_rows(
    explorer: Exploring, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "resource.type" in explorer.json("search")["facets"]
    monkeypatch.setattr(counting, "MOST_LISTED", 0)
    facets = explorer.json("search")["facets"]
    assert "resource.type" not in facets
    assert "actor" in facets


def test_services_are_those_of_all_files(explorer: Exploring) -> None:
    for tenants in (None, frozenset({"acorn"})):
        auditor = Auditor("ada", "test", tenants)
        found = explorer.sources.gather(auditor, Question().condition(NOW), ())
        with found.searcher() as searcher:
            latest = [(name, events) for name, events, _ in searcher.latest_by("service")]
        for _ in range(2):
            assert [(one.name, one.events) for one in read_services(explorer.sources, auditor)] == latest


def test_a_value_is_made_once_for_all_who_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, waited = Event(), Event()

    def watched(futures: Iterable[Future[int]], timeout: float | None) -> object:
        waited.set()
        return wait(futures, timeout)

    def make() -> int:
        begun.set()
        assert waited.wait(60)  # until the other one asks
        return 7

    monkeypatch.setattr(kept_module, "wait", watched)
    kept, answers = Kept[int](100, lambda _: 1), list[int]()
    first = Thread(target=lambda: answers.append(kept.of("a", make)))
    first.start()
    assert begun.wait(60)
    answers.append(kept.of("a", lambda: 8))
    first.join()
    assert answers == [7, 7]


def test_a_value_that_could_not_be_made_is_tried_again() -> None:
    kept = Kept[int](100, lambda _: 1)

    def fail() -> int:
        raise UnavailableError("away")

    with pytest.raises(UnavailableError):
        kept.of("a", fail)
    assert kept.of("a", lambda: 3) == kept.of("a", fail) == 3


def test_those_who_wait_are_answered_where_the_size_of_a_value_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    waited_for, kept = Future[int](), Kept[int](100, lambda value: 1 // value)
    monkeypatch.setattr(kept_module, "Future", lambda: waited_for)
    with pytest.raises(ZeroDivisionError):
        kept.of("a", lambda: 0)
    assert isinstance(waited_for.exception(0), ZeroDivisionError)


def test_what_is_kept_is_bounded_and_the_last_used_stays() -> None:
    kept, made = Kept[int](16, lambda value: value), list[str]()

    def ask(key: str, size: int) -> None:
        def make() -> int:
            made.append(key)
            return size

        assert kept.of(key, make) == size

    for key in "abcdefgh" + "a" + "i" + "a" + "b":
        ask(key, 2)
    assert made == [*"abcdefghi", "b"]
    for _ in range(2):
        ask("large", 3)  # more than an eighth
    assert made[-2:] == ["large"] * 2
