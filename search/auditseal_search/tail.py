"""Follows sealed logs in a vault: yields the matches in each new block, verified, as soon as the vault has it."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pyarrow as pa

from auditseal_schemas.errors import UnavailableError, VerificationError
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import PinnedLog
from auditseal_search.answer import Coverage
from auditseal_search.query import Condition
from auditseal_search.range_pool import RangePool
from auditseal_search.row_source import LogRows
from auditseal_search.searcher import Searcher
from auditseal_search.verified_range import ChainCheck
from auditseal_vault.head import head_height

OnProblem = Callable[[Origin, UnavailableError], None]


class LogTail:
    """The new blocks of one log. After a store that was away it continues where it was.

    Args:
        pool: Reads and verifies blocks.
        pinned: The log.
        size: The number of blocks to pass over; None for all that the vault has now.
    """

    def __init__(self, pool: RangePool, pinned: PinnedLog, size: int | None) -> None:
        self._pool, self._pinned = pool, pinned
        if size is None:
            head = head_height(pool.vault, pinned.origin)
            size = 0 if head is None else head + 1
        self._chain = ChainCheck(pool.vault, pinned, size)

    def rows(self) -> Iterator[pa.Table]:
        """Yield the rows of the blocks that came since the last call.

        Raises:
            VerificationError: A block is wrong; the log can't be followed beyond it.
            UnavailableError: The vault can't be read; the next call continues.
        """
        origin = self._pinned.origin
        head = head_height(self._pool.vault, origin)
        if head is None or head < self._chain.height:
            return
        for found in self._pool.ranges(self._chain.height, head, origin):
            for block in found.heads:
                self._chain.accept(block)
            yield found.rows
            if found.fault:
                problem = f"block {found.fault.height} of {origin}: {found.fault.problem}"
                raise VerificationError(found.fault.verdict, "block", problem)


def new_hits(
    tails: Sequence[tuple[PinnedLog, LogTail]], condition: Condition, on_problem: OnProblem
) -> Iterator[dict[str, Any]]:
    """Yield the matches in the blocks that came since the last call, oldest first within each log.

    Args:
        tails: The logs.
        condition: The filter.
        on_problem: Called where the vault can't be read; the next call continues.

    Raises:
        VerificationError: A block is wrong.
    """
    for pinned, tail in tails:
        try:
            for table in tail.rows():
                log = LogRows(pinned.origin, (), (table,), Coverage(pinned.origin, 0, "", 0, 0))
                with Searcher(None, [log], condition) as searcher:
                    yield from searcher.all_hits()
        except UnavailableError as error:
            on_problem(pinned.origin, error)
