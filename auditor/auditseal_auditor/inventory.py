"""What a store lists of a log: one slot a key, and what is wrong with how it lies there."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby

from auditseal_schemas.errors import quoted
from auditseal_schemas.origin import Origin
from auditseal_vault.interface import Retention, StoredVersion, VaultReader

_BLOCK_NAME = re.compile(r"blocks/([0-9]{12})\.avro", re.ASCII)
_MOST_VERSIONS = 1_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND, _DAY = timedelta(microseconds=1), 86_400_000_000


@dataclass(frozen=True, slots=True)
class Slot:
    """A key below a log's prefix, with all that was ever put there.

    Attributes:
        key: The key.
        height: The height that it names; None where it is no block's key.
        version_ids: The versions that aren't markers, the oldest first; of more than 1,000 the oldest and the newest.
        versions: How many there are.
        markers: How many delete markers there are.
    """

    key: str
    height: int | None
    version_ids: tuple[str, ...]
    versions: int
    markers: int


def list_slots(reader: VaultReader, origin: Origin) -> Iterator[Slot]:
    """Yield every key of a log, in the order of their bytes: block keys with ascending heights.

    Raises:
        UnavailableError: The store can't be read.
    """
    prefix = f"v1/{origin}/"
    for key, entries in groupby(reader.versions(prefix), key=lambda entry: entry.key):
        match = _BLOCK_NAME.fullmatch(key.removeprefix(prefix))
        yield _slot(key, int(match[1]) if match else None, entries)


def is_begun(reader: VaultReader, log: str) -> bool:
    """Return whether anything was ever put below the prefix of a log of this name.

    Raises:
        UnavailableError: The store can't be read.
    """
    return any(True for _ in reader.versions(f"v1/{log}/", limit=1))


def _slot(key: str, height: int | None, entries: Iterator[StoredVersion]) -> Slot:
    """Fold a key's entries, newest first, without keeping more than a bounded number of them."""
    newest: list[str] = []
    oldest, versions, markers = "", 0, 0
    for entry in entries:
        if entry.is_delete_marker:
            markers += 1
            continue
        versions, oldest = versions + 1, entry.version_id
        if len(newest) < _MOST_VERSIONS:
            newest.append(entry.version_id)
    others = newest[:-1] if versions <= _MOST_VERSIONS else newest
    return Slot(key, height, (oldest, *reversed(others)) if versions else (), versions, markers)


def storage_problems(slot: Slot) -> Iterator[tuple[str, str]]:
    """Yield field and problem of all that the listing of a key shows to be wrong."""
    if slot.height is None:
        yield "key", "nothing but blocks belongs below a log's prefix, and this key is no block's"
        return
    if slot.versions > 1:
        yield "versions", f"{slot.versions} versions lie under one key; what was stored first is what is judged here"
    if slot.markers:
        hidden = "hide what lies there" if slot.versions else "stand where a block should"
        yield "delete_marker", f"{slot.markers} delete marker(s) {hidden}"


def retention_problem(retention: Retention | None, sealed_at: int | None, days: int | None) -> tuple[str, str] | None:
    """Return field and problem of a block's lock, None where it is as it must be.

    Args:
        retention: The lock.
        sealed_at: When the block was sealed, in µs since the epoch; None where it can't be relied on.
        days: The pinned retention; None where the trust file asks for none.
    """
    if retention is None:
        return "retention", "the object has no lock: whoever may delete it can"
    if retention.mode != "COMPLIANCE":
        mode = quoted(retention.mode)
        return "retention.mode", f"the lock is in mode {mode}, which can be lifted; it must be 'COMPLIANCE'"
    if sealed_at is None or days is None:
        return None
    held = (retention.retain_until - _EPOCH) // _MICROSECOND - sealed_at
    if held < days * _DAY:
        until = f"{retention.retain_until:%Y-%m-%d %H:%M:%S %Z}"
        return "retention.until", f"the lock ends {until}, {held // _DAY} whole days after sealing; {days} are demanded"
    return None
