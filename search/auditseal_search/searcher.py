"""Runs a filter over the rows of several logs: hits in order, page by page, and counts."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
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
from auditseal_search.query_sql import Sql, to_sql
from auditseal_search.row_source import LogRows

_BATCH = 10_000
_TIME = 'coalesce(epoch_ms("timestamp"), -1)'
_KEYSET = f'({_TIME}, origin, height, "index")'
MEMORY = "256MB"


@dataclass(frozen=True, slots=True)
class Cursor:
    """The place of a hit in the order of an answer: the next page begins after it."""

    time: int
    origin: str
    height: int
    index: int

    @classmethod
    def of(cls, hit: dict[str, Any]) -> Self:
        """Return the place of a hit."""
        time = -1 if hit["timestamp"] is None else int(hit["timestamp"].timestamp() * 1000)
        return cls(time, hit["origin"], hit["height"], hit["index"])

    def __str__(self) -> str:
        return f"{self.time}:{self.origin}:{self.height}:{self.index}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a cursor as `str` gives it.

        Raises:
            ValueError: It is anything else.
        """
        time, origin, height, index = text.split(":")
        return cls(int(time), origin, int(height), int(index))


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
        order, beyond = ("ASC", ">") if oldest_first else ("DESC", "<")
        where = sql.text
        if after is not None:
            place = ", ".join(sql.parameter(part) for part in (after.time, after.origin, after.height, after.index))
            where = f"{where} AND {_KEYSET} {beyond} ({place})"
        bound = "" if limit is None else f" LIMIT {limit:d}"
        keys = ", ".join(f"{name} {order}" for name in (_TIME, "origin", "height", '"index"'))
        yield from self._run(f"SELECT * FROM ({self._rows}) WHERE {where} ORDER BY {keys}{bound}", sql)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield all rows that match, in no order, a batch at a time: memory stays flat however many there are.

        Raises:
            UnavailableError: A file of the index can't be read.
        """
        sql = to_sql(self._condition)
        with _mapped_errors():
            found = self._connection.execute(f"SELECT * FROM ({self._rows}) WHERE {sql.text}", sql.parameters)
            yield from found.to_arrow_reader(_BATCH)

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
            return self._connection.execute(query, sql.parameters).fetchall()


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
