"""The rows of a log from some block on, each block verified and in its place; it can continue where it was."""

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from auditseal_schemas.errors import VerificationError
from auditseal_schemas.merkle import EMPTY_ROOT
from auditseal_schemas.trust import PinnedLog
from auditseal_schemas.verdict import Verdict
from auditseal_search.range_pool import RangePool
from auditseal_search.verified_range import ChainCheck
from auditseal_vault.head import head_height


@dataclass(frozen=True, slots=True)
class LogHead:
    """How much of a log was read: its number of blocks, and the root of the tree of their headers."""

    origin: str
    size: int
    root: bytes


class LogTail:
    """Reads the blocks of one log that come after those it has read. After a store that was away it continues.

    Args:
        pool: Reads and verifies blocks.
        pinned: The log.
        size: The number of blocks to pass over; None for all that the vault has now.
    """

    def __init__(self, pool: RangePool, pinned: PinnedLog, size: int | None) -> None:
        self._pool, self._pinned = pool, pinned
        self._began: int | None = None
        if size is None:
            head = head_height(pool.vault, pinned.origin)
            size = 0 if head is None else head + 1
        self._chain = ChainCheck(pool.vault, pinned, size)

    @property
    def head(self) -> LogHead:
        """What was read so far."""
        root = self._chain.root
        if root is None:  # nothing yet, of a log that starts in the middle
            root = self._pinned.start.root if self._pinned.start else EMPTY_ROOT
        return LogHead(str(self._pinned.origin), self._chain.height, root)

    def began(self) -> int | None:
        """Return when the log's first block was sealed, in ms since the epoch; None before that block was read.

        Where the trust file starts the log in the middle, that is the block at its start.

        Raises:
            VerificationError: That block doesn't hold.
            NotStoredError: The vault lacks it.
            UnavailableError: The vault can't be read.
        """
        first = self._pinned.start.height if self._pinned.start else 0
        if self._began is None and self._chain.height > first:
            head = ChainCheck(self._pool.vault, self._pinned, first + 1).head
            assert head is not None
            self._began = head.sealed_at // 1000
        return self._began

    def rows(self, size: int | None = None) -> Iterator[pa.Table]:
        """Yield the rows of the blocks that came since the last call, with the columns that the pool reads.

        Args:
            size: Where to end, as a number of blocks; None for all that the vault has now.

        Raises:
            VerificationError: A block is wrong, so that the log can't be followed beyond it, or the vault has fewer
                blocks than `size`.
            UnavailableError: The vault can't be read; the next call continues.
        """
        origin = self._pinned.origin
        head = head_height(self._pool.vault, origin)
        stored = self._chain.height if head is None else head + 1
        if size is not None and stored < size:
            problem = f"the vault has {stored} blocks of {origin}, and {size} are needed"
            raise VerificationError(Verdict.TRUNCATED, "size", problem)
        last = (stored if size is None else size) - 1
        if last < self._chain.height:
            return
        for found in self._pool.ranges(self._chain.height, last, self._pinned):
            for block in found.heads:
                self._chain.accept(block)
            yield found.rows
            if found.fault:
                problem = f"block {found.fault.height} of {origin}: {found.fault.problem}"
                raise VerificationError(found.fault.verdict, "block", problem)
