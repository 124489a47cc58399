"""Events as JSON: one object, an array of them, or one a line, with the fields of `auditseal emit`."""

from collections.abc import Iterator
from typing import TypeAlias

from auditseal_gateway.errors import RequestError
from auditseal_gateway.source_claim import check_claim
from auditseal_schemas.errors import EventError
from auditseal_schemas.event import EventFields
from auditseal_schemas.event_id import derive_event_id
from auditseal_schemas.event_json import fields_from_json
from auditseal_schemas.event_parts import Source
from auditseal_schemas.strict_json import parse_json

Parsed: TypeAlias = EventFields | EventError
"""One event of a request, or why it isn't one."""

_LINES = frozenset({"application/x-ndjson", "application/jsonl", "application/json-lines"})


def parse_events(media_type: str, body: bytes, source: Source, key: str | None) -> list[Parsed]:
    """Return the events of a body, in its order.

    Args:
        media_type: `application/json`, or one of JSON lines.
        body: The body.
        source: The client's.
        key: The request's `Idempotency-Key`: events without an `event_id` get one of it, of their place and their time.

    Raises:
        RequestError: The body as a whole can't be read.
    """
    if media_type in _LINES:
        return [_parse_line(line, number, source, key) for number, line in enumerate(_lines(body))]
    if media_type != "application/json":
        raise RequestError(415, "Content-Type must be application/json, or application/x-ndjson for one event a line")
    value = read_json(body)
    items = value if isinstance(value, list) else [value]
    return [parse_event(item, number, source, key) for number, item in enumerate(items)]


def read_json(body: bytes) -> object:
    """Return the JSON value of a body.

    Raises:
        RequestError: It isn't JSON, 400.
    """
    try:
        value: object = parse_json(body, "the body")
    except EventError as error:
        raise RequestError(400, str(error)) from error
    return value


def parse_event(item: object, number: int, source: Source, key: str | None) -> Parsed:
    """Return the event that a JSON value states, or why it doesn't."""
    try:
        if isinstance(item, dict) and "source" in item:
            check_claim(source, item["source"])
            item = {name: value for name, value in item.items() if name != "source"}
        fields = fields_from_json(item)
        if key is not None and "event_id" not in fields:
            fields["event_id"] = _id_of_key(fields, number, source, key)
    except EventError as error:
        return error
    return fields


def _id_of_key(fields: EventFields, number: int, source: Source, key: str) -> str:
    if "occurred_at" not in fields:
        raise EventError("occurred_at", "is missing: with Idempotency-Key each event needs it, or an event_id")
    return derive_event_id(fields["occurred_at"], "idempotency-key", source.service, key, str(number))


def _lines(body: bytes) -> Iterator[bytes]:
    return (line for line in body.split(b"\n") if line.strip())


def _parse_line(line: bytes, number: int, source: Source, key: str | None) -> Parsed:
    try:
        item = parse_json(line, "the line")
    except EventError as error:
        return error
    return parse_event(item, number, source, key)
