"""Reads the fields of a record that is a JSON object: each of the type that the record's format says, or absent."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeAlias

from auditseal_schemas.errors import EventError
from auditseal_schemas.event_time import parse_time

Record: TypeAlias = Mapping[str, Any]


def check_record(value: object) -> Record:
    """Return a record.

    Raises:
        EventError: The value isn't a JSON object.
    """
    if not isinstance(value, dict):
        raise EventError("", f"a record must be a JSON object, not {type(value).__name__}")
    return value


def text_at(record: Record, *path: str) -> str | None:
    """Return the text at a path of names; numbers and booleans as JSON has them; None where there isn't one.

    Raises:
        EventError: There is an object or an array.
    """
    value = _at(record, path)
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise EventError(".".join(path), f"must be text, not {type(value).__name__}")


def needed_text(record: Record, *path: str) -> str:
    """Return the text at a path.

    Raises:
        EventError: There isn't one.
    """
    text = text_at(record, *path)
    if text is None:
        raise EventError(".".join(path), "is missing: a record without it can't be identified")
    return text


def time_at(record: Record, *path: str) -> datetime:
    """Return the RFC 3339 time at a path.

    Raises:
        EventError: There isn't one.
    """
    return parse_time(".".join(path), needed_text(record, *path))


def object_at(record: Record, *path: str) -> Record:
    """Return the object at a path, an empty one where there isn't one.

    Raises:
        EventError: There is something else.
    """
    value = _at(record, path)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise EventError(".".join(path), f"must be a JSON object, not {type(value).__name__}")
    return value


def list_at(record: Record, *path: str) -> list[Any]:
    """Return the array at a path, an empty one where there isn't one.

    Raises:
        EventError: There is something else.
    """
    value = _at(record, path)
    if value is None:
        return []
    if not isinstance(value, list):
        raise EventError(".".join(path), f"must be a JSON array, not {type(value).__name__}")
    return value


def _at(record: Record, path: tuple[str, ...]) -> object:
    value: object = record
    for depth, name in enumerate(path):
        if value is None:
            return None
        if not isinstance(value, dict):
            raise EventError(".".join(path[:depth]), f"must be a JSON object, not {type(value).__name__}")
        value = value.get(name)
    return value
