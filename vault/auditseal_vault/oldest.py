"""The version of a key that counts: the one that was stored first, whatever was written over it."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.halt import Halt, HaltError
from auditseal_schemas.origin import Origin
from auditseal_vault.errors import NotStoredError, unreadable_is_squatted
from auditseal_vault.interface import StoredVersion, VaultReader

_MORE = 16  # entries listed beyond one for each height: other versions, and foreign names
_PAGE = 1000
ONE_LISTING = _PAGE - _MORE
"""Heights that a store shows in one listing, unless their keys have other versions."""


def oldest_version(reader: VaultReader, key: str) -> StoredVersion | None:
    """Return the first version that was stored under a key, None where there is none.

    Raises:
        HaltError: SQUATTED; a delete marker is at the key, and no version; or the key's directory isn't one.
        UnavailableError: The store can't be read.
    """
    with unreadable_is_squatted():
        return oldest_of(reader, key, reader.versions_of(key))


def oldest_versions(reader: VaultReader, origin: Origin, heights: range) -> Iterator[StoredVersion]:
    """Yield the first version that was stored at each height of a log, with few listings however many there are.

    Raises:
        NotStoredError: The vault has no object at the next height.
        HaltError: SQUATTED; as for `oldest_version`.
        UnavailableError: The store can't be read.
    """
    for height, (key, entries) in zip(heights, versions_at(reader, origin, heights), strict=True):
        with unreadable_is_squatted():
            oldest = oldest_of(reader, key, entries)
        if oldest is None:
            raise NotStoredError(f"the vault holds no block {height} of {origin}: {key} is not in {reader.url}")
        yield oldest


def versions_at(reader: VaultReader, origin: Origin, heights: range) -> Iterator[tuple[str, Sequence[StoredVersion]]]:
    """Yield the key of each height with its versions and markers, the newest first, by few listings.

    Raises:
        UnavailableError: The store can't be read.
    """
    return _listed(reader, origin, heights) if reader.enforces_worm else _looked_up(reader, origin, heights)


def oldest_of(reader: VaultReader, key: str, entries: Sequence[StoredVersion]) -> StoredVersion | None:
    """Return the oldest version among the versions and markers of a key, the newest first; None without an entry.

    Raises:
        HaltError: SQUATTED; there are markers only.
    """
    oldest = oldest_stored(entries)
    if entries and oldest is None:
        raise HaltError(Halt.SQUATTED, f"{key} in {reader.url} holds a delete marker and no block: someone was first")
    return oldest


def oldest_stored(entries: Iterable[StoredVersion]) -> StoredVersion | None:
    """Return the oldest version among the entries of a key, the newest first; None where they are markers only."""
    versions = [entry for entry in entries if not entry.is_delete_marker]
    return versions[-1] if versions else None


def must_be_listed(reader: VaultReader, key: str, oldest: StoredVersion | None) -> StoredVersion:
    """Return the oldest version of a key that must hold an object.

    Raises:
        UnavailableError: It is None: the store does not list the key yet.
    """
    if oldest is None:
        raise UnavailableError(f"{key} should be in {reader.url}, and is not listed")
    return oldest


def read_oldest(reader: VaultReader, key: str, entries: Sequence[StoredVersion]) -> tuple[StoredVersion, bytes]:
    """Return the oldest version of a key that must hold an object, and its content; the entries as for `oldest_of`.

    Raises:
        HaltError: SQUATTED; there are markers only, or the version has no content.
        UnavailableError: The store does not list the key yet, or can't be read.
    """
    with unreadable_is_squatted():
        oldest = must_be_listed(reader, key, oldest_of(reader, key, entries))
        return oldest, reader.read(key, oldest.version_id)


def _looked_up(reader: VaultReader, origin: Origin, heights: range) -> Iterator[tuple[str, Sequence[StoredVersion]]]:
    """Yield the key of each height with its entries; a directory looks up one key at once, and lists slowly."""
    for key in map(origin.block_key, heights):
        yield key, reader.versions_of(key)


def _listed(reader: VaultReader, origin: Origin, heights: range) -> Iterator[tuple[str, Sequence[StoredVersion]]]:
    """Yield the key of each height with its entries, passing over all other keys."""
    wanted = deque(map(origin.block_key, heights))
    for key, group in groupby(_entries(reader, origin, heights), key=lambda entry: entry.key):
        while wanted and wanted[0] < key:
            yield wanted.popleft(), ()
        if wanted and wanted[0] == key:
            yield wanted.popleft(), tuple(group)
    for key in wanted:
        yield key, ()


def _entries(reader: VaultReader, origin: Origin, heights: range) -> Iterator[StoredVersion]:
    """Yield what the store lists from the first height to the last, or further, each key with all of its entries."""
    if not heights:
        return
    last = origin.block_key(heights[-1])
    after = origin.block_key(heights[0] - 1) if heights[0] else ""
    while after < last:
        limit = min(_PAGE, len(heights) + _MORE)
        entries = list(reader.versions(origin.blocks_prefix, after, limit))
        if len(entries) < limit:
            yield from entries
            return
        cut = entries[-1].key  # it may have more entries than were listed
        whole = [entry for entry in entries if entry.key != cut]
        yield from whole or reader.versions_of(cut)
        after = whole[-1].key if whole else cut
