"""The tables that other engines are given have the columns of an index, and the query runs on its files."""

import re
from pathlib import Path

import duckdb
import pyarrow as pa

from auditseal_search.columns import ROW
from tests.unit.docs.tables import sql_of_page
from tests.unit.search.test_search_command import BLOCKS, LOG, VALUES, Place

NAMES = {pa.int64(): "bigint", pa.int32(): "int", pa.string(): "string", pa.bool_(): "boolean"}


def hive(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        return f"array<{hive(kind.value_type)}>"
    if pa.types.is_map(kind):
        return f"map<{hive(kind.key_type)},{hive(kind.item_type)}>"
    if pa.types.is_struct(kind):
        return f"struct<{','.join(f'{field.name}:{hive(field.type)}' for field in kind)}>"
    return "timestamp" if pa.types.is_timestamp(kind) else NAMES[kind]


def test_athena_and_spark_get_the_columns_of_an_index() -> None:
    columns = re.findall(r"^  `(\w+)` (\S+?),?$", sql_of_page()[0], re.MULTILINE)
    assert columns == [(field.name, hive(field.type)) for field in ROW]


def test_trino_gets_the_same_columns_in_its_own_words() -> None:
    columns = re.findall(r'^  "(\w+)" (.+?),?$', sql_of_page()[1], re.MULTILINE)
    assert [name for name, _ in columns] == ROW.names
    for (_, kind), field in zip(columns, ROW, strict=True):
        words = re.sub(r"timestamp\(\d\)", "timestamp", kind).replace("varchar", "string").replace("integer", "int")
        words = re.sub(r'"(\w+)" ', r"\1:", words).replace("row", "struct").replace(", ", ",")
        assert words.translate(str.maketrans("()", "<>")) == hive(field.type)


def test_the_tables_and_the_query_run_on_duckdb(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.put(BLOCKS)
    assert place.build().exit_code == 0
    rows = place.index / "v1" / str(LOG) / "rows"
    assert {path.suffix for path in rows.iterdir()} == {".parquet"}
    _, trino, query = sql_of_page()
    columns = trino.partition("(\n")[2].partition("\n)\nWITH")[0]
    for before, after in ((r"array\(row\((.*?)\)\)", r"STRUCT(\1)[]"), (r"timestamp\(\d\)", "TIMESTAMPTZ")):
        columns = re.sub(before, after, columns)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"CREATE TABLE audit_events ({columns})")
        connection.execute(f"INSERT INTO audit_events SELECT * FROM read_parquet('{rows}/*.parquet')")
        assert connection.execute("SELECT count(*) FROM audit_events").fetchall() == [(len(VALUES),)]
        denied = connection.execute("SELECT count(*) FROM audit_events WHERE outcome = 'DENIED'").fetchone()
        found = connection.execute(query).fetchall()
    assert found
    assert denied == (sum(events for _, _, events in found),)
