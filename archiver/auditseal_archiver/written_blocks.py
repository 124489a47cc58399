"""The blocks that were just written: that each is the first object at its key is checked for many of them at once.

A conditional write succeeds over a delete marker, so its success doesn't show that the key was free. A listing after
the write shows it. An object that was there before is older than ours, and nothing older can come later.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import structlog

from auditseal_archiver.conflict import BlockName, check_no_marker_first, conflict
from auditseal_archiver.lock_check import LockCheck, WantedLock
from auditseal_schemas.block import Block
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.origin import Origin
from auditseal_vault.interface import StoredVersion, VaultReader
from auditseal_vault.oldest import read_oldest, versions_at

CHECK_SECONDS = 60.0
"""When the check of a written block is due: with a block every five seconds, one listing checks twelve."""
CHECK_BLOCKS = 256
"""The number of written blocks at which their check is due at once; one page of a listing has them all."""


@dataclass(frozen=True, slots=True)
class _Written:
    """A written block without its records: its name, the SHA-256 of the object, its keys, and the lock it must have."""

    name: BlockName
    digest: bytes
    keys: tuple[VerifierKey, ...]
    lock: WantedLock


class WrittenBlocks:
    """The blocks of one log that were written and are not checked yet."""

    def __init__(self, vault: VaultReader, origin: Origin, locks: LockCheck) -> None:
        """Begin without a block; `locks` checks a block at whose key is more than that block."""
        self._vault, self._origin, self._locks = vault, origin, locks
        self._written: list[_Written] = []
        self._due = 0.0
        self._log = structlog.get_logger(__name__)

    def add(self, block: Block, data: bytes, keys: tuple[VerifierKey, ...], lock: WantedLock) -> None:
        """Add the log's next block, which the vault has; `keys` are those that sign blocks at its height."""
        if not self._written:
            self._due = time.monotonic() + CHECK_SECONDS
        self._written.append(_Written(BlockName.of(block), sha256(data).digest(), keys, lock))

    def due_in(self) -> float | None:
        """Return the seconds until the check is due, 0 if it is; None where there is nothing to check."""
        if not self._written:
            return None
        return 0.0 if len(self._written) >= CHECK_BLOCKS else max(0.0, self._due - time.monotonic())

    def check(self) -> None:
        """Check that each block is the first object at its key, by one listing.

        Raises:
            HaltError: FORK or SQUATTED; an older object or an older delete marker is at a key. Further ones as
                `LockCheck.check`.
            UnavailableError: The store can't be read, or doesn't list a block.
        """
        if not self._written:
            return
        heights = range(self._written[0].name.height, self._written[-1].name.height + 1)
        found = versions_at(self._vault, self._origin, heights)
        for written, (key, versions) in zip(self._written, found, strict=True):
            self._check(written, key, versions)
        self.clear()

    def clear(self) -> None:
        """Forget the blocks, which are checked or given up."""
        self._written.clear()

    def _check(self, written: _Written, key: str, versions: Sequence[StoredVersion]) -> None:
        """Check one key by its versions and markers, the newest first."""
        if len(versions) == 1 and not versions[0].is_delete_marker:
            return  # it is ours, which the store accepted and locked
        oldest, stored = read_oldest(self._vault, key, versions)
        if sha256(stored).digest() != written.digest:
            raise conflict((written.keys,), written.name, stored)
        check_no_marker_first(f"{key} in {self._vault.url}", versions)
        self._locks.check(oldest, written.lock)
        self._log.error("a later version hides a block; the version that was locked first counts", key=key)
