"""One segment's Parquet file while it is written. Its bytes follow from its rows alone, however they came."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from auditseal_schemas.header import Header
from auditseal_search.columns import CHANGE, ROW
from auditseal_search.errors import BrokenIndexError
from auditseal_search.free_memory import release_free_memory
from auditseal_search.manifest import FULL, Segment
from auditseal_search.row_group import ROW_GROUP, RowGroup

_PIECE = 1 << 20
_ROWS = 8 * 1024  # that are read at once
_BLOOMS = ("event_id", "actor_id", "session_id", "correlation_id", "trace_id")
_ENCODINGS = {
    **dict.fromkeys(
        ("height", "index", "offset", "timestamp", "value_bytes", "occurred_at", "stream_sequence"),
        "DELTA_BINARY_PACKED",
    ),
    "event_id": "DELTA_BYTE_ARRAY",  # its first digits are the time
}
_PLAIN = ("session_id", "trace_id", "span_id", "correlation_id", "resources", "granted")  # hardly a value twice
_DICTIONARY = [
    *(field.name for field in ROW if field.name not in {*_ENCODINGS, *_PLAIN} and not pa.types.is_nested(field.type)),
    *(f"resources.list.element.{name}" for name in ("type", "name", "parent")),
    *(f"changes.list.element.{field.name}" for field in CHANGE),
    *(f"attributes.key_value.{name}" for name in ("key", "value")),
]


@dataclass(slots=True)
class Extremes:
    """The least and the greatest value of a column, None before one."""

    least: int | None = None
    greatest: int | None = None

    def take(self, column: pa.ChunkedArray) -> None:
        """Add the values of a column, as numbers."""
        found = pc.min_max(column.cast(pa.int64()))
        low, high = found["min"].as_py(), found["max"].as_py()
        if low is not None:
            self.least = low if self.least is None else min(self.least, low)
            self.greatest = high if self.greatest is None else max(self.greatest, high)


class RowSums:
    """What a manifest says of the rows of a segment.

    Attributes:
        rows: How many.
        problems: How many are not readable events.
        offsets: The first and the last offset, None before a row.
        timestamps: The broker's times in ms since the epoch.
        occurred: The producers' times in µs since the epoch.
    """

    def __init__(self) -> None:
        self.rows = self.problems = 0
        self.offsets: tuple[int, int] | None = None
        self.timestamps, self.occurred = Extremes(), Extremes()

    def take(self, rows: pa.Table) -> None:
        """Add the rows that follow."""
        if not len(rows):
            return
        self.rows += len(rows)
        self.problems += len(rows) - rows["problem"].null_count
        first, last = rows["offset"][0].as_py(), rows["offset"][-1].as_py()
        self.offsets = (self.offsets[0] if self.offsets else first, last)
        self.timestamps.take(rows["timestamp"])
        self.occurred.take(rows["occurred_at"])


class SegmentFile:
    """Takes block after block. A context manager that closes the file."""

    def __init__(self, path: Path) -> None:
        """Begin an empty file."""
        self._path = path
        self._writer = pq.ParquetWriter(
            path,
            ROW,
            compression="zstd",
            compression_level=1,
            use_dictionary=_DICTIONARY,
            column_encoding=_ENCODINGS,
            write_page_index=True,
            bloom_filter_options={name: {"ndv": ROW_GROUP, "fpp": 0.01} for name in _BLOOMS},
        )
        self._group = RowGroup()
        self._blocks = 0
        self._sums = RowSums()
        self._first: tuple[int, int] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    @property
    def is_full(self) -> bool:
        """Whether the next block goes into another segment."""
        return self._sums.rows + self._blocks >= FULL

    def take_block(self, header: Header, rows: pa.Table) -> None:
        """Add a block's rows."""
        if self._first is None:
            self._first = header.height, header.first_offset
        self._blocks += 1
        self._add(rows)

    def take_segment(self, segment: Segment, tables: Iterator[pa.Table]) -> None:
        """Begin with all rows of a segment that isn't full."""
        self._first = segment.first_height, segment.first_offset
        self._blocks = segment.last_height - segment.first_height + 1
        for rows in tables:
            self._add(rows)

    def _add(self, rows: pa.Table) -> None:
        self._sums.take(rows)
        while len(rows):
            rows = self._group.take(rows)
            if self._group.is_full:
                self._write_group()

    def _write_group(self) -> None:
        self._writer.write_table(self._group.table(), row_group_size=ROW_GROUP)
        self._group = RowGroup()
        release_free_memory()

    def close(self, last: Header, root: bytes) -> Segment:
        """Write what waits, and return what the file holds; `last` is the header of its last block."""
        if self._group.rows:
            self._write_group()
        self._writer.close()
        assert self._first is not None
        size, sha256_digits = digest(self._path)
        sums = self._sums
        return Segment(
            first_height=self._first[0],
            last_height=last.height,
            root=root.hex(),
            rows=sums.rows,
            problems=sums.problems,
            first_offset=self._first[1],
            last_offset=last.last_offset,
            min_timestamp=sums.timestamps.least,
            max_timestamp=sums.timestamps.greatest,
            min_occurred_at=sums.occurred.least,
            max_occurred_at=sums.occurred.greatest,
            bytes=size,
            sha256=sha256_digits,
        )


def read_rows(source: Any, what: str) -> Iterator[pa.Table]:
    """Yield the rows of a segment's file in order, some at once: a whole row group twice would take the most memory.

    Raises:
        BrokenIndexError: It is not a Parquet file with the columns of `ROW`.
    """
    try:
        file = pq.ParquetFile(source)
        if not file.schema_arrow.equals(ROW):
            raise BrokenIndexError(f"{what} has other columns than this version writes: build the index again")
        for batch in file.iter_batches(_ROWS):
            yield pa.Table.from_batches([batch])
    except (pa.ArrowException, OSError) as error:
        raise BrokenIndexError(f"{what} is not a whole Parquet file: {error}; build the index again") from error


def digest(path: Path) -> tuple[int, str]:
    """Return the size and the SHA-256 of a file, the latter in hexadecimal digits."""
    found, size = sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            found.update(piece)
            size += len(piece)
    return size, found.hexdigest()
