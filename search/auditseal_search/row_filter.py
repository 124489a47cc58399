"""The rows of a table that a filter matches: what a search reads from the vault is not held in memory as a whole."""

from typing import Self

import duckdb
import pyarrow as pa

from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.origin import Origin
from auditseal_search.columns import ROW
from auditseal_search.database import Database, mapped_errors
from auditseal_search.query import Condition
from auditseal_search.query_sql import to_sql


class RowFilter:
    """One filter. A context manager, for one thread. It connects where it has rows to filter."""

    def __init__(self, database: Database, condition: Condition) -> None:
        """Take the filter, and what evaluates it."""
        self._condition, self._database = condition, database
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._is_ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection:
            self._database.disconnect(self._connection)

    def interrupt(self) -> None:
        """End the query that is under way and all later ones, from another thread: they fail."""
        self._is_ended = True
        if self._connection is not None:
            self._connection.interrupt()

    def __call__(self, origin: Origin, rows: pa.Table) -> pa.Table:
        """Return the rows of a log that match, with the columns of `ROW`.

        Raises:
            UnavailableError: The filter was ended.
        """
        if self._is_ended:
            raise UnavailableError("the search was ended before all blocks were read")
        if self._connection is None:
            self._connection = self._database.connect()
        sql = to_sql(self._condition)
        names = ", ".join(f'"{field.name}"' for field in ROW)
        log = sql.parameter(str(origin))
        query = f"SELECT {names} FROM (SELECT {log} AS origin, * FROM rows) WHERE {sql.text}"
        self._connection.register("rows", rows)
        with mapped_errors():
            return self._connection.execute(query, sql.parameters).to_arrow_table().cast(ROW)
