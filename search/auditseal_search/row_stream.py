"""All rows of several logs that match, a batch at a time: memory stays flat, with an index and without one."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self

import pyarrow as pa

from auditseal_search.answer import Account, Coverage
from auditseal_search.database import Database
from auditseal_search.query import Condition
from auditseal_search.row_source import LogReading, LogRows
from auditseal_search.searcher import Searcher


class RowStream:
    """The rows. A context manager, for one thread.

    Args:
        database: Reads the index's files.
        readings: The logs, whose rows of the vault are those that match.
        condition: The filter.
        notes: What the account says besides.
    """

    def __init__(
        self, database: Database, readings: Sequence[LogReading], condition: Condition, notes: tuple[str, ...]
    ) -> None:
        self._readings, self._notes, self._stack = readings, notes, ExitStack()
        indexed = [
            LogRows(one.origin, one.files, (), Coverage(one.origin, 0, "", 0, 0)) for one in readings if one.files
        ]
        self._searcher = self._stack.enter_context(Searcher(database, indexed, condition)) if indexed else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def count_indexed(self) -> int:
        """Return how many rows of the index match."""
        return self._searcher.count() if self._searcher else 0

    def indexed(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows of the index that match, in no order.

        Raises:
            UnavailableError: A file of the index can't be read.
        """
        if self._searcher:
            yield from self._searcher.batches()

    def read(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows that match of the blocks that the index doesn't cover, log after log in their order."""
        for one in self._readings:
            for table in one.tables():
                yield from with_origin(table, str(one.origin)).to_batches()

    @property
    def account(self) -> Account:
        """What the rows account for, which is known once all were taken."""
        return Account(tuple(one.coverage for one in self._readings), self._notes)


def with_origin(rows: pa.Table, origin: str) -> pa.Table:
    """Return rows with the name of their log as the first column."""
    return rows.add_column(0, "origin", pa.repeat(origin, len(rows)))
