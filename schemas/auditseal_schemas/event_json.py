"""Events as JSON objects: what `auditseal emit` reads, and what people are shown."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar, cast

from auditseal_schemas.errors import EventError
from auditseal_schemas.event import AuditEvent, EventFields
from auditseal_schemas.event_check import check_names
from auditseal_schemas.event_parts import Actor, Authorization, Category, Change, Outcome, Reason, Resource
from auditseal_schemas.event_time import parse_time

Part = TypeVar("Part", Actor, Authorization, Change, Reason, Resource)
Symbol = TypeVar("Symbol", bound=StrEnum)


def event_to_json(event: AuditEvent) -> dict[str, Any]:
    """Return an event as what `json.dumps` takes, fields in the schema's order, without those that say nothing.

    `occurred_at` is RFC 3339 in UTC with six decimals.
    """
    return {name: value for name, value in _part_to_json(event).items() if value not in (None, [], {})}


def fields_from_json(line: object) -> EventFields:
    """Return what a service says of an event from a JSON object of the same field names as `EventFields`.

    Raises:
        EventError: A field is unknown, missing, or of the wrong type.
    """
    if not isinstance(line, dict):
        raise EventError("", f"an event must be a JSON object, not {type(line).__name__}")
    check_names("", line, EventFields.__required_keys__, EventFields.__annotations__)
    return cast(
        "EventFields",
        {name: _READERS[name](name, value) if name in _READERS else value for name, value in line.items()},
    )


def _part_to_json(part: Any) -> dict[str, Any]:
    return {field.name: _to_json(getattr(part, field.name)) for field in fields(part)}


def _to_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds").replace("+00:00", "Z")
    if isinstance(value, tuple):
        return [_to_json(item) for item in value]
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, StrEnum):
        return value.value
    if value is None or isinstance(value, (str, int)):
        return value
    return {name: item for name, item in _part_to_json(value).items() if item is not None}


def _part(kind: type[Part]) -> Callable[[str, object], Part]:
    known = [field.name for field in fields(kind)]
    required = [field.name for field in fields(kind) if field.default is MISSING]

    def read(path: str, value: object) -> Part:
        if not isinstance(value, dict):
            raise EventError(path, f"must be a JSON object, not {type(value).__name__}")
        check_names(path, value, required, known)
        return kind(**value)

    return read


def _optional_part(kind: type[Part]) -> Callable[[str, object], Part | None]:
    read = _part(kind)
    return lambda path, value: None if value is None else read(path, value)


def _parts(kind: type[Part]) -> Callable[[str, object], list[Part]]:
    read = _part(kind)

    def read_all(path: str, value: object) -> list[Part]:
        if not isinstance(value, list):
            raise EventError(path, f"must be a JSON array, not {type(value).__name__}")
        return [read(f"{path}[{index}]", item) for index, item in enumerate(value)]

    return read_all


def _symbol(kind: type[Symbol]) -> Callable[[str, object], Symbol]:
    def read(path: str, value: object) -> Symbol:
        if not isinstance(value, str) or value not in kind.__members__:
            raise EventError(path, f"must be one of {', '.join(kind.__members__)}")
        return kind[value]

    return read


def _time(path: str, value: object) -> datetime:
    if not isinstance(value, str):
        raise EventError(path, f"must be an RFC 3339 time, not {type(value).__name__}")
    return parse_time(path, value)


_READERS: Mapping[str, Callable[[str, object], object]] = {
    "actor": _part(Actor),
    "resources": _parts(Resource),
    "outcome": _symbol(Outcome),
    "category": _symbol(Category),
    "occurred_at": _time,
    "reason": _optional_part(Reason),
    "authorization": _optional_part(Authorization),
    "changes": _parts(Change),
}
