"""The second reader: what a vault in a folder holds, by the standard library and an Avro reader alone.

Nothing of this project is imported, neither the product nor the other oracle. It checks no signature and no tree; it
opens each object as any Avro file, recomputes the chain of links with hashlib (docs/reference/format.md, section 5) and
holds the result against the headers. A record that was altered, dropped, doubled or swapped breaks the chain there,
unless the last link is rewritten too, which the signatures are for. Run as `python -m tests.faults.plain_reader VAULT`.
"""

import json
import re
import sys
import zlib
from base64 import b64decode
from collections.abc import Iterator, Mapping
from functools import cache
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro

_FORMAT = Path(__file__).parents[2] / "docs" / "reference" / "format.md"
_NAME = re.compile(r"([0-9]{12})\.avro")


class UnsoundError(Exception):
    """An object is not a block, or doesn't join the one before. The text says which and how."""


def read_vault(vault: Path) -> dict[str, list[tuple[int, bytes | None]]]:
    """Return, for each log in a vault, offset and value of every record in the log's order.

    Raises:
        UnsoundError: A log doesn't hold.
    """
    folders = sorted(vault.glob("v1/*/*/*/*/blocks"))
    origins = [str(folder.parent.relative_to(vault / "v1")) for folder in folders]
    return {origin: list(read_log(vault, origin)) for origin in origins}


def read_log(vault: Path, origin: str) -> Iterator[tuple[int, bytes | None]]:
    """Yield offset and value of every record of one log.

    Raises:
        UnsoundError: It doesn't hold.
    """
    folder = vault / "v1" / origin / "blocks"
    link, offset, previous = sha256(f"auditseal/v1\n{origin}\n".encode()).digest(), 0, b""
    for height, path in enumerate(sorted(folder.iterdir())):
        match = _NAME.fullmatch(path.name)
        _need(match is not None and int(match[1]) == height, path, f"block {height} is missing")
        raw, header, records, schema = _open(path)
        _need((header["origin"], header["height"]) == (origin, height), path, "it is of another place")
        _need(not previous or header["previous"] == previous, path, "it names another block before it")
        _need(header["first_link"] == link, path, "its records don't join those before")
        _need(header["first_offset"] == offset, path, "its offsets don't join those before")
        expected = _offsets(header)
        _need(len(records) == header["count"], path, "its header counts other records")
        for record in records:
            encoded = BytesIO()
            fastavro.schemaless_writer(encoded, schema, record)
            link = sha256(b"\0" + link + encoded.getvalue()).digest()
            _need(record["offset"] == next(expected, None), path, f"offset {record['offset']} stands where none may")
            yield record["offset"], record["value"]
        _need(next(expected, None) is None, path, "offsets are neither sealed nor in a gap")
        _need(link == header["last_link"], path, "its records are not the ones that were linked")
        offset = header["last_offset"] + 1
        previous = sha256(b"\0" + raw).digest()


def _offsets(header: Mapping[str, Any]) -> Iterator[int]:
    """Yield the offsets at which a block has records: all of its range but the gaps."""
    at = header["first_offset"]
    for gap in header["gaps"]:
        yield from range(at, gap["first"])
        at = gap["last"] + 1
    yield from range(at, header["last_offset"] + 1)


def _open(path: Path) -> tuple[bytes, Mapping[str, Any], list[Any], Any]:
    """Return a block's header as stored and as read, its records, and their schema."""
    try:
        with path.open("rb") as file:
            reader = fastavro.reader(file)
            raw = b64decode(reader.metadata["auditseal.header"], validate=True)
            header: Any = fastavro.schemaless_reader(BytesIO(raw), header_schema(), None)
            return raw, header, list(reader), reader.writer_schema
    except (ValueError, LookupError, EOFError, TypeError, zlib.error) as error:
        raise UnsoundError(f"{path}: it is no block: {error!r}") from error


@cache
def header_schema() -> Any:
    """Return the header's schema as the specification has it."""
    text = _FORMAT.read_text().partition("```avsc block_header\n")[2].partition("```")[0]
    return fastavro.parse_schema(json.loads(text))


def _need(holds: bool, path: Path, problem: str) -> None:
    if not holds:
        raise UnsoundError(f"{path}: {problem}")


if __name__ == "__main__":
    for name, sealed in read_vault(Path(sys.argv[1])).items():
        print(f"{name}: {len(sealed)} records, the last at offset {sealed[-1][0] if sealed else None}")
