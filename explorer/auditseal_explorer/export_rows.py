"""The rows of an export, while the index is built on. An export whose rows can't all be had breaks off."""

from collections.abc import Callable, Iterator

import pyarrow as pa

from auditseal_schemas.errors import UnavailableError
from auditseal_search.answer import Account
from auditseal_search.gathered import Gathered
from auditseal_search.indexed_rows import IndexedRows

_ROWS = 500  # of a batch, which is what is in memory at once


class ExportRows:
    """The rows of one export, for one thread.

    Args:
        found: The rows that can match, up to heads that the filter names.
        gather: Gathers them again.
        total: How many match.
    """

    def __init__(self, found: Gathered, gather: Callable[[], Gathered], total: int) -> None:
        self._claim, self._gather, self._total = _claim(found.account), gather, total
        self._indexed = IndexedRows(found, self._same_claim, _ROWS)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield all rows that match, a batch at a time.

        Raises:
            UnavailableError: A file of the index can't be read, or other rows match than were counted.
        """
        number = 0
        for batch in self._all():
            number += len(batch)
            yield batch
        if number != self._total:
            problem = f"{number:,} events were exported, and {self._total:,} match: the index changed meanwhile"
            raise UnavailableError(f"the export broke off: {problem}: export again")

    def _all(self) -> Iterator[pa.RecordBatch]:
        yield from self._indexed.batches()
        rows = self._indexed.rest().unindexed()
        if rows.has_rows:
            with rows.searcher() as searcher:
                yield from searcher.batches(_ROWS)

    def _same_claim(self) -> Gathered | None:
        """Return the rows, gathered again; None where the logs are no longer those of the answer."""
        found = self._gather()
        return found if _claim(found.account) == self._claim else None


def _claim(account: Account) -> list[object]:
    """Return what an answer claims: heads and gaps, wherever the rows are read."""
    return [(log.origin, log.size, log.root, log.gaps) for log in account.logs]
