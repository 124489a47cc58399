"""The rows of an export, file after file of the index, while the index is built on.

A build merges small files into larger ones and removes them. So where a file is gone, the index is read again, and the
export continues at the height where it is. An export whose rows can't all be had breaks off.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pyarrow as pa

from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.origin import Origin
from auditseal_search.answer import Account
from auditseal_search.gathered import Gathered
from auditseal_search.query import All, AnyOf, Comparison
from auditseal_search.query_fields import FIELDS

_MERGES = 20
"""Times that the index is read again for one export."""
_ROWS = 250  # of a batch, which is what is in memory at once


class ExportRows:
    """The rows of one export, for one thread.

    Args:
        found: The rows that can match, up to heads that the filter names.
        gather: Gathers them again.
        total: How many match.
    """

    def __init__(self, found: Gathered, gather: Callable[[], Gathered], total: int) -> None:
        self._found, self._gather, self._total = found, gather, total
        self._next = dict.fromkeys((log.origin for log in found.logs), 0)
        self._rows, self._is_within_file = 0, False

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield all rows that match, a batch at a time.

        Raises:
            UnavailableError: A file of the index can't be read, or other rows match than were counted.
        """
        for _ in range(_MERGES):
            try:
                yield from self._of_files()
                break
            except UnavailableError:
                if not self._is_gathered_again():
                    raise
        yield from self._counted(self._rest().unindexed())
        if self._rows != self._total:
            problem = f"{self._rows:,} events were exported, and {self._total:,} match: the index changed meanwhile"
            raise UnavailableError(f"the export broke off: {problem}: export again")

    def _of_files(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows of the other files."""
        for file, rows in self._rest().by_file():
            for batch in self._counted(rows):
                self._is_within_file = True
                yield batch
            self._is_within_file = False
            (log,) = rows.logs
            self._next[log.origin] = file.heights.stop

    def _counted(self, rows: Gathered) -> Iterator[pa.RecordBatch]:
        if not rows.has_rows:
            return
        with rows.searcher() as searcher:
            for batch in searcher.batches(_ROWS):
                self._rows += len(batch)
                yield batch

    def _rest(self) -> Gathered:
        """Return the rows from the next height of each log on."""
        rest = AnyOf(tuple(_from(origin, height) for origin, height in self._next.items()))
        return replace(self._found, condition=All((self._found.condition, rest)))

    def _is_gathered_again(self) -> bool:
        """Read the index again, and return whether that helps.

        It does not where rows of a file were exported already, where the index has the same files, or where the logs
        are no longer those of the answer.
        """
        before = self._found
        if not self._is_within_file:
            self._found = self._gather()
        return self._found.files != before.files and _claim(self._found.account) == _claim(before.account)


def _from(origin: Origin, height: int) -> All:
    return All((Comparison(FIELDS["origin"], "=", (str(origin),)), Comparison(FIELDS["height"], ">=", (height,))))


def _claim(account: Account) -> list[object]:
    """Return what an answer claims: heads and gaps, wherever the rows are read."""
    return [(log.origin, log.size, log.root, log.gaps) for log in account.logs]
