"""Runs a filter over the rows of several logs: hits in order, page by page, and counts."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

import boto3
import duckdb
import pyarrow as pa

from auditseal_schemas.errors import UnavailableError, quoted
from auditseal_search.columns import ROW
from auditseal_search.index_store import BucketStore, IndexStore
from auditseal_search.query import Condition
from auditseal_search.query_fields import FIELDS, Kind
from auditseal_search.query_sql import Sql, moment, to_sql
from auditseal_search.row_source import LogRows

_BATCH = 10_000
_AT_ONCE = 500  # rows that are read by their places at once
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PLACE = '(origin, height, "index")'
MEMORY = "256MB"


@dataclass(frozen=True, slots=True)
class Cursor:
    """The place of a hit in the order of an answer: the next page begins after it.

    Attributes:
        time: The broker's time in ms since the epoch, None for none.
        origin: The log.
        height: The block.
        index: The record's number in the block.
    """

    time: int | None
    origin: str
    height: int
    index: int

    @classmethod
    def of(cls, hit: dict[str, Any]) -> Self:
        """Return the place of a hit."""
        time = None if hit["timestamp"] is None else (hit["timestamp"] - _EPOCH) // timedelta(milliseconds=1)
        return cls(time, hit["origin"], hit["height"], hit["index"])

    def __str__(self) -> str:
        return f"{'' if self.time is None else self.time}:{self.origin}:{self.height}:{self.index}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a cursor as `str` gives it.

        Raises:
            ValueError: It is anything else.
        """
        time, origin, height, index = text.split(":")
        return cls(int(time) if time else None, origin, int(height), int(index))


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
        if isinstance(index, BucketStore):
            _reach_bucket(self._connection, index)
        self._rows = self._union(logs)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def _union(self, logs: Sequence[LogRows]) -> str:
        """Return SQL for all rows, each with the origin of its log."""
        names = ", ".join(f'"{field.name}"' for field in ROW)
        parts = []
        for number, log in enumerate(logs):
            origin = _literal(str(log.origin))
            if log.files:
                files = ", ".join(map(_literal, log.files))
                parts.append(f"SELECT {origin} AS origin, {names} FROM read_parquet([{files}])")
            tail = pa.concat_tables(log.tables) if log.tables else ROW.empty_table()
            self._connection.register(f"tail{number}", tail)
            parts.append(f"SELECT {origin} AS origin, {names} FROM tail{number}")
        return " UNION ALL ".join(parts)

    def hits(
        self, *, oldest_first: bool = False, limit: int | None, after: Cursor | None = None
    ) -> Iterator[dict[str, Any]]:
        """Yield the rows that match, by the broker's time, then log, height and place in the block.

        Args:
            oldest_first: The order; the newest comes first otherwise.
            limit: At most so many; None for all of them.
            after: Where to continue: the place of the last hit that was had.

        Raises:
            UnavailableError: A file of the index can't be read.
        """
        sql = to_sql(self._condition)
        where = sql.text if after is None else f"{sql.text} AND {_beyond(after, sql, oldest_first=oldest_first)}"
        order = _order(oldest_first=oldest_first)
        if limit is None:
            yield from self._run(f"SELECT * FROM ({self._rows}) WHERE {where} ORDER BY {order}", sql)
            return
        # The places come first: to sort by them, only the columns of the filter are read.
        keys = 'origin, height, "index"'
        places = self._all(f"SELECT {keys} FROM ({self._rows}) WHERE {where} ORDER BY {order} LIMIT {limit:d}", sql)
        yield from self._at(places, order)

    def _at(self, places: Sequence[tuple[str, int, int]], order: str) -> Iterator[dict[str, Any]]:
        """Yield the rows at some places, a part of them at a time: one row can have a megabyte."""
        for start in range(0, len(places), _AT_ONCE):
            part = places[start : start + _AT_ONCE]
            sql = Sql()
            heights = ", ".join(sql.parameter(height) for height in sorted({height for _, height, _ in part}))
            wanted = ", ".join(_place(*place, sql) for place in part)
            where = f"height IN ({heights}) AND {_PLACE} IN ({wanted})"
            yield from self._run(f"SELECT * FROM ({self._rows}) WHERE {where} ORDER BY {order}", sql)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield all rows that match, in no order, a batch at a time: memory stays flat however many there are.

        Raises:
            UnavailableError: A file of the index can't be read.
        """
        sql = to_sql(self._condition)
        with _mapped_errors():
            found = self._connection.execute(f"SELECT * FROM ({self._rows}) WHERE {sql.text}", sql.parameters)
            yield from found.to_arrow_reader(_BATCH)

    def count(self) -> int:
        """Return how many rows match."""
        sql = to_sql(self._condition)
        ((number,),) = self._all(f"SELECT count(*) FROM ({self._rows}) WHERE {sql.text}", sql)
        return int(number)

    def counts_by(self, name: str, limit: int) -> list[tuple[Any, int]]:
        """Return the values of a field with the number of matches of each, the most frequent first.

        Raises:
            KeyError: There is no field of this name.
        """
        field = FIELDS[name]
        sql = to_sql(self._condition)
        value = f"unnest({field.column})" if field.kind is Kind.LIST else field.column
        inner = f"SELECT {value} AS value FROM ({self._rows}) WHERE {sql.text}"
        grouped = f"SELECT value, count(*) AS number FROM ({inner}) GROUP BY value"
        query = f"{grouped} ORDER BY number DESC, value LIMIT {limit:d}"
        return [(value, int(number)) for value, number in self._all(query, sql)]

    def histogram(self, unit: str) -> list[tuple[int | None, int]]:
        """Return the number of matches in each `minute`, `hour`, `day` or `month` of the broker's time, oldest first.

        Each is (its beginning in ms since the epoch, its number); records without a time come first, under None.
        """
        sql = to_sql(self._condition)
        start = f'epoch_ms(date_trunc({sql.parameter(unit)}, "timestamp"))'
        query = f"SELECT {start} AS start, count(*) FROM ({self._rows}) WHERE {sql.text} GROUP BY ALL ORDER BY start"
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


def _place(origin: str, height: int, index: int, sql: Sql) -> str:
    return f"({sql.parameter(origin)}, {sql.parameter(height)}, {sql.parameter(index)})"


def _order(*, oldest_first: bool) -> str:
    """Return the order of an answer; records without a time are the oldest."""
    way = "ASC" if oldest_first else "DESC"
    nulls = "FIRST" if oldest_first else "LAST"
    return f'"timestamp" {way} NULLS {nulls}, origin {way}, height {way}, "index" {way}'


def _beyond(after: Cursor, sql: Sql, *, oldest_first: bool) -> str:
    """Return the condition that a row comes after a cursor in the order of an answer."""
    way = ">" if oldest_first else "<"
    place = f"{_PLACE} {way} {_place(after.origin, after.height, after.index, sql)}"
    if after.time is None:
        beyond = f'("timestamp" IS NULL AND {place})'
        return f'({beyond} OR "timestamp" IS NOT NULL)' if oldest_first else beyond
    time = moment(after.time * 1000, sql)
    beyond = f'("timestamp" {way} {time} OR ("timestamp" = {time} AND {place})'
    return f"{beyond})" if oldest_first else f'{beyond} OR "timestamp" IS NULL)'


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
