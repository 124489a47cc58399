"""DuckDB, which runs the queries of searches. A server has one for all searches that run at the same time.

What it may take of memory and processors is for all of them together. And it keeps what it has read of the ends of
Parquet files, which say where their columns are: reading those again takes longer than many a query.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any

import duckdb

from auditseal_schemas.errors import UnavailableError, quoted
from auditseal_search.errors import IndexFileError
from auditseal_search.free_memory import release_free_memory
from auditseal_search.index_store import IndexStore
from auditseal_search.query_sql import literal

MEMORY = "256MB"
ONE_PASS: Mapping[str, int | str] = {"threads": 1, "enable_external_file_cache": False}
"""Settings to read each file once, in little memory: each thread has a part of a file, and DuckDB would keep it."""
_DEFAULTS: Mapping[str, int | str] = {}
_SECRET_SECONDS = 60.0  # for which the credentials of a bucket are used: they may be temporary ones


class Database:
    """A DuckDB in memory that reads the files of an index.

    It runs while it has a connection, or is held. DuckDB returns the memory that it took for a query when it ends.

    Args:
        index: The index; None where all rows are in memory.
        settings: Settings of DuckDB that differ from its defaults.
    """

    def __init__(self, index: IndexStore | None, settings: Mapping[str, int | str] = _DEFAULTS) -> None:
        self._index, self._settings, self._lock = index, settings, Lock()
        self._root: duckdb.DuckDBPyConnection | None = None
        self._users, self._secret_until = 0, 0.0

    def connect(self) -> duckdb.DuckDBPyConnection:
        """Return a connection for one thread, which passes it to `disconnect`."""
        with self._lock:
            if self._root is None:
                self._root = self._start()
            if self._index and monotonic() >= self._secret_until:
                _reach(self._root, self._index)
                self._secret_until = monotonic() + _SECRET_SECONDS
            connection = self._root.cursor()
            self._users += 1
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET enable_progress_bar = false")  # it would be written to standard output
        return connection

    def disconnect(self, connection: duckdb.DuckDBPyConnection) -> None:
        """End a connection; the last one ends DuckDB, unless it is held."""
        connection.close()
        self._leave()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let DuckDB run on between connections, once it runs: to start it takes longer than many a query."""
        with self._lock:
            self._users += 1
        try:
            yield
        finally:
            self._leave()

    def _leave(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users or self._root is None:
                return
            self._root.close()
            self._root, self._secret_until = None, 0.0
        release_free_memory()

    def _start(self) -> duckdb.DuckDBPyConnection:
        common: dict[str, Any] = {"memory_limit": MEMORY, "preserve_insertion_order": False}
        root = duckdb.connect(config=common | dict(self._settings))
        root.execute("SET parquet_metadata_cache = true")
        return root


def _reach(root: duckdb.DuckDBPyConnection, index: IndexStore) -> None:
    """Let DuckDB read an index's files, with the credentials of now."""
    secret = index.secret()
    if secret is not None:
        root.execute(f"LOAD {literal(str(_extension()))}")
        root.execute(f"CREATE OR REPLACE SECRET ({secret})")


def _extension() -> Path:
    """Return the file of DuckDB's extension for S3, which a package brings."""
    return next(Path(str(files("duckdb_extension_httpfs"))).rglob("httpfs.duckdb_extension"))


@contextmanager
def mapped_errors() -> Iterator[None]:
    """Turn DuckDB's errors of reading files into ours. They have one line: DuckDB adds the query, which is ours.

    Raises:
        IndexFileError: A file can't be read.
        UnavailableError: The query was ended from another thread.
    """
    try:
        yield
    except duckdb.InterruptException as error:
        raise UnavailableError("the search was ended before it had an answer") from error
    except (duckdb.IOException, duckdb.HTTPException, duckdb.InvalidInputException) as error:
        line = str(error).partition("\n")[0]
        raise IndexFileError(f"a file of the index can't be read: {quoted(line, 500)}") from error
