"""How many requests a head costs, for any number of blocks below it, and which missing blocks change the answer."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.limits import MAX_HEIGHT
from auditseal_schemas.origin import Origin
from auditseal_vault.bulk_reader import read_each
from auditseal_vault.directory import DirectoryVault
from auditseal_vault.head import head_height, probed_height, stored_height
from auditseal_vault.interface import ReadOutcome, StoredVersion
from tests.factory.vaults import read_head
from tests.fuzz.vaults import scripted_store

ORIGIN = Origin("audit.example.com", "audit.events", 3, 0)


class Listing:
    """A bucket's reader of keys alone, which counts its listings."""

    url, enforces_worm = "memory:", True

    def __init__(self, names: Sequence[str]) -> None:
        self.keys = sorted(ORIGIN.blocks_prefix + name for name in names)
        self.listings = self.hints = 0

    def versions(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[StoredVersion]:
        self.listings += 1
        start = bisect_right(self.keys, after)
        found = [key for key in self.keys[start:] if key.startswith(prefix)]
        for key in found[:limit]:
            yield StoredVersion(key, "", is_latest=True, is_delete_marker=False, size=0)

    def holds(self, key: str) -> bool:
        self.hints += 1
        return key in self.keys

    def read(self, key: str, version_id: str = "") -> bytes:
        return key.encode()

    def versions_of(self, key: str) -> Sequence[StoredVersion]:
        return [entry for entry in self.versions(key) if entry.key == key]

    def read_many(self, versions: Iterable[StoredVersion]) -> Iterator[ReadOutcome]:
        return read_each(self, versions)

    def legal_hold(self, key: str, version_id: str) -> bool:
        return False

    def encryption(self, key: str, version_id: str) -> None:
        return None

    def retention(self, key: str, version_id: str) -> None:
        return None


class Folder(Listing):
    """A directory's reader, whose listings read all names however short they are."""

    enforces_worm, lookups = False, 0

    def versions_of(self, key: str) -> Sequence[StoredVersion]:
        self.lookups += 1
        found = bisect_right(self.keys, key)
        return [StoredVersion(key, "", True, False, 0)] if self.keys[max(found - 1, 0) : found] == [key] else []


def block_names(heights: Iterable[int]) -> list[str]:
    return [f"{height:012d}.avro" for height in heights]


@pytest.mark.parametrize("count", [1, 2, 63, 64, 65, 66, 1000, 1064, 1065, 5000, 99_999, 100_000])
def test_few_listings(count: int) -> None:
    listing = Listing(block_names(range(count)))
    assert read_head(listing, ORIGIN) == (count - 1, ORIGIN.block_key(count - 1).encode())
    assert listing.listings <= 17


@pytest.mark.parametrize("count", [1, 2, 63, 64, 65, 66, 1000, 1064, 1065, 5000, 99_999, 100_000])
def test_a_directory_is_listed_once(count: int) -> None:
    folder = Folder(block_names(range(count)))
    assert head_height(folder, ORIGIN) == count - 1
    assert folder.listings == 1
    assert folder.hints <= 40
    folder = Folder(block_names(range(count)) + block_names(range(200_000, 200_003)))
    assert head_height(folder, ORIGIN) == 200_002  # behind a hole
    assert folder.listings == 1
    assert head_height(folder, ORIGIN, below=count // 2) == (count // 2 - 1 if count > 1 else None)


@pytest.mark.parametrize("count", [1, 2, 63, 64, 65, 66, 1000, 1064, 1065, 5000, 99_999, 100_000])
def test_a_directory_is_asked_for_few_keys(count: int) -> None:
    folder = Folder(block_names(range(count)))
    for near in (None, 0, 30, 99_998, 10**11):
        for size in (count, max(count // 2, 1)):
            folder.lookups = 0
            assert probed_height(folder, ORIGIN, size, near) == size - 1
            assert folder.lookups <= 140
    assert folder.listings == 0


@pytest.mark.parametrize("near", [0, 30, 99_935, 99_998, 99_999])
def test_no_key_of_a_directory_is_asked_for_twice(near: int, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, asked, look_up = Folder(block_names(range(100_000))), list[str](), Folder.versions_of

    def watched(folder: Folder, key: str) -> Sequence[StoredVersion]:
        asked.append(key)
        return look_up(folder, key)

    monkeypatch.setattr(Folder, "versions_of", watched)
    assert probed_height(folder, ORIGIN, near=near) == 99_999
    assert len(asked) == len(set(asked))


def test_a_listing_after_a_look_up_begins_where_that_ended() -> None:
    folder = stored(missing=1, above=3)
    assert probed_height(folder, ORIGIN) == 1003
    assert (folder.listings, folder.hints) == (1, 0)


def stored(missing: int, above: int, first: int = 1000) -> Folder:
    """Return a directory of `first` blocks, `missing` missing ones, and blocks above them."""
    return Folder(block_names(range(first)) + block_names(range(first + missing, first + missing + above)))


@pytest.mark.parametrize(("missing", "above"), [(1, 1), (63, 1), (64, 64), (100, 100), (128, 128), (5000, 5000)])
def test_a_directory_s_head_is_found_above_missing_blocks(missing: int, above: int) -> None:
    """Above fewer than 64 at once, and where no more are missing than are above."""
    for first in (1, 2, 64, 65, 999, 1000):
        assert probed_height(stored(missing, above, first), ORIGIN) == first + missing + above - 1


def test_a_directory_s_head_is_lower_where_more_blocks_are_missing_than_are_above() -> None:
    """The price of few requests. Passes over a log take the exact height. A good guess finds it, too."""
    folder = stored(missing=3000, above=40)
    assert probed_height(folder, ORIGIN) == 999
    assert head_height(folder, ORIGIN) == 4039
    for near in (4000, 4039):
        assert probed_height(folder, ORIGIN, near=near) == 4039


def test_a_directory_without_its_first_blocks_is_listed() -> None:
    folder = Folder(block_names(range(500, 900)))
    assert probed_height(folder, ORIGIN) == 899
    assert folder.listings
    assert probed_height(Folder([]), ORIGIN) is None


@pytest.mark.parametrize("kind", ["link", "directory"])
def test_an_entry_that_is_not_a_file_is_found_as_a_listing_finds_it(tmp_path: Path, kind: str) -> None:
    vault, path = DirectoryVault(tmp_path), tmp_path / ORIGIN.block_key(3)
    path.parent.mkdir(parents=True)
    for height in range(3):
        (tmp_path / ORIGIN.block_key(height)).write_bytes(b"x")
    assert probed_height(vault, ORIGIN) == 2
    path.symlink_to("nowhere") if kind == "link" else path.mkdir()
    assert probed_height(vault, ORIGIN) == head_height(vault, ORIGIN) == 3


@pytest.mark.parametrize("ahead", [-900, -1, 0, 1, 32, 33])
def test_a_good_guess_is_answered_at_once(ahead: int) -> None:
    """A listing to find the block, and one for its versions."""
    listing = Listing(block_names(range(5_000)))
    assert read_head(listing, ORIGIN, near=4_999 + ahead) == (4_999, ORIGIN.block_key(4_999).encode())
    assert (listing.listings == 2) == (ahead < 33)


@pytest.mark.parametrize("behind", [33, 34, 160, 1_000, 10_000, 60_000, 99_967, 99_999, 100_000])
@pytest.mark.parametrize("first", [0, 100])
def test_a_guess_far_above_is_mended_by_hints(behind: int, first: int) -> None:
    """One more listing, from the better guess; none where there is nothing, since that listing says so."""
    last = 99_999 - behind
    listing = Listing(block_names(range(first, last + 1)))
    expected = (last, ORIGIN.block_key(last).encode()) if last >= first else None
    assert read_head(listing, ORIGIN, near=99_999) == expected
    assert listing.listings == (3 if expected else 2)
    assert listing.hints <= 20


class Liar(Listing):
    """A store whose hints are random."""

    def __init__(self, names: Sequence[str], seed: int) -> None:
        super().__init__(names)
        self.random = Random(seed)

    def holds(self, key: str) -> bool:
        return self.random.random() < 0.5


@pytest.mark.parametrize("first", [1, 1000, 10**11])
def test_expired_blocks_are_no_obstacle(first: int) -> None:
    listing = Listing(block_names(range(first, first + 3000)))
    assert read_head(listing, ORIGIN) == (first + 2999, ORIGIN.block_key(first + 2999).encode())


FOREIGN = st.sampled_from(
    ["+", "0", "000000000005.avro~", "000000000005.avr", "00000000006.avro", "999999999999x", "z"]
)


@given(st.sets(st.integers(0, 3000) | st.integers(0, 10**12 - 1), max_size=12), st.sets(FOREIGN))
def test_any_set_of_heights_among_foreign_names(heights: set[int], foreign: set[str]) -> None:
    names = [f"{height:012d}.avro" for height in heights] + list(foreign)
    highest = max(heights, default=None)
    expected = None if highest is None else (highest, ORIGIN.block_key(highest).encode())
    assert read_head(Listing(names), ORIGIN) == expected
    assert head_height(Folder(names), ORIGIN) == highest


HOLES = st.lists(st.tuples(st.integers(0, 200), st.integers(1, 200)), min_size=1, max_size=4)


@given(st.integers(1, 200), HOLES, st.sets(FOREIGN), st.none() | st.integers(0, 2000))
def test_a_directory_s_head_above_any_rows_that_are_not_shorter_than_the_holes_below_them(
    first: int, rows: list[tuple[int, int]], foreign: set[str], near: int | None
) -> None:
    heights = list(range(first))
    for missing, above in rows:
        start = heights[-1] + 1 + missing
        heights += range(start, start + (above if missing < 64 else max(missing, above)))
    folder = Folder(block_names(heights) + list(foreign))
    assert probed_height(folder, ORIGIN, near=near) == heights[-1]


@given(
    st.sets(st.integers(0, 3000) | st.integers(0, 10**12 - 1), max_size=12),
    st.sets(FOREIGN),
    st.integers(0, 10**12 - 1) | st.integers(0, 3000),
)
def test_no_guess_and_no_hint_changes_the_answer(heights: set[int], foreign: set[str], near: int) -> None:
    names = [f"{height:012d}.avro" for height in heights] + list(foreign)
    for below in (MAX_HEIGHT + 1, near):
        expected = read_head(Listing(names), ORIGIN, below)
        for guess in {near, *heights}:
            assert read_head(Listing(names), ORIGIN, below, guess) == expected
            assert read_head(Liar(names, guess), ORIGIN, below, guess) == expected
        assert head_height(Folder(names), ORIGIN, below) == (None if expected is None else expected[0])


@given(st.sets(st.integers(0, 3000) | st.integers(0, 10**12 - 1), max_size=12), st.integers(0, 10**12))
def test_the_highest_below_a_height(heights: set[int], below: int) -> None:
    for bound in {below, *heights, *(height + 1 for height in heights)}:
        highest = max((height for height in heights if height < bound), default=None)
        expected = None if highest is None else (highest, ORIGIN.block_key(highest).encode())
        names = [f"{height:012d}.avro" for height in heights]
        assert read_head(Listing(names), ORIGIN, bound) == expected
        assert head_height(Folder(names), ORIGIN, bound) == highest


def test_a_hint_of_a_bucket_is_no_where_listing_is_forbidden() -> None:
    """S3 answers 403 for a missing object if the client may not list."""
    store = scripted_store()
    assert store.answer(b"", 200).holds("v1/key")
    for status in (403, 404):
        assert not store.answer(b"", status).holds("v1/key")
    with pytest.raises(UnavailableError, match="v1/key"):
        store.answer(b"", 500).holds("v1/key")


@pytest.mark.parametrize("count", [1, 2, 63, 64, 65, 66, 4160, 4161, 5000, 99_999])
def test_the_last_stored_height_is_found_without_listing(count: int) -> None:
    vault = Listing(block_names(range(7, 7 + count)))
    assert stored_height(vault, ORIGIN, 7) == 6 + count
    assert vault.listings == 0
    assert vault.hints <= 40
    assert stored_height(vault, ORIGIN, 6) is None


def test_the_stored_height_is_one_below_a_block_that_is_missing() -> None:
    vault = Listing(block_names(range(10)) + block_names(range(35, 40)))
    assert stored_height(vault, ORIGIN) == 9
