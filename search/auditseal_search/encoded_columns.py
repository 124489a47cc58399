"""The columns that a page counts, of one file of an index, as numbers in a temporary file.

DuckDB decodes the columns of a Parquet file anew for each filter, which takes most of the time of a page. Here each
value of a column is its number in the list of the column's values, in one or two bytes. Counting those takes little.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO, Any, Self
from weakref import finalize

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from auditseal_schemas.errors import UnavailableError
from auditseal_search.tallies import Tallies, TextCounts, UnitFor, first_counts

MOST_CODES = 1 << 16
"""Different values of a column, none among them, that two bytes number."""
_NO_TIME = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True)
class _Column:
    """One column.

    Attributes:
        values: Its values; the first one is None, which is not a value.
        begin: Where its numbers begin in the temporary file.
        kind: Their type.
    """

    values: Sequence[str | None]
    begin: int
    kind: npt.DTypeLike


class EncodedColumns:
    """The columns of one file. Their temporary file ends with the object.

    Args:
        file: The temporary file: the broker's times in ms since the epoch, and then the numbers of each column.
        rows: The rows of the index's file.
        columns: The columns by the names of their fields.
    """

    def __init__(self, file: IO[bytes], rows: int, columns: Mapping[str, _Column]) -> None:
        self._file, self._rows, self._columns = file, rows, columns
        finalize(self, file.close)

    @classmethod
    def of(cls, batches: Iterable[pa.RecordBatch], rows: int, names: Sequence[str]) -> Self | None:
        """Encode columns. Return None where one has too many different values.

        Args:
            batches: The rows in any order: the columns `row`, which is the number of a row in the file, `time`, which
                is ms since the epoch, and one for each field, as `shortened` has it.
            rows: How many rows there are, at least one.
            names: The fields.

        Raises:
            UnavailableError: The temporary file can't be written.
        """
        times, encoders = np.full(rows, _NO_TIME), {name: _Encoder(rows) for name in names}
        for batch in batches:
            places = batch["row"].to_numpy()
            times[places] = pc.fill_null(batch["time"], _NO_TIME).to_numpy()
            for name, encoder in encoders.items():
                encoder.take(places, batch[name])
                if len(encoder.values) > MOST_CODES:
                    return None
        try:
            return cls._written(times, encoders)
        except OSError as error:
            raise UnavailableError(f"a temporary file can't be written: {error.strerror}") from error

    @classmethod
    def _written(cls, times: npt.NDArray[np.int64], encoders: Mapping[str, "_Encoder"]) -> Self:
        file, columns = TemporaryFile(), dict[str, _Column]()  # noqa: SIM115  (it is closed with the object)
        try:
            file.write(times.data)
            for name, encoder in encoders.items():
                codes = encoder.shortest()
                columns[name] = _Column(list(encoder.values), file.tell(), codes.dtype)
                file.write(codes.data)
            file.flush()
        except OSError:
            with suppress(OSError):  # it writes what is left
                file.close()
            raise
        return cls(file, len(times), columns)

    @property
    def size(self) -> int:
        """The bytes of the temporary file."""
        return self._file.tell()

    def covers(self, names: Iterable[str]) -> bool:
        """Return whether all of some fields are among the columns."""
        return self._columns.keys() >= set(names)

    def tallies(self, rows: npt.NDArray[np.int64], names: Sequence[str], limit: int, unit_for: UnitFor) -> Tallies:
        """Count some rows, as `Searcher.tallies` does.

        Args:
            rows: The numbers of the rows in the file.
            names: The fields, which are among the columns.
            limit: The most values of a field.
            unit_for: Returns the unit of the histogram.
        """
        times = self._taken(0, np.int64, rows)
        counts = {name: self._counts(name, rows, limit) for name in names}
        return Tallies.of_times(len(rows), times[times != _NO_TIME], counts, unit_for)

    def _counts(self, name: str, rows: npt.NDArray[np.int64], limit: int) -> TextCounts:
        column = self._columns[name]
        codes = self._taken(column.begin, column.kind, rows)
        numbers = np.bincount(codes, minlength=len(column.values)).tolist()
        return first_counts(
            ((value, number) for value, number in zip(column.values, numbers, strict=True) if value is not None),
            limit,
        )

    def _taken(self, begin: int, kind: npt.DTypeLike, rows: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        """Return what a column has in some rows. It is mapped into memory for as long as it is used."""
        column = np.memmap(self._file, kind, "r", begin, (self._rows,))
        return column if len(rows) == self._rows else column[rows]


class _Encoder:
    """Numbers the values of one column."""

    def __init__(self, rows: int) -> None:
        self.values: dict[str | None, int] = {None: 0}
        self._codes = np.zeros(rows, np.uint16)

    def take(self, places: npt.NDArray[np.int64], column: pa.Array) -> None:
        """Add the values of some rows."""
        encoded = pc.dictionary_encode(column, null_encoding="encode")
        numbers = [self.values.setdefault(value, len(self.values)) for value in encoded.dictionary.to_pylist()]
        self._codes[places] = np.array(numbers).astype(np.uint16)[encoded.indices.to_numpy()]

    def shortest(self) -> npt.NDArray[Any]:
        """Return the numbers of all rows in as few bytes as they need."""
        return self._codes.astype(np.uint8) if len(self.values) <= 1 << 8 else self._codes
