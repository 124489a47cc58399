"""DuckDB, which runs the queries of searches. A server has one for all of its threads.

It keeps what it has read of the ends of Parquet files, which say where their columns are: reading those again takes
longer than many a query. And what it may take of memory and processors is for all queries together.
"""

from importlib.resources import files
from pathlib import Path
from threading import Lock
from time import monotonic

import boto3
import duckdb

from auditseal_search.index_store import BucketStore, IndexStore

MEMORY = "256MB"
_CREDENTIALS_SECONDS = 60.0  # for which those of a bucket are used: they may be temporary ones


class Database:
    """A DuckDB in memory that reads the files of an index.

    Args:
        index: The index; None where all rows are in memory.
        memory: The most memory of its queries, as DuckDB takes it.
        threads: The most threads of its queries; None for as many as there are processors.
    """

    def __init__(self, index: IndexStore | None, memory: str = MEMORY, threads: int | None = None) -> None:
        self._root = duckdb.connect(config={"memory_limit": memory, "preserve_insertion_order": False})
        self._root.execute("SET parquet_metadata_cache = true")
        if threads is not None:
            self._root.execute(f"SET threads = {threads:d}")
        self._bucket = index if isinstance(index, BucketStore) else None
        self._lock, self._reached = Lock(), 0.0
        if self._bucket:
            self._root.execute(f"LOAD {literal(str(_extension()))}")

    def connect(self) -> duckdb.DuckDBPyConnection:
        """Return a connection for one thread, which closes it."""
        if self._bucket:
            self._reach(self._bucket)
        connection = self._root.cursor()
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET enable_progress_bar = false")  # it would be written to standard output
        return connection

    def _reach(self, index: BucketStore) -> None:
        """Let DuckDB read an index in a bucket, with the credentials that boto3 finds."""
        with self._lock:
            if self._reached and monotonic() < self._reached + _CREDENTIALS_SECONDS:
                return
            self._root.execute(f"CREATE OR REPLACE SECRET ({_secret(index)})")
            self._reached = monotonic()


def literal(text: str) -> str:
    """Return a text of ours as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def _extension() -> Path:
    """Return the file of DuckDB's extension for S3, which a package brings."""
    return next(Path(str(files("duckdb_extension_httpfs"))).rglob("httpfs.duckdb_extension"))


def _secret(index: BucketStore) -> str:
    session = boto3.Session()
    found = session.get_credentials()
    region = index.bucket.region or session.region_name or "us-east-1"
    parts = [f"TYPE s3, REGION {literal(region)}"]
    if found is not None:
        frozen = found.get_frozen_credentials()
        parts.append(f"KEY_ID {literal(frozen.access_key)}, SECRET {literal(frozen.secret_key)}")
        if frozen.token:
            parts.append(f"SESSION_TOKEN {literal(frozen.token)}")
    if index.bucket.endpoint:
        scheme, _, host = index.bucket.endpoint.partition("://")
        parts.append(f"ENDPOINT {literal(host.rstrip('/'))}, URL_STYLE path, USE_SSL {str(scheme == 'https').lower()}")
    return ", ".join(parts)
