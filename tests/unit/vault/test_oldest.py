"""The version that counts at each height, found among other versions, markers and foreign names by few listings."""

import math
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditseal_schemas.errors import AuditsealError, UnavailableError
from auditseal_schemas.halt import HaltError
from auditseal_vault.directory import DirectoryVault
from auditseal_vault.errors import NotStoredError
from auditseal_vault.log_reader import LogReader
from auditseal_vault.oldest import oldest_version, oldest_versions
from tests.factory.vaults import ORIGINS, MemoryVault, Version

LOG = ORIGINS[0]


class Counting(MemoryVault):
    """Counts its listings, and keeps to their limits."""

    listings = 0

    def versions(self, prefix: str, after: str = "", limit: int | None = None):  # type: ignore[no-untyped-def]
        self.listings += 1
        return iter(list(super().versions(prefix, after))[:limit])


def vault_with(entries: dict[int, Sequence[bytes | None]], foreign: Sequence[str] = ()) -> Counting:
    vault = Counting()
    for height, contents in entries.items():
        for data in contents:
            vault.put(LOG.block_key(height), data)
    for name in foreign:
        vault.put(LOG.blocks_prefix + name, b"foreign")
    return vault


def read(vault: MemoryVault, heights: range) -> tuple[list[bytes], AuditsealError | None]:
    """Return what a range has, and the error that ended it."""
    found = []
    try:
        for stored in LogReader(vault, LOG).stored_range(heights):
            assert stored.height == heights[len(found)]
            assert stored.key == LOG.block_key(stored.height)
            found.append(stored.data)
    except AuditsealError as error:
        return found, error
    return found, None


@pytest.mark.parametrize("count", [0, 1, 16, 17, 983, 984, 985, 1000, 2500])
def test_a_range_takes_few_listings(count: int) -> None:
    vault = vault_with({height: [b"%d" % height] for height in range(count + 5)})
    assert read(vault, range(count)) == ([b"%d" % height for height in range(count)], None)
    assert vault.listings == math.ceil(count / 999)  # one key of each full listing is listed again


@pytest.mark.parametrize("more", [0, 1, 15, 16, 17, 60])
def test_the_oldest_of_more_versions_than_a_listing_has(more: int) -> None:
    vault = vault_with({0: [b"0"], 1: [b"1", *[b"newer"] * more], 2: [b"2", None]})
    assert read(vault, range(3)) == ([b"0", b"1", b"2"], None)


def test_a_range_in_the_middle_begins_there() -> None:
    vault = vault_with({height: [b"%d" % height] for height in range(50)})
    assert read(vault, range(20, 30)) == ([b"%d" % height for height in range(20, 30)], None)
    assert read(vault, range(45, 60))[0] == [b"45", b"46", b"47", b"48", b"49"]


@pytest.mark.parametrize("enforces_worm", [True, False])
def test_a_hole_ends_a_range_after_what_is_below_it(enforces_worm: bool) -> None:
    vault = vault_with({height: [b"%d" % height] for height in (0, 1, 3)})
    vault.enforces_worm = enforces_worm
    found, error = read(vault, range(5))
    assert found == [b"0", b"1"]
    assert isinstance(error, NotStoredError)
    assert "no block 2" in str(error)


def test_a_marker_ends_a_range_as_squatted() -> None:
    found, error = read(vault_with({0: [b"0"], 1: [None], 2: [b"2"]}), range(3))
    assert found == [b"0"]
    assert isinstance(error, HaltError)


def test_an_object_that_cannot_be_read_ends_a_range(tmp_path: Path) -> None:
    vault = vault_with({height: [b"%d" % height] for height in range(4)})
    vault.broken = LOG.block_key(2)
    found, error = read(vault, range(4))
    assert found == [b"0", b"1"]
    assert isinstance(error, UnavailableError)
    (tmp_path / LOG.block_key(0)).mkdir(parents=True)
    with pytest.raises(HaltError, match="is a directory and not a file"):
        list(LogReader(DirectoryVault(tmp_path), LOG).stored_range(range(1)))


HEIGHTS = st.dictionaries(
    st.integers(0, 30),
    st.lists(st.sampled_from([b"a", b"b", None]), min_size=1, max_size=40).filter(any),
    max_size=20,
)


@given(HEIGHTS, st.sets(st.sampled_from(["+", "000000000003.avro~", "000000000003.avr", "0", "zz"])), st.data())
def test_any_versions_among_foreign_names(
    entries: dict[int, list[bytes | None]], foreign: set[str], data: st.DataObject
) -> None:
    vault = vault_with(entries, sorted(foreign))
    first = data.draw(st.integers(0, 30))
    heights = range(first, data.draw(st.integers(first, 32)))
    expected = []
    for height in heights:
        if height not in entries:
            break
        expected.append(next(content for content in entries[height] if content is not None))
    found, error = read(vault, heights)
    assert found == expected
    assert (error is None) == (len(expected) == len(heights))


def test_one_key_is_looked_up_in_a_directory_without_listing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = DirectoryVault(tmp_path)
    (tmp_path / LOG.blocks_prefix).mkdir(parents=True)
    for height in range(3):
        (tmp_path / LOG.block_key(height)).write_bytes(b"%d" % height)
    (tmp_path / f"{LOG.block_key(1)}.bak").write_bytes(b"")
    monkeypatch.setattr("auditseal_vault.directory.walk", None)
    entry = oldest_version(vault, LOG.block_key(1))
    assert entry
    assert (entry.key, entry.size) == (LOG.block_key(1), 1)
    assert oldest_version(vault, LOG.block_key(3)) is None
    assert [entry.key for entry in oldest_versions(vault, LOG, range(3))] == [LOG.block_key(h) for h in range(3)]


def test_the_versions_of_a_key_are_its_own() -> None:
    names = [f"v{number}" for number in range(5)]
    vault = MemoryVault()
    vault.objects[LOG.block_key(0)] = [Version(name, name.encode(), None) for name in names]
    vault.put(f"{LOG.block_key(0)}.bak", b"")
    entry = oldest_version(vault, LOG.block_key(0))
    assert entry
    assert entry.version_id == "v0"
