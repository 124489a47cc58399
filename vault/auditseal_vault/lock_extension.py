"""Locks of a log's blocks, extended in COMPLIANCE mode and read back: many at once, and as often as it takes.

An extension cannot be undone. A block whose lock lasts long enough is not written to, so a run that was interrupted is
continued by running it again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from auditseal_schemas.origin import Origin
from auditseal_vault.concurrent_calls import answers_in_batches, call_for_each
from auditseal_vault.errors import LockNotExtendedError
from auditseal_vault.interface import Retention, StoredVersion, Vault, VaultReader
from auditseal_vault.oldest import oldest_stored


@dataclass(frozen=True, slots=True)
class BlockLock:
    """The lock of one block.

    Attributes:
        version: The version that counts: the one stored first.
        lock: Its lock; None without one.
    """

    version: StoredVersion
    lock: Retention | None

    def lasts_until(self, until: datetime) -> bool:
        """Return whether this protects the block from everyone until a time."""
        return self.lock is not None and self.lock.lasts_until(until)


def block_locks(vault: VaultReader, origin: Origin) -> Iterator[list[BlockLock]]:
    """Yield the locks of all blocks of a log, in batches in the order of the heights.

    Raises:
        UnavailableError: The store can't be read.
    """
    stored = _oldest_versions(vault, origin)
    for batch in answers_in_batches(lambda version: vault.retention(version.key, version.version_id), stored):
        yield [BlockLock(version, lock) for version, lock in batch]


def extend_locks(vault: Vault, versions: list[StoredVersion], until: datetime) -> None:
    """Lock versions in COMPLIANCE mode until a time, and read each lock back.

    Raises:
        UnavailableError: The store refused, or is unreachable. Some locks may be extended: run it again.
        LockNotExtendedError: The store accepted an extension, and shows another lock.
    """
    call_for_each(lambda version: _extend(vault, version, until), versions)


def _extend(vault: Vault, version: StoredVersion, until: datetime) -> None:
    vault.extend_lock(version.key, version.version_id, until)
    shown = BlockLock(version, vault.retention(version.key, version.version_id))
    if not shown.lasts_until(until):
        lock = f"{shown.lock.mode} until {shown.lock.retain_until}" if shown.lock else "no lock"
        raise LockNotExtendedError(
            f"{version.key}, version {version.version_id}, in {vault.url}: the store accepted a COMPLIANCE lock until"
            f" {until} and shows {lock}. Run auditseal drill against the store"
        )


def _oldest_versions(vault: VaultReader, origin: Origin) -> Iterator[StoredVersion]:
    """Yield the version of each block that was stored first; a listing has the versions of a key from the newest on."""
    for _, entries in groupby(vault.versions(origin.blocks_prefix), key=lambda entry: entry.key):
        if oldest := oldest_stored(entries):
            yield oldest
