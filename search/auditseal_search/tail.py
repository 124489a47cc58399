"""Follows sealed logs in a vault: yields the matches in each new block, verified, as soon as the vault has it."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import PinnedLog
from auditseal_search.answer import Coverage
from auditseal_search.database import Database
from auditseal_search.log_tail import LogTail
from auditseal_search.query import Condition
from auditseal_search.row_source import LogRows
from auditseal_search.searcher import Searcher

OnProblem = Callable[[Origin, UnavailableError], None]


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
    database = Database(None)
    for pinned, tail in tails:
        try:
            for table in tail.rows():
                log = LogRows(pinned.origin, (), (table,), Coverage(pinned.origin, 0, "", 0, 0))
                with Searcher(database, [log], condition) as searcher:
                    yield from searcher.all_hits()
        except UnavailableError as error:
            on_problem(pinned.origin, error)
