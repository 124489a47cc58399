"""Runs a filter over the rows of several logs: hits in order, page by page, and counts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from itertools import chain
from pathlib import Path
from typing import Any, Self, TypeAlias

import boto3
import duckdb
import pyarrow as pa

from auditseal_schemas.errors import UnavailableError, quoted
from auditseal_search.columns import ROW
from auditseal_search.hit_order import Cursor, at_places, beyond, order_of
from auditseal_search.index_store import BucketStore, IndexStore
from auditseal_search.query import Condition
from auditseal_search.query_fields import FIELDS, Kind
from auditseal_search.query_sql import Sql, to_sql
from auditseal_search.row_source import IndexedFile, LogRows

_BATCH = 10_000
_AT_ONCE = 500  # rows that are read by their places at once
_FILES_AT_FIRST = 2  # the newest ones, before all are read: two, so that a page can begin in one and end in the other
_Found: TypeAlias = tuple[str, int, int, int | None]  # origin, height, index, and the broker's time in ms
_NEVER = -(1 << 63)
MEMORY = "256MB"
_GATHERED = 100_000  # matches whose columns are gathered in memory to be counted
UNIT_MILLISECONDS = {"second": 1_000, "minute": 60_000, "hour": 3_600_000, "day": 86_400_000}
"""The units of time of one length."""


@dataclass(frozen=True, slots=True)
class _Page:
    """The hits that are asked for: `limit` of them after a cursor."""

    oldest_first: bool
    limit: int
    after: Cursor | None


@dataclass(frozen=True, slots=True)
class Totals:
    """How much matches.

    Attributes:
        count: How many rows.
        span: The first and the last of the broker's times, in ms since the epoch; None for no row that has one.
    """

    count: int
    span: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Tallies:
    """Matches by field and by time.

    Attributes:
        counts: For each field its most frequent values with the number of matches of each.
        histogram: As `Searcher.histogram` returns it.
    """

    counts: Mapping[str, Sequence[tuple[Any, int]]]
    histogram: Sequence[tuple[int | None, int]]


class Searcher:
    """One filter over gathered rows. A context manager, for one thread.

    Args:
        index: Where the index's files are; None where all rows are in memory.
        logs: The rows.
        condition: The filter.
    """

    def __init__(self, index: IndexStore | None, logs: Sequence[LogRows], condition: Condition) -> None:
        self._condition = condition
        self._connection = duckdb.connect(config={"memory_limit": MEMORY, "preserve_insertion_order": False})
        self._connection.execute("SET TimeZone = 'UTC'")
        self._connection.execute("SET enable_progress_bar = false")  # it would be written to standard output
        if isinstance(index, BucketStore):
            _reach_bucket(self._connection, index)
        self._logs = logs
        for number, log in enumerate(logs):
            tail = pa.concat_tables(log.tables) if log.tables else ROW.empty_table()
            self._connection.register(f"tail{number}", tail)
        self._rows = self._union([log.files for log in logs])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def _union(self, files: Iterable[Sequence[IndexedFile]]) -> str:
        """Return SQL for the rows of some files of each log and of all its tables, each with the log's origin."""
        names = ", ".join(f'"{field.name}"' for field in ROW)
        parts = []
        for number, (log, some) in enumerate(zip(self._logs, files, strict=True)):
            origin = _literal(str(log.origin))
            if some:
                locations = ", ".join(_literal(file.location) for file in some)
                parts.append(f"SELECT {origin} AS origin, {names} FROM read_parquet([{locations}])")
            parts.append(f"SELECT {origin} AS origin, {names} FROM tail{number}")
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
        with _mapped_errors():
            found = self._connection.execute(f"SELECT * FROM ({self._rows}) WHERE {sql.text}", sql.parameters)
            yield from found.to_arrow_reader(rows)

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
        return self._counts(_value_of(name), f"({self._rows}) WHERE {sql.text}", limit, sql)

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

    def _counts(self, value: str, rows: str, limit: int, sql: Sql) -> list[tuple[Any, int]]:
        grouped = f"SELECT value, count(*) AS number FROM (SELECT {value} AS value FROM {rows}) GROUP BY value"
        query = f"{grouped} ORDER BY number DESC, value LIMIT {limit:d}"
        return [(found, int(number)) for found, number in self._all(query, sql)]

    def totals(self) -> Totals:
        """Return how many rows match, and the ends of their times."""
        sql = to_sql(self._condition)
        values = 'count(*), epoch_ms(min("timestamp")), epoch_ms(max("timestamp"))'
        ((count, first, last),) = self._all(f"SELECT {values} FROM ({self._rows}) WHERE {sql.text}", sql)
        return Totals(int(count), None if first is None else (int(first), int(last)))

    def tallies(self, names: Sequence[str], limit: int, unit: str) -> Tallies:
        """Return the counts of several fields and the histogram.

        The columns of a few matches are gathered by one scan, and counted from there. Many matches are scanned for each
        column: DuckDB counts a column of few different values at a small part of the cost of gathering it.

        Args:
            names: The fields' names. None of their values is no value.
            limit: The most values of a field.
            unit: As `histogram` has it.

        Raises:
            KeyError: No field has one of the names.
        """
        if self.count() > _GATHERED:
            found = {name: self.counts_by(name, limit + 1) for name in names}
            histogram = self.histogram(unit)
        else:
            self._gather(names)
            keys = {name: _unnested(name, f"c{number}") for number, name in enumerate(names)}
            found = {name: self._counts(key, "found", limit + 1, Sql()) for name, key in keys.items()}
            histogram = self._bars("found", unit, Sql())
        counts = {name: [one for one in values if one[0] is not None][:limit] for name, values in found.items()}
        return Tallies(counts, histogram)

    def _gather(self, names: Sequence[str]) -> None:
        """Put fields of all matches, and their times, into the table `found`."""
        sql = to_sql(self._condition)
        values = "".join(f", {FIELDS[name].column} AS c{number}" for number, name in enumerate(names))
        query = f'SELECT "timestamp"{values} FROM ({self._rows}) WHERE {sql.text}'
        with _mapped_errors():
            self._connection.execute(f"CREATE OR REPLACE TEMP TABLE found AS {query}", sql.parameters)

    def histogram(self, unit: str) -> list[tuple[int | None, int]]:
        """Return the number of matches in each unit of the broker's time, oldest first.

        The unit is `second`, `minute`, `hour`, `day` or `month`. Each is (its beginning in ms since the epoch, its
        number); records without a time come first, under None.
        """
        sql = to_sql(self._condition)
        return self._bars(f"({self._rows}) WHERE {sql.text}", unit, sql)

    def _bars(self, rows: str, unit: str, sql: Sql) -> list[tuple[int | None, int]]:
        query = f"SELECT {_beginning(unit)} AS start, count(*) FROM {rows} GROUP BY ALL ORDER BY start NULLS FIRST"
        return [(start, int(number)) for start, number in self._all(query, sql)]

    def _run(self, query: str, sql: Sql) -> Iterator[dict[str, Any]]:
        with _mapped_errors():
            found = self._connection.execute(query, sql.parameters)
            for batch in found.to_arrow_reader(_BATCH):
                yield from batch.to_pylist()

    def _all(self, query: str, sql: Sql) -> list[Any]:
        with _mapped_errors():
            table = self._connection.execute(query, sql.parameters).to_arrow_table()
        return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def _value_of(name: str) -> str:
    """Return SQL for the values of a field, of which a list has several."""
    return _unnested(name, FIELDS[name].column)


