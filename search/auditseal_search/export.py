"""Writes all rows that match, a batch at a time: to a file, to standard output, or to a syslog server."""

import json
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO, Protocol
from urllib.parse import urlsplit

import pyarrow as pa

from auditseal_schemas.errors import ConfigurationError, UnavailableError, quoted
from auditseal_search.cef import to_cef, to_syslog
from auditseal_search.cloudevents import to_cloudevent
from auditseal_search.columns import ROW
from auditseal_search.csv_lines import csv_header, csv_lines
from auditseal_search.ecs import to_ecs
from auditseal_search.ocsf import to_ocsf
from auditseal_search.row_json import row_to_json

_PORTS = {"tcp": 514, "tls": 6514}
_CONNECT_SECONDS = 10.0
COLUMNS = ("origin", *ROW.names)


class Output(Protocol):
    """Where rows are written to."""

    def write(self, data: bytes, /) -> object:
        """Write bytes."""
        ...


class Format(StrEnum):
    """How rows are written."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"
    OCSF = "ocsf"
    ECS = "ecs"
    CLOUDEVENTS = "cloudevents"
    CEF = "cef"


_JSON: dict[Format, Callable[[dict[str, Any]], dict[str, Any]]] = {
    Format.JSONL: row_to_json,
    Format.OCSF: to_ocsf,
    Format.ECS: to_ecs,
    Format.CLOUDEVENTS: to_cloudevent,
}


def write_rows(batches: Iterable[pa.RecordBatch], kind: Format, output: Output) -> int:
    """Write all rows and return how many there were; memory stays flat.

    Raises:
        OSError: The output can't be written.
    """
    if kind is Format.PARQUET:
        return _write_parquet(batches, output)
    count = 0
    for piece, rows in pieces(batches, kind):
        output.write(piece)
        count += rows
    return count


def pieces(batches: Iterable[pa.RecordBatch], kind: Format) -> Iterator[tuple[bytes, int]]:
    """Yield the bytes of each batch in a format of lines, and how many rows they are. CSV begins with its header."""
    if kind is Format.CSV:
        yield csv_header(COLUMNS), 0
    for batch in batches:
        match kind:
            case Format.CSV:
                yield csv_lines(batch, COLUMNS), len(batch)
            case Format.CEF:
                yield b"".join(to_cef(row).encode() + b"\n" for row in batch.to_pylist()), len(batch)
            case _:
                convert = _JSON[kind]
                lines = (json.dumps(convert(row), ensure_ascii=False, default=str) for row in batch.to_pylist())
                yield "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace"), len(batch)


def _write_parquet(batches: Iterable[pa.RecordBatch], output: Output) -> int:
    import pyarrow.parquet as pq  # noqa: PLC0415  (it takes 4 MB, and the explorer's exports are text)

    count = 0
    schema = pa.schema([pa.field("origin", pa.string()), *ROW])
    with pq.ParquetWriter(output, schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch.cast(schema))
            count += batch.num_rows
    return count


def send_rows(batches: Iterable[pa.RecordBatch], address: str) -> int:
    """Send all rows as CEF to a syslog server, and return how many there were.

    Args:
        batches: The rows.
        address: `tcp://host:port` or `tls://host:port`; TLS checks the server's certificate against the system's
            authorities.

    Raises:
        ConfigurationError: The address is neither.
        UnavailableError: The server can't be reached, isn't trusted, or closed the connection.
    """
    count = 0
    with _connection(address) as connection:
        for batch in batches:
            for row in batch.to_pylist():
                connection.sendall(to_syslog(row))
                count += 1
    return count


@contextmanager
def _connection(address: str) -> Iterator[socket.socket]:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port or _PORTS.get(parts.scheme)
    except ValueError as error:
        raise ConfigurationError(f"{quoted(address)} does not name a syslog server: {error}") from error
    if not host or port is None:
        raise ConfigurationError(
            f"{quoted(address)} does not name a syslog server: write tcp://host:port or tls://host:port"
        )
    try:
        with socket.create_connection((host, port), _CONNECT_SECONDS) as plain:
            if parts.scheme == "tcp":
                yield plain
                return
            with ssl.create_default_context().wrap_socket(plain, server_hostname=host) as secure:
                yield secure
                secure.unwrap()
    except OSError as error:
        raise UnavailableError(f"the syslog server {host}:{port} can't be sent to: {error}") from error


def open_output(path: Path) -> BinaryIO:
    """Open a file for an export, which must not be there yet.

    Raises:
        ConfigurationError: It exists.
    """
    try:
        return path.open("xb")
    except FileExistsError as error:
        raise ConfigurationError(f"{path} exists: name another file, or remove it first") from error
