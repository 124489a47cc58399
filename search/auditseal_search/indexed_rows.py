"""The rows of an answer in the files of an index, file after file, while the index is built on.

A build merges small files into larger ones and removes them. So where a file is gone, the index is read again, and the
rows continue at the height where they are.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pyarrow as pa

from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.origin import Origin
from auditseal_search.answering import MERGES
from auditseal_search.gathered import Gathered
from auditseal_search.query import All, AnyOf, Comparison
from auditseal_search.query_fields import FIELDS


class IndexedRows:
    """The rows, for one thread.

    Args:
        found: The rows that can match.
        gather: Gathers them again; None where the rows that were taken would not go with those.
        rows: The rows of a batch.

    Attributes:
        heights: The height of each log at which the rows continue.
    """

    def __init__(self, found: Gathered, gather: Callable[[], Gathered | None], rows: int) -> None:
        self._found, self._gather, self._batch = found, gather, rows
        self.heights = dict.fromkeys((log.origin for log in found.logs), 0)
        self._is_within_file = False

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield all rows of the files that match, a batch at a time.

        Raises:
            UnavailableError: A file can't be read, and that it was merged into another does not explain it.
        """
        for _ in range(MERGES):
            try:
                yield from self._of_files()
            except UnavailableError:
                if not self._is_gathered_again():
                    raise
            else:
                return
        yield from self._of_files()

    def rest(self) -> Gathered:
        """Return the rows from the next height of each log on."""
        rest = AnyOf(tuple(_from(origin, height) for origin, height in self.heights.items()))
        return replace(self._found, condition=All((self._found.condition, rest)))

    def _of_files(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows of the other files."""
        for file, rows in self.rest().by_file():
            with rows.searcher() as searcher:
                for batch in searcher.batches(self._batch):
                    self._is_within_file = True
                    yield batch
            self._is_within_file = False
            (log,) = rows.logs
            self.heights[log.origin] = file.heights.stop

    def _is_gathered_again(self) -> bool:
        """Read the index again, and return whether that helps.

        It does not where rows of a file were taken already, or where the index has the same files.
        """
        found = None if self._is_within_file else self._gather()
        if found is None or found.files == self._found.files:
            return False
        self._found = found
        return True


def _from(origin: Origin, height: int) -> All:
    return All((Comparison(FIELDS["origin"], "=", (str(origin),)), Comparison(FIELDS["height"], ">=", (height,))))
