"""An event's counts, looked at before anything is made of it: a megabyte can promise 300,000 changes of three bytes."""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from auditseal_schemas.errors import MalformedError
from auditseal_schemas.event_check import MAX_ITEMS
from auditseal_schemas.schema import parsed_schema
from auditseal_schemas.varint import decode_length, decode_long

Skim = Callable[[bytes, int], int]
"""Takes data and a position, and returns the position after the value there."""


def check_counts(name: str, data: bytes) -> None:
    """Check that the value at the beginning of the data has no array or map of more than MAX_ITEMS items.

    It makes nothing of the value, and looks at no text: its encoding, and that a last text isn't cut, is for a decoder
    to check.

    Raises:
        MalformedError: It has one, or the data end within the value, or a length or branch is invalid.
    """
    try:
        _skim_of(name)(data, 0)
    except IndexError as error:
        raise MalformedError(name, "it can't be decoded: it is cut") from error


@cache
def _skim_of(name: str) -> Skim:
    return _compiled(parsed_schema(name))


def _compiled(schema: Any) -> Skim:
    """Return what skims a schema's values; the types are those that events have (each is named at one place only)."""
    if isinstance(schema, list):
        return _union([_compiled(branch) for branch in schema])
    kind = schema if isinstance(schema, str) else schema["type"]
    match kind:
        case "record":
            return _sequence([_compiled(field["type"]) for field in schema["fields"]])
        case "array":
            return _items(_compiled(schema["items"]))
        case "map":
            return _items(_sequence([_text, _compiled(schema["values"])]))
    return {"null": _nothing, "boolean": _byte, "int": _long, "long": _long, "enum": _long, "string": _text}[kind]


def _nothing(_data: bytes, at: int) -> int:
    return at


def _byte(_data: bytes, at: int) -> int:
    return at + 1


def _long(data: bytes, at: int) -> int:
    return decode_long(data, at)[1]


def _text(data: bytes, at: int) -> int:
    length, at = decode_length(data, at)
    return at + length


def _union(branches: list[Skim]) -> Skim:
    def skim(data: bytes, at: int) -> int:
        branch, at = decode_length(data, at)
        if branch >= len(branches):
            raise MalformedError("union", f"it has no branch {branch}")
        return branches[branch](data, at)

    return skim


def _sequence(parts: Iterable[Skim]) -> Skim:
    def skim(data: bytes, at: int) -> int:
        for part in parts:
            at = part(data, at)
        return at

    return skim


def _items(item: Skim) -> Skim:
    """Skim an array or map; one block is all that a canonical one has."""

    def skim(data: bytes, at: int) -> int:
        count, at = decode_length(data, at)
        if count > MAX_ITEMS:
            raise MalformedError("count", f"it has {count} items; at most {MAX_ITEMS} are allowed")
        for _ in range(count):
            at = item(data, at)
        return _end(data, at) if count else at

    return skim


def _end(data: bytes, at: int) -> int:
    if data[at]:
        raise MalformedError("count", "its encoding is not canonical: an array or map is in several blocks")
    return at + 1
