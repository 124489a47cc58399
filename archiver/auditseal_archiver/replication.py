"""A log's blocks, copied from one vault into another: each verified before it is written, and compared afterwards.

Blocks are written many at once, so a run that is interrupted may leave holes. The next run begins at the lowest height
that the copy lacks. The heights above it are compared with the original like those that are written.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from auditseal_archiver.errors import NotReplicatedError
from auditseal_archiver.log_state import read_log_state
from auditseal_archiver.retention import lock_end
from auditseal_schemas.block import Block
from auditseal_schemas.log import LogState
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import PinnedLog
from auditseal_schemas.verification import RECORDS, verify
from auditseal_vault.bulk_reader import UntilError
from auditseal_vault.errors import unreadable_is_squatted
from auditseal_vault.interface import NewObject, StoredObject, Vault, VaultReader
from auditseal_vault.log_reader import LogReader, StoredBlock, parse_in_place
from auditseal_vault.oldest import ONE_LISTING, oldest_versions

BATCH = ONE_LISTING
"""Blocks that are written at once and compared together; a run that is interrupted leaves holes among so many.

One listing shows them all: a store such as MinIO reads all names of a log for each listing."""
MOST_BATCH_BYTES = 64 << 20
"""Of a batch; the next one is read meanwhile."""


@dataclass(frozen=True, slots=True)
class Replicated:
    """The result for one log.

    Attributes:
        origin: The log.
        blocks: Blocks of the original, up to its highest one.
        before: Blocks that the copy had from the beginning on; this run did not read them.
        copied: Blocks that this run wrote, or found written, and compared with the original.
    """

    origin: str
    blocks: int
    before: int
    copied: int


@dataclass(frozen=True, slots=True)
class _Copy:
    """A block that is to be in the copy, and the end of its lock."""

    block: Block
    stored: StoredObject
    until: datetime


class Replication:
    """Copies logs.

    Args:
        source: The original.
        target: The copy.
        retention: The least time from now to the end of a lock in the copy; None for the locks of the original alone.
        on_progress: Called with the log, the height after each batch, and the number of blocks.
    """

    def __init__(
        self,
        source: VaultReader,
        target: Vault,
        retention: timedelta | None,
        on_progress: Callable[[Origin, int, int], None] = lambda _origin, _done, _all: None,
    ) -> None:
        self._source, self._target = source, target
        self._retention, self._on_progress = retention, on_progress

    def run(self, log: PinnedLog) -> Replicated:
        """Copy the blocks of a log that the copy lacks.

        Raises:
            NotReplicatedError: A block can't be locked as long as its original, or the copy has another object or more
                blocks.
            VerificationError: A block of the original is not valid; nothing of its batch was written.
            NotStoredError: The original lacks a block below its highest one.
            HaltError: SQUATTED, a key holds a delete marker and no version. NOT_ENCRYPTED, by the copy's store.
            UnavailableError: One of the stores can't be read or written.
        """
        highest = LogReader(self._source, log.origin).exact_height()
        blocks = 0 if highest is None else highest + 1
        first = first_missing(self._target, log.origin)
        if first > blocks:
            problem = f"{self._target.url} has {first} blocks of {log.origin}, and {self._source.url} has {blocks}"
            raise NotReplicatedError(f"{problem}: verify both, auditseal verify --copy names what the original lacks")
        state = read_log_state(self._target, log, below=first)
        for batch in _one_ahead(self._batches(state, first, blocks)):
            self._write(batch)
            self._compare(log.origin, batch)
            self._on_progress(log.origin, batch[-1].block.header.height + 1, blocks)
        return Replicated(str(log.origin), blocks, first, blocks - first)

    def _batches(self, state: LogState, first: int, end: int) -> Iterator[list[_Copy]]:
        """Yield the verified blocks of the original, a bounded number at once."""
        batch, size = list[_Copy](), 0
        heights = range(first, end)
        for height, stored in zip(heights, self._originals(state.origin, heights), strict=True):
            named = StoredBlock(height, stored.key, stored.version_id, stored.data)
            block = parse_in_place(named, state.origin)
            state = state.accept(block)
            verify(block, RECORDS)
            batch.append(_Copy(block, stored, self._until(block, stored)))
            size += len(stored.data)
            if len(batch) >= BATCH or size >= MOST_BATCH_BYTES:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def _originals(self, origin: Origin, heights: range) -> Iterator[StoredObject]:
        versions = UntilError(oldest_versions(self._source, origin, heights))
        with unreadable_is_squatted():
            for outcome in self._source.read_many(versions):
                if not isinstance(outcome, StoredObject):
                    raise outcome
                yield outcome
        if versions.error:
            raise versions.error

    def _until(self, block: Block, stored: StoredObject) -> datetime:
        """Return the end of a block's lock in the copy: that of the original, and no less than the retention."""
        now = datetime.now(UTC)
        ends = [lock_end(block, self._retention, now)] if self._retention else []
        if stored.retention and stored.retention.mode == "COMPLIANCE":
            ends.append(stored.retention.retain_until)
        if not self._target.enforces_worm:
            return max(ends, default=now)
        if not ends or max(ends) <= now:
            problem = f"{stored.key} has no COMPLIANCE lock in {self._source.url} that lasts"
            raise NotReplicatedError(f"{problem}: say with --retention-days how long its copy is to be locked")
        return max(ends)

    def _write(self, batch: list[_Copy]) -> None:
        """Write a batch; a key that exists is an earlier run's, which is compared like ours."""
        with unreadable_is_squatted():
            self._target.put_many([NewObject(copy.stored.key, copy.stored.data, copy.until) for copy in batch])

    def _compare(self, origin: Origin, batch: list[_Copy]) -> None:
        """Read a batch back, its bytes and its locks."""
        heights = range(batch[0].block.header.height, batch[-1].block.header.height + 1)
        found = self._target.read_many(oldest_versions(self._target, origin, heights))
        for copy, outcome in zip(batch, found, strict=True):
            if not isinstance(outcome, StoredObject):
                raise outcome
            where = f"{outcome.key} in {self._target.url}"
            if outcome.data != copy.stored.data:
                problem = f"{where} is not the object of that key in {self._source.url}"
                raise NotReplicatedError(f"{problem}: verify both vaults, and copy into a new one if the first is good")
            lasts = outcome.retention is not None and outcome.retention.lasts_until(copy.until)
            if self._target.enforces_worm and not lasts:
                problem = f"{where} shows the lock {outcome.retention}, and needs COMPLIANCE until {copy.until}"
                raise NotReplicatedError(f"{problem}: extend it with auditseal retention extend")


def _one_ahead(batches: Iterator[list[_Copy]]) -> Iterator[list[_Copy]]:
    """Yield batches. The next one is read and verified while the store writes the one before it."""
    with ThreadPoolExecutor(1, "originals") as ahead:
        following = ahead.submit(next, batches, None)
        while batch := following.result():
            following = ahead.submit(next, batches, None)
            yield batch


def first_missing(vault: VaultReader, origin: Origin) -> int:
    """Return the lowest height of which a vault has no version.

    Raises:
        UnavailableError: The store can't be read.
    """
    height = 0
    for entry in vault.versions(origin.blocks_prefix):
        wanted = origin.block_key(height)
        if entry.key == wanted and not entry.is_delete_marker:
            height += 1
        elif entry.key > wanted:  # those below are further versions, markers and foreign names
            break
    return height
