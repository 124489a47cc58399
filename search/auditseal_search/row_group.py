"""The rows of one row group of a Parquet file while they come, in memory once."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

ROW_GROUP = 100_000
"""Rows of a row group, whatever the blocks' size: a quiet log has few records a block."""
GROUP_BYTES = 64 << 20
"""Bytes of values at which a row group closes before that, so that it fits in memory."""
_BATCH = 1024
"""Rows that the writer takes at once (its write_batch_size), so that chunks of them don't change its pages."""
_CHUNK = 8 * _BATCH


class RowGroup:
    """Takes rows until it is full. The bytes that are written follow from the rows alone, however they came.

    Attributes:
        rows: How many rows it has.
    """

    def __init__(self) -> None:
        self.rows = 0
        self._bytes = 0
        self._chunks: list[pa.Table] = []
        self._loose: list[pa.Table] = []
        self._loose_rows = 0

    @property
    def is_full(self) -> bool:
        """Whether the next row belongs to another group."""
        return self.rows >= ROW_GROUP or self._bytes >= GROUP_BYTES

    def take(self, rows: pa.Table) -> pa.Table:
        """Add those of the rows, at least one, that belong to this group, and return the others."""
        total = self._bytes + np.cumsum(np.asarray(pc.fill_null(rows["value_bytes"], 0)))
        count = min(ROW_GROUP - self.rows, int(np.searchsorted(total, GROUP_BYTES)) + 1, len(total))
        self.rows += count
        self._bytes = int(total[count - 1])
        self._loose.append(rows.slice(0, count))
        self._loose_rows += count
        if self._loose_rows >= _CHUNK:
            self._make_chunk(self._loose_rows // _BATCH * _BATCH)
        return rows.slice(count)

    def _make_chunk(self, count: int) -> None:
        """Copy rows into a chunk, so that the tables that they came in are freed."""
        loose = pa.concat_tables(self._loose)
        rest = loose.slice(count).combine_chunks()
        self._chunks.append(loose.slice(0, count).combine_chunks())
        self._loose, self._loose_rows = [rest], len(rest)

    def table(self) -> pa.Table:
        """Return all rows."""
        if self._loose_rows:
            self._make_chunk(self._loose_rows)
        return pa.concat_tables(self._chunks)
