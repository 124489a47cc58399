"""Runs a filter over the rows of several logs: hits in order, page by page, and counts."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Self, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from auditseal_search.columns import ROW
from auditseal_search.database import Database, mapped_errors
from auditseal_search.encoded_columns import EncodedColumns
from auditseal_search.hit_order import Cursor, at_places, beyond, order_of
from auditseal_search.query import Condition
from auditseal_search.query_fields import FIELDS, Kind
from auditseal_search.query_sql import Sql, literal, to_sql
from auditseal_search.row_source import IndexedFile, LogRows
from auditseal_search.tallies import UNIT_MILLISECONDS, Tallies, UnitFor, short, shortened

_BATCH = 10_000
_AT_ONCE = 500  # rows that are read by their places at once
_FILES_AT_FIRST = 2  # the newest ones, before all are read: two, so that a page can begin in one and end in the other
_Found: TypeAlias = tuple[str, int, int, int | None]  # origin, height, index, and the broker's time in ms
_NEVER = -(1 << 63)
_NOTHING = "nothing"  # the name of a table without rows
_GATHERED = 100_000  # matches whose columns are gathered in memory to be counted


@dataclass(frozen=True, slots=True)
class _Page:
    """The hits that are asked for: `limit` of them after a cursor."""

    oldest_first: bool
    limit: int
    after: Cursor | None


class Searcher:
    """One filter over gathered rows. A context manager, for one thread.

    Args:
        database: Reads the index's files.
        logs: The rows.
        condition: The filter.
    """

    def __init__(self, database: Database, logs: Sequence[LogRows], condition: Condition) -> None:
        self._database, self._connection = database, database.connect()
        self._condition, self._logs = condition, logs
        self._tails = [pa.concat_tables(log.tables) if log.tables else ROW.empty_table() for log in logs]
        for number, tail in enumerate(self._tails):
            if len(tail):  # the first table that is registered loads pyarrow.dataset, of 8 MiB
                self._connection.register(_tail(number), tail)
        self._rows = self._union([log.files for log in logs])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.disconnect(self._connection)

    def interrupt(self) -> None:
        """End the query that is under way, from another thread: it fails with `UnavailableError`."""
        self._connection.interrupt()

    def _union(self, files: Iterable[Sequence[IndexedFile]]) -> str:
        """Return SQL for the rows of some files of each log and of all its tables, each with the log's origin."""
        names = ", ".join(f'"{field.name}"' for field in ROW)
        parts = list[str]()
        for number, (log, some) in enumerate(zip(self._logs, files, strict=True)):
            origin = literal(str(log.origin))
            if some:
                locations = ", ".join(literal(file.location) for file in some)
                parts.append(f"SELECT {origin} AS origin, {names} FROM read_parquet([{locations}])")
            if len(self._tails[number]):
                parts.append(f"SELECT {origin} AS origin, {names} FROM {_tail(number)}")
        if not parts:
            self._connection.register(_NOTHING, ROW.empty_table())
            parts.append(f"SELECT '' AS origin, {names} FROM {_NOTHING}")
        return " UNION ALL ".join(parts)

    def hits(self, *, oldest_first: bool = False, limit: int, after: Cursor | None = None) -> Iterator[dict[str, Any]]:
        """Yield the rows that match, by the broker's time, then log, height and place in the block.

        Args:
            oldest_first: The order; the newest comes first otherwise.
            limit: At most so many.
            after: Where to continue: the place of the last hit that was had.

        Raises:
            UnavailableError: A file of the index can't be read.
        """
        page = _Page(oldest_first, limit, after)
        places = None if oldest_first else self._newest_places(page)
        if places is None:
            places = self._places(self._rows, page)
        yield from self._at(places, page)

    def all_hits(self) -> Iterator[dict[str, Any]]:
        """Yield all rows that match, oldest first; the rows that are sorted must fit in memory.

        Raises:
            UnavailableError: A file of the index can't be read.
        """
        sql = to_sql(self._condition)
        yield from self._run(
            f"SELECT * FROM ({self._rows}) WHERE {sql.text} ORDER BY {order_of(oldest_first=True)}", sql
        )

    def _places(self, rows: str, page: "_Page") -> list[_Found]:
        """Return the places of a page's hits among some rows: only the columns of the filter are read for it."""
        sql = to_sql(self._condition)
        later = "" if page.after is None else f" AND {beyond(page.after, sql, oldest_first=page.oldest_first)}"
        order = order_of(oldest_first=page.oldest_first)
        keys = 'origin, height, "index", epoch_ms("timestamp")'
        return self._all(
            f"SELECT {keys} FROM ({rows}) WHERE {sql.text}{later} ORDER BY {order} LIMIT {page.limit:d}", sql
        )

    def _newest_places(self, page: "_Page") -> list[_Found] | None:
        """Return the places of a page's hits from the newest files; None where a hit could be in another file."""
        bound = None if page.after is None else page.after.time
        if page.after is not None and bound is None:
            return None
        files = [[file for file in log.files if file.may_hold_before(bound)] for log in self._logs]
        newest = sorted(chain.from_iterable(files), key=_latest, reverse=True)
        first, rest = newest[:_FILES_AT_FIRST], newest[_FILES_AT_FIRST:]
        if not rest:
            return None
        places = self._places(self._union([[file for file in some if file in first] for some in files]), page)
        if len(places) < page.limit or places[-1][3] is None or places[-1][3] <= _latest(rest[0]):
            return None
        return places

    def _at(self, places: Sequence[_Found], page: "_Page") -> Iterator[dict[str, Any]]:
        """Yield the rows at some places, a part of them at a time: one row can have a megabyte."""
        for start in range(0, len(places), _AT_ONCE):
            part = places[start : start + _AT_ONCE]
            heights = {height for _, height, _, _ in part}
            files = [[file for file in log.files if file.has_one_of(heights)] for log in self._logs]
            sql = Sql()
            where = at_places([(origin, height, index) for origin, height, index, _ in part], sql)
            order = order_of(oldest_first=page.oldest_first)
            yield from self._run(f"SELECT * FROM ({self._union(files)}) WHERE {where} ORDER BY {order}", sql)

    def batches(self, rows: int = _BATCH) -> Iterator[pa.RecordBatch]:
        """Yield all rows that match, in no order, a batch at a time: memory stays flat however many there are.

        Args:
            rows: The rows of a batch.

        Raises:
            UnavailableError: A file of the index can't be read.
        """
        sql = to_sql(self._condition)
        yield from self._read(f"SELECT * FROM ({self._rows}) WHERE {sql.text}", sql, rows)

    def places(self) -> Iterator[tuple[str, int, int, int]]:
        """Yield the origin, height, index and offset of all rows that match, in the order of the first three.

        Memory stays flat however many there are.

        Raises:
            UnavailableError: A file of the index can't be read.
        """
        sql = to_sql(self._condition)
        names = 'origin, height, "index", "offset"'
        query = f'SELECT {names} FROM ({self._rows}) WHERE {sql.text} ORDER BY origin, height, "index"'
        for row in self._run(query, sql):
            yield row["origin"], row["height"], row["index"], row["offset"]

    def count(self) -> int:
        """Return how many rows match."""
        sql = to_sql(self._condition)
        ((number,),) = self._all(f"SELECT count(*) FROM ({self._rows}) WHERE {sql.text}", sql)
        return int(number)

    def counts_by(self, name: str, limit: int) -> list[tuple[Any, int]]:
        """Return the values of a field with the number of matches of each, the most frequent first.

        Raises:
            KeyError: No field has this name.
        """
        sql = to_sql(self._condition)
        values = f"SELECT {_value_of(name)} AS value FROM ({self._rows}) WHERE {sql.text}"
        query = f"SELECT value, count(*) AS number FROM ({values}) GROUP BY value ORDER BY number DESC, value"
        return [(found, int(number)) for found, number in self._all(f"{query} LIMIT {limit:d}", sql)]

    def latest_by(self, name: str) -> list[tuple[Any, int, int | None]]:
        """Return the values of a field, each with its number of matches and the latest of the broker's times in ms.

        The earliest of these times comes first. None is not a value.

        Raises:
            KeyError: No field has this name.
        """
        sql = to_sql(self._condition)
        rows = f'SELECT {_value_of(name)} AS value, "timestamp" FROM ({self._rows}) WHERE {sql.text}'
        query = f'SELECT value, count(*), epoch_ms(max("timestamp")) AS latest FROM ({rows}) WHERE value IS NOT NULL'
        return [
            (value, int(number), last)
            for value, number, last in self._all(f"{query} GROUP BY value ORDER BY latest, value", sql)
        ]

    def tallies(self, names: Sequence[str], limit: int, unit_for: UnitFor) -> Tallies:
        """Return the counts of several fields and the histogram.

        The columns of a few matches are gathered by one scan, and counted from there. Many matches are scanned for each
        column: DuckDB counts a column of few different values at a small part of the cost of gathering it.

        Args:
            names: The fields' names, whose values are texts.
            limit: The most values of a field.
            unit_for: Returns the unit of the histogram.

        Raises:
            KeyError: No field has one of the names.
            UnavailableError: A file of the index can't be read.
        """
        total = self.count()
        if total <= _GATHERED:
            return Tallies.of_rows(self._gather(names), names, limit, unit_for)
        span = self._span()
        counts = {name: self._short_counts(name, limit) for name in names}
        return Tallies(total, span, counts, self.histogram(unit_for(*span or (0, 0))))

    def row_numbers(self) -> npt.NDArray[np.int64]:
        """Return the numbers that the rows which match have in their file, in no order.

        The rows must be those of one file of an index.

        Raises:
            UnavailableError: The file can't be read.
        """
        sql = to_sql(self._condition)
        query = f"SELECT file_row_number FROM ({self._numbered()}) WHERE {sql.text}"
        numbers: npt.NDArray[np.int64] = self._table(query, sql)["file_row_number"].to_numpy()
        return numbers

    def encode(self, names: Sequence[str]) -> EncodedColumns | None:
        """Return the columns of some fields of all rows, matches and others; None as `EncodedColumns.of`.

        The rows must be those of one file of an index.

        Raises:
            UnavailableError: The file can't be read, or a temporary file can't be written.
        """
        query = f'SELECT file_row_number AS "row", {_counted_columns(names)} FROM ({self._numbered()})'
        rows = sum(file.rows for log in self._logs for file in log.files)
        return EncodedColumns.of(self._read(query, Sql()), rows, names)

    def _numbered(self) -> str:
        """Return SQL for the rows of the one file, each with the log's origin and its number in the file."""
        ((log, file),) = ((log, file) for log in self._logs for file in log.files)
        columns = f"{literal(str(log.origin))} AS origin, *"
        return f"SELECT {columns} FROM read_parquet({literal(file.location)}, file_row_number = true)"

    def _gather(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield the times and some fields of all matches."""
        sql = to_sql(self._condition)
        yield from self._read(f"SELECT {_counted_columns(names)} FROM ({self._rows}) WHERE {sql.text}", sql)

    def _span(self) -> tuple[int, int] | None:
        """Return the first and the last of the broker's times in ms since the epoch, None for no row that has one."""
        sql = to_sql(self._condition)
        ends = 'epoch_ms(min("timestamp")), epoch_ms(max("timestamp"))'
        ((first, last),) = self._all(f"SELECT {ends} FROM ({self._rows}) WHERE {sql.text}", sql)
        return None if first is None else (int(first), int(last))

    def _short_counts(self, name: str, limit: int) -> list[tuple[str, int]]:
        sql = to_sql(self._condition)
        values = f"SELECT {_value_of(name)} AS value FROM ({self._rows}) WHERE {sql.text}"
        query = f"SELECT {short('value')}, count(*) AS number FROM ({values}) WHERE value IS NOT NULL GROUP BY value"
        return [
            (text, int(number))
            for text, number in self._all(f"{query} ORDER BY number DESC, value LIMIT {limit:d}", sql)
        ]

    def histogram(self, unit: str) -> list[tuple[int | None, int]]:
        """Return the number of matches in each unit of the broker's time, oldest first.

        The unit is `second`, `minute`, `hour`, `day` or `month`. Each is (its beginning in ms since the epoch, its
        number); records without a time come first, under None.
        """
        sql = to_sql(self._condition)
        rows = f"({self._rows}) WHERE {sql.text}"
        query = f"SELECT {_beginning(unit)} AS start, count(*) FROM {rows} GROUP BY ALL ORDER BY start NULLS FIRST"
        return [(start, int(number)) for start, number in self._all(query, sql)]

    def _run(self, query: str, sql: Sql) -> Iterator[dict[str, Any]]:
        for batch in self._read(query, sql):
            yield from batch.to_pylist()

    def _read(self, query: str, sql: Sql, rows: int = _BATCH) -> Iterator[pa.RecordBatch]:
        with mapped_errors():
            yield from self._connection.execute(query, sql.parameters).to_arrow_reader(rows)

    def _all(self, query: str, sql: Sql) -> list[Any]:
        columns = self._table(query, sql).columns
        return list(zip(*(column.to_pylist() for column in columns), strict=True))

    def _table(self, query: str, sql: Sql) -> pa.Table:
        with mapped_errors():
            return self._connection.execute(query, sql.parameters).to_arrow_table()


def _tail(number: int) -> str:
    """Return the name under which DuckDB knows the rows of the vault of a log."""
    return f"tail{number}"


def _value_of(name: str) -> str:
    """Return SQL for the values of a field, of which a list has several."""
    column = FIELDS[name].column
    return f"unnest({column})" if FIELDS[name].kind is Kind.LIST else column


def _counted_columns(names: Sequence[str]) -> str:
    """Return SQL for the columns that are counted in memory: `time` in ms since the epoch, and some fields."""
    values = "".join(f', {shortened(name)} AS "{name}"' for name in names)
    return f'epoch_ms("timestamp") AS "time"{values}'


def _beginning(unit: str) -> str:
    """Return SQL for the beginning of a row's unit of time in UTC, in ms since the epoch.

    Units of one length take arithmetic: `date_trunc` of a time with a zone asks a calendar for each row, which takes
    fifteen times as long.
    """
    time = 'epoch_ms("timestamp")'
    if unit in UNIT_MILLISECONDS:
        length = UNIT_MILLISECONDS[unit]
        return f"{time} - (({time} % {length}) + {length}) % {length}"
    return f"epoch_ms(date_trunc('month', make_timestamp({time} * 1000)))"


def _latest(file: IndexedFile) -> int:
    """Return the latest time of a file's rows in ms; before all times where none has one."""
    return _NEVER if file.greatest is None else file.greatest
