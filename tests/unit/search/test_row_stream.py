"""Rows are streamed: the vault's next blocks are read once the rows of the ones before were taken."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from auditseal.cli.querying import stream_rows
from auditseal_schemas.errors import UnavailableError
from auditseal_search import range_pool
from auditseal_search.answer import Grade
from auditseal_search.export import Format
from auditseal_search.query import parse_query
from auditseal_vault.directory import DirectoryVault
from tests.unit.search.test_search_command import BLOCKS, LOG, SIZES, VALUES, Place

ALL = parse_query("", datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.put(BLOCKS)
    return place


@pytest.fixture
def read_keys(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The keys of objects that were read."""
    keys, read = list[str](), DirectoryVault.read

    def noted(self: DirectoryVault, key: str, version_id: str) -> bytes:
        keys.append(key)
        return read(self, key, version_id)

    monkeypatch.setattr(DirectoryVault, "read", noted)
    monkeypatch.setattr(range_pool, "_MANY_BLOCKS", 1)
    return keys


def test_a_block_is_read_after_the_rows_of_the_one_before_it_were_taken(place: Place, read_keys: list[str]) -> None:
    with stream_rows(ALL, place.trust, place.vault.as_uri(), None) as rows:
        batches = rows.read()
        for height, size in enumerate(SIZES):
            assert sum(batch.num_rows for batch in (next(batches),)) == size
            assert LOG.block_key(height) in read_keys
            assert not {LOG.block_key(later) for later in range(height + 1, len(SIZES) - 1)} & set(read_keys)
        assert list(batches) == []
        assert (rows.account.grade, rows.account.logs[0].read) == (Grade.COMPLETE, len(SIZES))


def test_a_wrong_block_ends_an_export_after_the_rows_before_it(place: Place) -> None:
    path = place.vault / LOG.block_key(3)
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    done = place.run("export", "", index=False)
    assert done.exit_code >= 10
    assert len(done.stdout.splitlines()) == sum(SIZES[:3])
    assert "PARTIAL" in done.stderr


def test_a_block_of_another_history_ends_it_too(place: Place) -> None:
    """Each block holds by itself, and only their order shows that one is left out."""
    for height in (2, 3):
        (place.vault / LOG.block_key(height)).unlink()
    place.put([BLOCKS[2]])
    (place.vault / LOG.block_key(3)).write_bytes(BLOCKS[4].format())
    (place.vault / LOG.block_key(4)).unlink()
    done = place.run("export", "", index=False)
    assert done.exit_code >= 10
    assert {json.loads(line)["height"] for line in done.stdout.splitlines()} == {0, 1, 2}


def test_an_account_is_not_given_before_everything_was_read(place: Place) -> None:
    with stream_rows(ALL, place.trust, place.vault.as_uri(), None) as rows:
        next(rows.read())
        with pytest.raises(AssertionError, match="were not read"):
            rows.account  # noqa: B018  (reading it is the test)


@pytest.mark.parametrize("indexed", [0, 2, 5])
def test_an_export_is_the_same_however_much_of_it_is_in_an_index(place: Place, indexed: int) -> None:
    for block in BLOCKS[indexed:]:
        (place.vault / LOG.block_key(block.header.height)).unlink()
    place.build()
    place.put(BLOCKS)
    done = place.run("export", "", "--format", Format.JSONL.value)
    assert done.exit_code == 0, done.output
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["offset"] for row in rows] == list(range(len(VALUES)))
    assert {row["origin"] for row in rows} == {str(LOG)}


def test_a_store_that_fails_leaves_the_rows_before_it_and_the_heights(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = DirectoryVault.read

    def failing(self: DirectoryVault, key: str, version_id: str) -> bytes:
        if key == LOG.block_key(2):
            raise UnavailableError("the disk was pulled out")
        return read(self, key, version_id)

    monkeypatch.setattr(range_pool, "_MANY_BLOCKS", 1)
    monkeypatch.setattr(DirectoryVault, "read", failing)
    done = place.run("export", "", index=False)
    assert done.exit_code == 4
    assert len(done.stdout.splitlines()) == sum(SIZES[:2])
    assert "heights 2 to 4: the disk was pulled out" in done.stderr