def _unnested(name: str, column: str) -> str:
    return f"unnest({column})" if FIELDS[name].kind is Kind.LIST else column


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


@contextmanager
def _mapped_errors() -> Iterator[None]:
    """Turn DuckDB's errors of reading files into ours."""
    try:
        yield
    except (duckdb.IOException, duckdb.HTTPException, duckdb.InvalidInputException) as error:
        raise UnavailableError(f"a file of the index can't be read: {quoted(str(error), 500)}") from error


def _literal(text: str) -> str:
    """Return a text of ours as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def _extension() -> Path:
    """Return the file of DuckDB's extension for S3, which a package brings."""
    return next(Path(str(files("duckdb_extension_httpfs"))).rglob("httpfs.duckdb_extension"))


def _reach_bucket(connection: duckdb.DuckDBPyConnection, index: BucketStore) -> None:
    """Let DuckDB read an index in a bucket, with the credentials that boto3 finds."""
    connection.execute(f"LOAD {_literal(str(_extension()))}")
    session = boto3.Session()
    found = session.get_credentials()
    region = index.bucket.region or session.region_name or "us-east-1"
    parts = [f"TYPE s3, REGION {_literal(region)}"]
    if found is not None:
        frozen = found.get_frozen_credentials()
        parts.append(f"KEY_ID {_literal(frozen.access_key)}, SECRET {_literal(frozen.secret_key)}")
        if frozen.token:
            parts.append(f"SESSION_TOKEN {_literal(frozen.token)}")
    if index.bucket.endpoint:
        scheme, _, host = index.bucket.endpoint.partition("://")
        parts.append(f"ENDPOINT {_literal(host.rstrip('/'))}, URL_STYLE path, USE_SSL {str(scheme == 'https').lower()}")
    connection.execute(f"CREATE SECRET ({', '.join(parts)})")
