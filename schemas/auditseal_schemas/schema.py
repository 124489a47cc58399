"""The normative Avro schemas that ship with the package, and canonical binary coding of whole values by them."""

import json
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import Any

import fastavro

from auditseal_schemas.errors import MalformedError

# What fastavro raises on bytes that are no value of the schema; none of them means anything else here.
_BROKEN = (EOFError, IndexError, KeyError, OverflowError, TypeError, UnicodeDecodeError, ValueError)


@cache
def schema_text(name: str) -> bytes:
    """Return the normative bytes of `avro/<name>.avsc`, without the newline that ends the file."""
    return files(__package__).joinpath("avro", f"{name}.avsc").read_bytes().rstrip(b"\n")


@cache
def parsed_schema(name: str) -> Any:
    """Return a packaged schema as fastavro wants it."""
    return fastavro.parse_schema(json.loads(schema_text(name)))


def encode_value(name: str, value: dict[str, Any]) -> bytes:
    """Return the canonical binary encoding: arrays as one block, minimal varints.

    Raises:
        ValueError: The value doesn't fit the schema.
        TypeError: As ValueError.
    """
    output = BytesIO()
    fastavro.schemaless_writer(output, parsed_schema(name), value)
    return output.getvalue()


def decode_value(name: str, data: bytes) -> dict[str, Any]:
    """Read a value that is the whole of the data, in its canonical encoding.

    fastavro accepts padded varints, split arrays and bytes that follow; that encoding again gives the same bytes rules
    all of it out. Memory stays in proportion to the data.

    Raises:
        MalformedError: The data are anything else.
    """
    try:
        value: Any = fastavro.schemaless_reader(BytesIO(data), parsed_schema(name), None)
        canonical = encode_value(name, value)
    except _BROKEN as error:
        raise MalformedError(name, f"it can't be decoded: {type(error).__name__}: {error}") from error
    if canonical != data:
        raise MalformedError(name, "its encoding is not canonical, or bytes follow it")
    return dict(value)
