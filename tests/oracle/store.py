"""What is wrong with the versions and locks of a store: docs/reference/format.md, section 14, "The store"."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from tests.oracle.reader import Refused, read_block, refuse

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Stored(NamedTuple):
    """One version: its content, None for a delete marker, and its lock, None without a lock."""

    content: bytes | None
    lock: tuple[str, datetime] | None


Listing = Mapping[str, Sequence[Stored]]
"""By key every version and marker, the oldest first."""


def first_contents(listing: Listing) -> dict[str, bytes]:
    """Return what is to be judged of each key: its oldest version that isn't a marker."""
    versions = {key: [one.content for one in entries if one.content is not None] for key, entries in listing.items()}
    return {key: contents[0] for key, contents in versions.items() if contents}


def check_store(listing: Listing, origin: str, first: int = 0) -> None:
    """Check how a log's objects are stored from the height of its first block on, but for how long they are locked.

    Raises:
        Refused: The first fault.
    """
    prefix = f"v1/{origin}/"
    for key, entries in sorted(listing.items()):
        if not key.startswith(prefix):
            continue
        if not re.fullmatch(r"blocks/[0-9]{12}\.avro", key.removeprefix(prefix)):
            refuse("key", "BAD_STORAGE", place=(origin, -1))
        if height_of(key) < first:
            continue
        try:
            check_entries(entries)
        except Refused as refused:
            refused.place = (origin, height_of(key))
            raise


def check_entries(entries: Sequence[Stored]) -> None:
    versions = [one for one in entries if one.content is not None]
    if len(versions) > 1:
        refuse("versions", "BAD_STORAGE")
    if len(versions) < len(entries):
        refuse("delete_marker", "BAD_STORAGE")
    if not versions[0].lock:
        refuse("retention", "BAD_STORAGE")
    if versions[0].lock[0] != "COMPLIANCE":
        refuse("retention.mode", "BAD_STORAGE")


def check_retention(listing: Listing, origin: str, days: int, first: int = 0) -> None:
    """Check how long the blocks of a log are locked, after all of them were verified: only then `sealed_at` counts.

    Raises:
        Refused: The first fault.
    """
    for key, (stored, *_) in sorted(listing.items()):
        if not key.startswith(f"v1/{origin}/") or height_of(key) < first:
            continue
        sealed_at = read_block(stored.content or b"").h["sealed_at"]
        if not stored.lock or stored.lock[1] - EPOCH < timedelta(microseconds=sealed_at, days=days):
            refuse("retention.until", "BAD_STORAGE", place=(origin, height_of(key)))


def height_of(key: str) -> int:
    return int(key[-17:-5])
