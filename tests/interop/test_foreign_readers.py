"""Readers that know nothing of auditseal open our blocks and see the records that ours sees."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import avro.datafile
import avro.io
import duckdb
import duckdb_extension_avro
import fastavro
import polars as pl
import pytest

from auditseal_schemas.block import Block
from auditseal_schemas.record import SealedRecord
from tests.vectors.make import FOLDER, INDEX

Rows = list[dict[str, Any]]
VECTORS = {vector["name"]: vector for vector in json.loads((FOLDER / INDEX).read_text(encoding="utf-8"))}
FILES = {
    f"{name}:{key.removeprefix('v1/audit.example.com/audit.events/')}": FOLDER / versions[0]["file"]
    for name in ("plain", "rich", "next-run")
    for key, versions in VECTORS[name]["objects"].items()
}
EMPTY = [name for name, path in FILES.items() if not Block.parse(path.read_bytes()).header.count]


def as_row(record: SealedRecord) -> dict[str, Any]:
    return {
        "offset": record.offset,
        "timestamp": record.timestamp,
        "key": record.key,
        "headers": None if record.headers is None else [{"key": key, "value": value} for key, value in record.headers],
        "value": record.value,
        "oversize": record.oversize and record.oversize._asdict(),
        "salt": record.salt,
    }


def by_official_avro(path: Path) -> Rows:
    with avro.datafile.DataFileReader(io.BytesIO(path.read_bytes()), avro.io.DatumReader()) as reader:
        return list(reader)


def by_fastavro(path: Path) -> Rows:
    with path.open("rb") as file:
        return list(fastavro.reader(file))


def by_polars(path: Path) -> Rows:
    return pl.read_avro(path).to_dicts()


def by_duckdb(path: Path) -> Rows:
    (extension,) = Path(duckdb_extension_avro.__file__).parent.rglob("avro.duckdb_extension")
    offline = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
    with duckdb.connect(config=offline) as connection:
        connection.execute(f"LOAD '{extension}'")
        found = connection.execute("SELECT * FROM read_avro(?)", [str(path)])
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


# Polars opens no deflate file without records: see the test that says so.
READERS = {by_official_avro: FILES, by_fastavro: FILES, by_duckdb: FILES, by_polars: FILES.keys() - EMPTY}


@pytest.mark.parametrize(("read", "name"), [(read, name) for read, names in READERS.items() for name in sorted(names)])
def test_it_sees_the_same_records(read: Callable[[Path], Rows], name: str) -> None:
    rows = list(map(as_row, Block.parse(FILES[name].read_bytes()).records()))
    assert read(FILES[name]) == rows


def test_polars_opens_no_deflate_file_without_records_whoever_wrote_it(tmp_path: Path) -> None:
    """Should this fail one day, the exception above and the note in docs/reference/format.md can go."""
    written = io.BytesIO()
    schema = {"type": "record", "name": "Any", "fields": [{"name": "n", "type": "long"}]}
    fastavro.writer(written, schema, [], codec="deflate")
    path = tmp_path / "empty.avro"
    path.write_bytes(written.getvalue())
    assert len(EMPTY) == 2
    for empty in (path, *(FILES[name] for name in EMPTY)):
        with pytest.raises(pl.exceptions.ComputeError, match="OutOfSpec"):
            pl.read_avro(empty)


def test_duckdb_reads_a_whole_log_and_filters_it() -> None:
    """What the format is for: standard tools over the vault, after it was verified."""
    (extension,) = Path(duckdb_extension_avro.__file__).parent.rglob("avro.duckdb_extension")
    with duckdb.connect() as connection:
        connection.execute(f"LOAD '{extension}'")
        paths = [str(path) for name, path in FILES.items() if name.startswith("plain:0/0/")]
        query = 'SELECT "offset" FROM read_avro(?) WHERE value = encode(?)'
        assert connection.execute(query, [paths, "event 6 of 0"]).fetchall() == [(6,)]
