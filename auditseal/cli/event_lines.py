"""Events as JSON lines, as `auditseal emit` reads them: in bounded memory, with the reason of each refusal."""

import json
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

from auditseal_schemas.errors import EventError
from auditseal_schemas.event import EventFields
from auditseal_schemas.event_json import fields_from_json

MAX_LINE_BYTES = 8 << 20
"""Room for an event of the largest size with every byte of it escaped."""


class Line(NamedTuple):
    """A line that is not blank; `number` counts all lines from 1, `text` is cut off after MAX_LINE_BYTES."""

    number: int
    text: bytes


def read_lines(stream: BinaryIO) -> Iterator[Line]:
    """Yield the lines that aren't blank."""
    number = 0
    while text := stream.readline(MAX_LINE_BYTES + 1):
        number += 1
        rest = text
        while not rest.endswith(b"\n") and len(rest) > MAX_LINE_BYTES:
            rest = stream.readline(MAX_LINE_BYTES + 1)
        if text.strip():
            yield Line(number, text)


def parse_line(text: bytes) -> EventFields:
    """Return the event of a line.

    Raises:
        EventError: It isn't one JSON object with the fields of an event.
    """
    if len(text) > MAX_LINE_BYTES:
        raise EventError("", f"the line is longer than {MAX_LINE_BYTES} bytes")
    try:
        value = json.loads(text, object_pairs_hook=_unique)
    except UnicodeDecodeError as error:
        raise EventError("", f"the line isn't UTF-8: byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise EventError("", f"the line isn't JSON: {error}") from error
    except RecursionError as error:
        raise EventError("", "the line is nested too deeply") from error
    return fields_from_json(value)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise EventError("", "a JSON object has a key twice")
    return value
