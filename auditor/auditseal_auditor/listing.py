"""The logs and keys that a store lists, and what a listing or a lock shows: faults, and logs that are not pinned."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby, islice

from auditseal_schemas.errors import UnavailableError, quoted
from auditseal_schemas.origin import Origin
from auditseal_vault.errors import UnreadableObjectError
from auditseal_vault.interface import Retention, StoredVersion, VaultReader

_BLOCK_NAME = re.compile(r"blocks/([0-9]{12})\.avro", re.ASCII)
_MOST_VERSIONS = 1_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND, _DAY = timedelta(microseconds=1), 86_400_000_000
_ROOT = "v1/"
_PARTS = 4  # of an origin: cluster, topic, partition and run
_MOST_LISTED = 10_000
_MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class ListedKey:
    """A key below a log's prefix, with every version that was ever stored there.

    Attributes:
        key: The key.
        height: The height that it names; None where it is not a block's key.
        version_ids: The versions without delete markers, the oldest first. Of more than 1,000, the oldest and the
            newest.
        versions: How many versions there are.
        markers: How many delete markers there are.
        oldest: The version that is checked; None where there are only delete markers.
    """

    key: str
    height: int | None
    version_ids: tuple[str, ...]
    versions: int
    markers: int
    oldest: StoredVersion | None

    @property
    def block(self) -> StoredVersion | None:
        """The version to read and check; None where no block belongs, or none is."""
        return None if self.height is None else self.oldest


def list_keys(reader: VaultReader, origin: Origin, first: int = 0, end: int | None = None) -> Iterator[ListedKey]:
    """Yield the keys of a log in the order of their bytes: block keys with ascending heights.

    Args:
        reader: The vault.
        origin: The log.
        first: With a height above 0, only the keys after that of the block below it.
        end: With a height, only the keys up to that of the block below it. So ranges that follow each other have
            every key of the log, foreign ones too.

    Raises:
        UnavailableError: The store can't be read.
        UnreadableObjectError: Where the log's directory should be is something else.
    """
    prefix = f"v1/{origin}/"
    last = None if end is None else origin.block_key(end - 1)
    versions = reader.versions(prefix, origin.block_key(first - 1) if first else "")
    for key, entries in groupby(versions, key=lambda entry: entry.key):
        if last is not None and key > last:
            return
        match = _BLOCK_NAME.fullmatch(key.removeprefix(prefix))
        yield _listed(key, int(match[1]) if match else None, entries)


def _listed(key: str, height: int | None, entries: Iterator[StoredVersion]) -> ListedKey:
    """Fold a key's entries, newest first, without keeping more than a bounded number of them."""
    newest: list[str] = []
    oldest: StoredVersion | None = None
    versions = markers = 0
    for entry in entries:
        if entry.is_delete_marker:
            markers += 1
            continue
        versions, oldest = versions + 1, entry
        if len(newest) < _MOST_VERSIONS:
            newest.append(entry.version_id)
    others = newest[:-1] if versions <= _MOST_VERSIONS else newest
    version_ids = (oldest.version_id, *reversed(others)) if oldest else ()
    return ListedKey(key, height, version_ids, versions, markers, oldest)


def storage_problems(listed: ListedKey) -> Iterator[tuple[str, str]]:
    """Yield field and problem of every fault that the listing of a key shows."""
    if listed.height is None:
        yield "key", "only blocks belong below a log's prefix, and this is not a block's key"
        return
    if listed.versions > 1:
        yield "versions", f"the key has {listed.versions} versions; the one that was stored first is checked"
    if listed.markers:
        hidden = "which hide the block" if listed.versions else "and there is no block"
        yield "delete_marker", f"the key has {listed.markers} delete marker(s), {hidden}"


def retention_problem(retention: Retention | None, sealed_at: int | None, days: int | None) -> tuple[str, str] | None:
    """Return field and problem of a block's lock, None where the lock is as it must be.

    Args:
        retention: The lock.
        sealed_at: When the block was sealed, in µs since the epoch; None where no valid signature says so.
        days: The pinned retention; None where the trust file asks for none.
    """
    if retention is None:
        return "retention", "the object has no lock: any user with the right to delete can delete it"
    if retention.mode != "COMPLIANCE":
        mode = quoted(retention.mode)
        return "retention.mode", f"the lock is in mode {mode}, which can be lifted; it must be 'COMPLIANCE'"
    if sealed_at is None or days is None:
        return None
    held = (retention.retain_until - _EPOCH) // _MICROSECOND - sealed_at
    if held < days * _DAY:
        until = f"{retention.retain_until:%Y-%m-%d %H:%M:%S %Z}"
        return "retention.until", f"the lock ends {until}, {held // _DAY} whole days after sealing; {days} are required"
    return None


def unpinned_notices(reader: VaultReader, pinned: Collection[Origin]) -> Iterator[str]:
    """Yield a notice for each other run of a pinned partition, and one for all other logs and objects.

    A store that can't be listed is a notice too.
    """
    partitions = {str(origin).rpartition("/")[0] for origin in pinned}
    known, others = set(map(str, pinned)), 0
    named: list[str] = []
    try:
        for name in islice(listed_logs(reader), _MOST_LISTED):
            if name in known:
                continue
            if name.count("/") == _PARTS - 1 and name.rpartition("/")[0] in partitions:
                yield f"there are objects of {name}, which the trust file doesn't pin: it was not verified"
                continue
            others += 1
            if len(named) < _MOST_NAMED:
                named.append(name)
    except (UnavailableError, UnreadableObjectError) as error:
        yield f"it is not known which logs the vault holds besides the pinned ones: {error}"
    if others:
        more = f" and {others - len(named):,} more" if others > len(named) else ""
        yield f"the vault holds objects that no pinned log has, and they were not verified: {', '.join(named)}{more}"


def listed_logs(reader: VaultReader) -> Iterator[str]:
    """Yield the name of each log that the vault holds objects of, by one short listing a log.

    An object that is too high in the tree to belong to a log is named by its key below `v1/`.

    Raises:
        UnavailableError: The store can't be read.
        UnreadableObjectError: Something other than a directory is on the way.
    """
    after = ""
    while True:
        entry = next(iter(reader.versions(_ROOT, after, limit=1)), None)
        if entry is None:
            return
        parts = entry.key.removeprefix(_ROOT).split("/", _PARTS)
        yield "/".join(parts[:_PARTS])
        # "0" follows "/" in ASCII: no key of this log comes after it, and every key of the next one does.
        after = f"{_ROOT}{'/'.join(parts[:_PARTS])}0" if len(parts) > _PARTS else entry.key
