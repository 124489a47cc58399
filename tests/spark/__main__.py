"""Run `examples/verify_on_spark.py` on a vault and on a tampered one, and the page's table and query on Spark."""

import contextlib
import io
import os
import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path

import duckdb

from auditseal_search.index_builder import IndexBuilder
from auditseal_search.index_store import DirectoryStore
from auditseal_search.range_pool import RangePool
from auditseal_vault.directory import DirectoryVault
from tests.bench.bench_verify import ORIGIN, TRUST, make_vault
from tests.bench.demo_messages import demo_messages
from tests.unit.docs.tables import sql_of_page

EVENTS = 200_000


def main() -> int:
    """Say what was compared; return 1 where something differs."""
    if "JAVA_HOME" not in os.environ and shutil.which("java") is None:
        print("Spark needs a Java of version 17 or newer with all its modules: set JAVA_HOME", file=sys.stderr)
        return 2
    os.environ["PYSPARK_PYTHON"] = sys.executable
    with tempfile.TemporaryDirectory(prefix="auditseal-spark-") as name:
        directory = Path(name)
        make_vault(directory, demo_messages(EVENTS))
        with RangePool(partial(DirectoryVault, directory / "vault"), 1) as pool:
            IndexBuilder(DirectoryStore(directory / "index"), pool).build(TRUST.logs[0])
        problems = [*_verify(directory), *_query(directory)]
    for problem in problems:
        print(problem, file=sys.stderr)
    return min(len(problems), 1)


def _verify(directory: Path) -> list[str]:
    code, output = _example(directory)
    print(output, end="")
    problems = [] if code == 0 and f"and {EVENTS:,} records hold" in output else ["the vault didn't verify on Spark"]
    path = directory / "vault" / ORIGIN.block_key(3)
    path.write_bytes(path.read_bytes()[:-40] + b"\0" * 40)
    code, output = _example(directory)
    print(output, end="")
    if code != 1 or "block 3: " not in output or ": 3 blocks and " not in output:
        problems.append("the tampered block wasn't found on Spark")
    return problems


def _example(directory: Path) -> tuple[int, str]:
    from examples.verify_on_spark import main as verify_on_spark

    with contextlib.redirect_stdout(io.StringIO()) as output:
        code = verify_on_spark(str(directory / "trust.txt"), (directory / "vault").as_uri())
    return code, output.getvalue()


def _query(directory: Path) -> list[str]:
    from pyspark.sql import SparkSession

    rows = directory / "index" / "v1" / str(ORIGIN) / "rows"
    table, _, query = sql_of_page()
    spark = SparkSession.builder.config("spark.sql.warehouse.dir", str(directory / "warehouse")).getOrCreate()
    begin = table.replace("CREATE EXTERNAL TABLE", "CREATE TABLE").replace("STORED AS PARQUET", "USING PARQUET")
    spark.sql(begin.partition("LOCATION")[0] + f"LOCATION '{rows.as_uri()}'")
    found = [tuple(row) for row in spark.sql(query).collect()]
    newest = spark.sql("SELECT max(occurred_at) AS newest, count(*) AS events FROM audit_events").collect()[0]
    spark.stop()
    duckdb.sql(f"CREATE VIEW audit_events AS SELECT * FROM read_parquet('{rows}/*.parquet')")
    wanted = duckdb.sql(query).fetchall()
    print(f"{newest.events:,} events in Spark's table, the newest of {newest.newest}; {len(found)} rows of the query")
    return [] if found == wanted and found and newest.events == EVENTS else [f"Spark: {found}, DuckDB: {wanted}"]


if __name__ == "__main__":
    sys.exit(main())
