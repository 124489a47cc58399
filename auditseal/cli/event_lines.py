"""Events as JSON lines, which `auditseal emit` reads in bounded memory; and why it refuses a line."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

from auditseal_schemas.errors import EventError
from auditseal_schemas.event import EventFields
from auditseal_schemas.event_json import fields_from_json
from auditseal_schemas.strict_json import parse_json

MAX_LINE_BYTES = 8 << 20
"""Room for an event of the largest size with every byte of it escaped."""


class LineStream(Protocol):
    """A binary file, or what reads one."""

    def readline(self, size: int, /) -> bytes:
        """Return the bytes up to a newline, the newline included, but no more than `size`; none at the end."""
        ...


class Line(NamedTuple):
    """A line that isn't blank.

    Attributes:
        number: Its number; all lines count, from 1.
        text: Its bytes, newline included, or the first MAX_LINE_BYTES + 1 of more.
        rest: The rest of a longer one, in pieces; it can be read until the next line is.
    """

    number: int
    text: bytes
    rest: Iterable[bytes] = ()


def read_lines(stream: LineStream) -> Iterator[Line]:
    """Yield the lines that aren't blank. A line that is too long never is, whatever it holds."""
    number = 0
    while text := stream.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(text) > MAX_LINE_BYTES:
            rest = _rest_of_line(stream, text)
            yield Line(number, text, rest)
            for _ in rest:  # unless somebody has read it
                pass
        elif text.strip():
            yield Line(number, text)


def parse_line(text: bytes) -> EventFields:
    """Return the event that a line states.

    Raises:
        EventError: It isn't one JSON object with the fields of an event.
    """
    if len(text) > MAX_LINE_BYTES:
        raise EventError("", f"the line is longer than {MAX_LINE_BYTES} bytes")
    return fields_from_json(parse_json(text, "the line"))


def _rest_of_line(stream: LineStream, piece: bytes) -> Iterator[bytes]:
    while len(piece) > MAX_LINE_BYTES and not piece.endswith(b"\n"):
        piece = stream.readline(MAX_LINE_BYTES + 1)
        yield piece
