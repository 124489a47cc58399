"""Answers while the index is built on: a build replaces the last file between the plan of an answer and its reading."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from auditseal.cli.hold_selection import held_by_filter
from auditseal.cli.querying import stream_rows
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.event_codec import decode_event
from auditseal_schemas.trust import PinnedLog
from auditseal_search import row_source
from auditseal_search.index_store import IndexStore
from auditseal_search.manifest import Manifest
from auditseal_search.query import parse_query
from auditseal_vault.directory import DirectoryVault
from tests.unit.search.test_search_command import BLOCKS, LOG, VALUES, Place, small_segments

__all__ = ["small_segments"]
ALL = parse_query("", datetime(2026, 1, 1, tzinfo=UTC))
DENIED = "outcome = DENIED"


@pytest.fixture
def place(tmp_path: Path, small_segments: None) -> Place:
    """A vault of which the index lacks two blocks. Its last file is not full, so the next build replaces it."""
    place = Place(tmp_path)
    place.put(BLOCKS[:3])
    assert place.build().exit_code == 0
    place.put(BLOCKS)
    return place


@pytest.fixture
def plans(place: Place, monkeypatch: pytest.MonkeyPatch) -> list[Manifest]:
    """The manifests that answers were planned by. After the first one the index is built on, and a file is gone."""
    plans, plain = list[Manifest](), row_source.read_manifest

    def read(index: IndexStore, pinned: PinnedLog) -> Manifest:
        plans.append(plain(index, pinned))
        if len(plans) == 1:
            before = set(place.index.rglob("*.parquet"))
            assert place.build().exit_code == 0
            assert before - set(place.index.rglob("*.parquet"))
        return plans[-1]

    monkeypatch.setattr(row_source, "read_manifest", read)
    return plans


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["search", "", "--json", "--limit", "1"], f'"total": {len(VALUES)}'),
        (["search", "", "--json", "--count-by", "outcome"], '"value": "DENIED"'),
        (["search", "", "--json", "--per", "day"], f'"count": {len(VALUES)}'),
        (["export"], f'"offset": {len(VALUES) - 1}'),
    ],
)
def test_a_command_answers_from_the_files_of_then(
    place: Place, plans: list[Manifest], words: list[str], said: str
) -> None:
    done = place.run(*words)
    assert done.exit_code == 0, done.output
    assert said in done.stdout
    assert [plan.size for plan in plans] == [3, len(BLOCKS)]


def test_an_event_is_found(place: Place, plans: list[Manifest]) -> None:
    value = VALUES[399]
    assert value
    output = place.vault.with_name("x.tlog-proof")
    done = place.run("prove", "--event-id", decode_event(value).event_id, "-o", str(output))
    assert done.exit_code == 0, done.output
    assert len(plans) == 2


def test_a_case_is_packed(place: Place, plans: list[Manifest], tmp_path: Path) -> None:
    done = place.run("evidence", DENIED, "--case", "17", "-o", str(tmp_path / "17.zip"))
    assert done.exit_code == 0, done.output
    assert re.search(r"17\.html: [1-9][0-9]* events", done.stderr)
    assert len(plans) == 2


def test_blocks_are_selected_for_a_hold(place: Place, plans: list[Manifest]) -> None:
    vault = DirectoryVault(place.vault)
    held = held_by_filter(vault, "offset >= 0", place.trust, place.vault.as_uri(), str(place.index))
    assert set(held[LOG]) == set(range(len(BLOCKS)))
    assert len(plans) == 2


def offsets_of_an_export(place: Place, in_between: Callable[[], object]) -> list[int]:
    """Return what an export has if something happens after the rows of its first file."""
    with stream_rows(ALL, place.trust, place.vault.as_uri(), str(place.index)) as rows:
        batches = rows.indexed()
        offsets = next(batches)["offset"].to_pylist()
        in_between()
        for batch in batches:
            offsets += batch["offset"].to_pylist()
        for batch in rows.read():
            offsets += batch["offset"].to_pylist()
        assert rows.account.logs[0].size == len(BLOCKS)
    return offsets


def test_an_export_goes_on_in_the_file_that_took_the_place_of_others(place: Place) -> None:
    assert sorted(offsets_of_an_export(place, place.build)) == list(range(len(VALUES)))


def test_an_export_of_a_file_that_is_lost_ends_with_an_error(place: Place) -> None:
    def lose() -> None:
        for path in place.index.rglob("*.parquet"):
            path.unlink()

    with pytest.raises(UnavailableError, match="a file of the index can't be read"):
        offsets_of_an_export(place, lose)


def test_an_export_does_not_go_on_in_an_index_that_covers_less(place: Place) -> None:
    """The rows that it has already would come from the vault again."""

    def begin_again() -> None:
        for path in place.index.rglob("*"):
            if path.is_file():
                path.unlink()

    with pytest.raises(UnavailableError, match="a file of the index can't be read"):
        offsets_of_an_export(place, begin_again)


def test_a_search_of_a_file_that_is_lost_ends_with_an_error(place: Place) -> None:
    for path in place.index.rglob("*.parquet"):
        path.unlink()
    done = place.run("search", "", "--json")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "a file of the index can't be read" in done.stderr


def test_an_index_with_nothing_of_a_log_is_told(place: Place, tmp_path: Path) -> None:
    """The answer is right and slow, and nothing else would show that the path is wrong."""
    wrong = str(tmp_path / "inndex")
    for words in (["search", DENIED, "--json"], ["export", DENIED]):
        done = place.run(*words, "--index", wrong, index=False)
        assert done.exit_code == 0, done.output
        assert f"the index {wrong} has nothing of {LOG}" in done.stderr
        assert "auditseal index build" in done.stderr
        assert done.stdout
        assert "has nothing of" not in place.run(*words).stderr
    assert json.loads(place.run("search", "", "--json", "--index", wrong, index=False).stdout)["total"] == len(VALUES)


def test_an_index_of_a_vault_without_blocks_is_not_told(tmp_path: Path) -> None:
    done = Place(tmp_path).run("search", "", "--json")
    assert (done.exit_code, "has nothing of" in done.stderr) == (0, False)
