"""The highest block of a log in a vault, found by few requests, however many blocks are below it.

`head_height` is exact whatever blocks are missing. A listing of a directory reads all of its names for that. So daemons
ask a directory for some of its keys, by `probed_height`.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache

from auditseal_schemas.limits import MAX_HEIGHT
from auditseal_schemas.origin import Origin
from auditseal_vault.interface import StoredVersion, VaultReader

_BLOCK_NAME = re.compile(r"([0-9]{12})\.avro", re.ASCII)
_STRIDE = 64  # by which a gallop up grows: fewer listings than by doubling
_BACK = 4  # by which one down from a guess grows, whose steps cost less
_TAIL = 1000  # heights that are settled by one listing
_NEAR = 32  # heights below a guess that the first listing has: few, since it is asked for again and again
_PROBE = 4  # entries a listing fetches to find one block
_BEYOND = (*range(2, 64), *(1 << power for power in range(6, 40)))
"""How far above the last block in a row others are asked for: a shorter hole than 64 is found, and each that is not
longer than the row above it, since a power of two is between its length and twice that."""


def head_height(reader: VaultReader, origin: Origin, below: int = MAX_HEIGHT + 1) -> int | None:
    """Return the height of a log's highest stored block below a height, None where there is none.

    It is exact, whatever blocks are missing below it. Foreign names are ignored. Nothing is verified.

    Raises:
        UnavailableError: The store can't be read.
    """
    if reader.enforces_worm:
        return _highest(reader, origin, below)
    return _highest_in_directory(reader, origin, below, stored_height(reader, origin) or 0)


def probed_height(
    reader: VaultReader, origin: Origin, below: int = MAX_HEIGHT + 1, near: int | None = None
) -> int | None:
    """Return what `head_height` does, by as few requests in a directory as in a bucket.

    In a directory it is lower only if 64 blocks in a row are missing, and more than there are in the row above them
    (docs/adr/0033-a-directory-is-asked-for-its-head.md).

    `near` is a guess. In a bucket one listing finds a height from 32 below the guess to some hundreds above it, and a
    second listing finds a lower one. In a directory a block that is stored at the guess is always found.

    Raises:
        UnavailableError: The store can't be read.
    """
    if not reader.enforces_worm:
        return _probed_in_directory(reader, origin, below, near or 0)
    return head_height(reader, origin, below) if near is None else _highest_near(reader, origin, below, near)


def stored_height(reader: VaultReader, origin: Origin, first: int = 0) -> int | None:
    """Return the height of a stored block, None if the block `first` is not stored: the head if no block is missing.

    Keys are asked for and not listed, since listing a directory takes as long as the log is.

    Raises:
        UnavailableError: The store can't be read.
    """

    def is_stored(height: int) -> bool:
        return reader.holds(origin.block_key(height))

    return _last_in_a_row(is_stored, first) if is_stored(first) else None


def _last_in_a_row(is_stored: Callable[[int], bool], first: int) -> int:
    """Return a stored height above which the next is not stored, from a stored one on: by strides, then by halving."""
    low, step = first, _STRIDE
    while is_stored(low + step):
        low, step = low + step, step * _STRIDE
    high = low + step
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if is_stored(middle) else (low, middle)
    return low


def _highest(reader: VaultReader, origin: Origin, below: int) -> int | None:
    """Find the last height: whether any block is above a height only ever turns from yes to no as it grows."""
    low = _first_between(reader, origin, -1, below)
    if low is None:
        return None
    step = _STRIDE
    while (found := _first_between(reader, origin, low + step, below)) is not None:
        low, step = found, step * _STRIDE
    high = low + step
    while high - low > _TAIL:
        middle = (low + high) // 2
        found = _first_between(reader, origin, middle, below)
        low, high = (low, middle) if found is None else (found, high)
    last = _last_of(origin, reader.versions(origin.blocks_prefix, origin.block_key(low)), below)
    return low if last is None else last


def _highest_in_directory(reader: VaultReader, origin: Origin, below: int, hint: int) -> int | None:
    """Find the last height by one listing from a stored block on. Each listing of a directory reads all of its names.

    So only the names above the hint are sorted. Where no block is above it, another listing has all.
    """
    for start in sorted({min(hint, max(below - 1, 0)), 0}, reverse=True):
        after = origin.block_key(start - 1) if start else ""
        last = _last_of(origin, reader.versions(origin.blocks_prefix, after), below)
        if last is not None:
            return last
    return None


def _probed_in_directory(reader: VaultReader, origin: Origin, below: int, near: int) -> int | None:
    """Find the last height by asking for keys; by a listing where an answer shows that a block is missing.

    A key's entry is looked up as a listing shows it, so that also an entry that is not a file is found. Each key is
    asked for once: strides, halving and the look above them meet at some.
    """

    @cache
    def is_stored(height: int) -> bool:
        return height < below and bool(reader.versions_of(origin.block_key(height)))

    last = next(filter(is_stored, (near, 0)), None)
    if last is not None:
        last = _last_in_a_row(is_stored, last)
        if not any(is_stored(last + distance) for distance in _BEYOND):
            return last
    return _highest_in_directory(reader, origin, below, last or 0)


def _highest_near(reader: VaultReader, origin: Origin, below: int, near: int) -> int | None:
    """Find the last height by a listing from somewhat below a guess, or below a better one, to the end."""
    for guess in _guesses(reader, origin, near):
        start = max(0, guess - _NEAR)
        after = origin.block_key(start - 1) if start else ""
        entries = list(reader.versions(origin.blocks_prefix, after, limit=_TAIL))
        last = _last_of(origin, entries, below)
        if len(entries) < _TAIL and (last is not None or not start):
            return last
    return head_height(reader, origin, below)


def _guesses(reader: VaultReader, origin: Origin, near: int) -> Iterator[int]:
    """Yield a guess, and then one from which blocks go down without a gap: to ask for one is quicker than to list."""
    yield near
    high, low = near, near - _NEAR
    while low > 0 and not reader.holds(origin.block_key(low)):
        high, low = low, low - _BACK * (high - low)
    low = max(low, 0)
    while high - low > _NEAR:
        middle = (low + high) // 2
        low, high = (middle, high) if reader.holds(origin.block_key(middle)) else (low, middle)
    yield high


def _last_of(origin: Origin, entries: Iterable[StoredVersion], below: int) -> int | None:
    """Return the highest height below `below` that entries name, None where they name none."""
    heights = (_height_of(origin, entry.key) for entry in entries)
    return max((height for height in heights if height is not None and height < below), default=None)


def _first_between(reader: VaultReader, origin: Origin, height: int, below: int) -> int | None:
    """Return the lowest height that has an object and is above `height`, None where that isn't below `below`."""
    after = origin.block_key(height) if height >= 0 else ""
    while entries := list(reader.versions(origin.blocks_prefix, after, limit=_PROBE)):
        for entry in entries:
            found = _height_of(origin, entry.key)
            if found is not None and found > height:
                return found if found < below else None
        after = entries[-1].key
    return None


def _height_of(origin: Origin, key: str) -> int | None:
    """Return the height that a key names, None if it is not a block's."""
    match = _BLOCK_NAME.fullmatch(key.removeprefix(origin.blocks_prefix))
    return int(match[1]) if match else None
