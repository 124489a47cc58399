"""All rows of several logs that match, a batch at a time: memory stays flat, with an index and without one."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self

import pyarrow as pa

from auditseal_schemas.errors import UnavailableError
from auditseal_search.answer import Account, Coverage
from auditseal_search.database import Database
from auditseal_search.gathered import Gathered
from auditseal_search.indexed_rows import IndexedRows
from auditseal_search.query import Condition
from auditseal_search.row_source import LogReading, LogRows

_ROWS = 10_000  # of a batch


class RowStream:
    """The rows. A context manager, for one thread.

    Args:
        database: Reads the index's files.
        read: Reads the manifests: the logs, whose rows of the vault are those that match.
        condition: The filter.
        notes: What the account says besides.
    """

    def __init__(
        self,
        database: Database,
        read: Callable[[], Sequence[LogReading]],
        condition: Condition,
        notes: tuple[str, ...],
    ) -> None:
        self._database, self._read, self._condition, self._notes = database, read, condition, notes
        self._readings, self._stack = read(), ExitStack()
        self._indexed = IndexedRows(self._gathered(), self._read_again, _ROWS)

    def __enter__(self) -> Self:
        self._stack.enter_context(self._database.held())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def count_indexed(self) -> int | None:
        """Return how many rows of the index match; None where that can't be counted while it is built on."""
        rows = self._gathered()
        if not rows.has_rows:
            return 0
        try:
            with rows.searcher() as searcher:
                return searcher.count()
        except UnavailableError:
            return None

    def indexed(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows of the index that match, in no order.

        Raises:
            UnavailableError: A file of the index can't be read.
        """
        yield from self._indexed.batches()

    def read(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows that match of the blocks that the index doesn't cover, log after log in their order."""
        for one in self._readings:
            for table in one.tables():
                yield from with_origin(table, str(one.origin)).to_batches()

    def _gathered(self) -> Gathered:
        """Return the rows of the index's files."""
        logs = [LogRows(one.origin, one.files, (), Coverage(one.origin, 0, "", 0, 0)) for one in self._readings]
        return Gathered(self._database, self._condition, logs, Account(()))

    def _read_again(self) -> Gathered | None:
        """Read the manifests again; None where the index covers less than the rows that were taken."""
        readings = self._read()
        if any(_end(one) < self._indexed.heights[one.origin] for one in readings):
            return None
        self._readings = readings
        return self._gathered()

    @property
    def account(self) -> Account:
        """What the rows account for, which is known once all were taken."""
        return Account(tuple(one.coverage for one in self._readings), self._notes)


def _end(reading: LogReading) -> int:
    """Return the height after those of a log's files, 0 where it has none."""
    return max((file.heights.stop for file in reading.files), default=0)


def with_origin(rows: pa.Table, origin: str) -> pa.Table:
    """Return rows with the name of their log as the first column."""
    return rows.add_column(0, "origin", pa.repeat(origin, len(rows)))
