"""DuckDB's native Avro decoder, fed with bytes that are in memory."""

import tempfile
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Self

import duckdb
import pyarrow as pa

from auditseal_schemas.schema import schema_text
from auditseal_schemas.varint import encode_long

_SYNC = b"auditseal-search"
_EXTENSION = "duckdb_extension_avro"


class AvroReader:
    """Decodes Avro values of one schema into columns. A context manager, for one thread; it needs a temporary file.

    The file is in memory where the system has `/dev/shm`.
    """

    def __init__(self) -> None:
        """Load DuckDB and its Avro extension, which is a package of its own."""
        # The cache knows a file by name, time and size: another batch in the file would be taken for the one before.
        self._connection = duckdb.connect(config={"threads": 1, "enable_external_file_cache": False})
        self._connection.execute(f"LOAD '{extension_path(_EXTENSION, 'avro')}'")
        memory = Path("/dev/shm")  # noqa: S108  (a folder of our own is made in it)
        self._folder = tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None, prefix="auditseal-")
        self._path = Path(self._folder.name, "values.avro")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self._folder.cleanup()

    def read(self, schema: str, count: int, parts: Sequence[bytes]) -> pa.StructArray | None:
        """Decode values that follow each other; None where the bytes are not that many values of the schema.

        Args:
            schema: The name of a packaged schema.
            count: How many values there are.
            parts: Their encodings, in order.
        """
        self._path.write_bytes(b"".join(_container(schema, count, parts)))
        try:
            table = self._connection.execute(
                "SELECT * FROM read_avro($path)", {"path": str(self._path)}
            ).to_arrow_table(count)
            table.validate(full=True)  # texts are UTF-8: the decoder takes any bytes
        except (duckdb.Error, pa.ArrowInvalid):
            return None
        if table.num_rows != count:
            return None
        columns = [column.combine_chunks() for column in table.columns]
        return pa.StructArray.from_arrays(columns, names=table.column_names)


def extension_path(package: str, name: str) -> Path:
    """Return the file of a DuckDB extension that a package brings."""
    return next(Path(str(files(package))).rglob(f"{name}.duckdb_extension"))


def _container(schema: str, count: int, parts: Sequence[bytes]) -> list[bytes]:
    """Return an Avro object container file of one data block, uncompressed."""
    header = [b"Obj\x01", encode_long(2)]
    for key, value in ((b"avro.schema", schema_text(schema)), (b"avro.codec", b"null")):
        header += (encode_long(len(key)), key, encode_long(len(value)), value)
    size = sum(map(len, parts))
    return [*header, b"\x00", _SYNC, encode_long(count), encode_long(size), *parts, _SYNC]
