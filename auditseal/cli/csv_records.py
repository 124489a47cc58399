"""The records of a CSV log, which `auditseal import` reads in bounded memory: one may have several lines."""

from collections.abc import Iterator
from typing import NamedTuple

from auditseal.cli.event_lines import MAX_LINE_BYTES, Line, LineStream


class _Piece(NamedTuple):
    """A line or a part of one.

    Attributes:
        number: The line's number, from 1.
        text: Its bytes.
        ends: Whether a record ends here.
    """

    number: int
    text: bytes
    ends: bool


def read_csv_records(stream: LineStream) -> Iterator[Line]:
    """Yield the records, each with the number of its first line. A record ends at a line break outside of quotes.

    Where a record begins is never guessed from what a line looks like: a statement in quotes may hold such a line. So
    after a record that is cut within quotes, the following ones can't be read either.
    """
    pieces = _pieces(stream)
    for first in pieces:
        text, ends = bytearray(first.text), first.ends
        while not ends and len(text) <= MAX_LINE_BYTES and (piece := next(pieces, None)):
            text += piece.text
            ends = piece.ends
        rest = iter(()) if ends else _until_end(pieces)
        yield Line(first.number, bytes(text), rest)
        for _ in rest:  # unless somebody has read it
            pass


def _pieces(stream: LineStream) -> Iterator[_Piece]:
    number, quoted = 1, False
    while text := stream.readline(MAX_LINE_BYTES + 1):
        quoted ^= text.count(b'"') % 2 == 1
        has_break = text.endswith(b"\n")
        yield _Piece(number, text, has_break and not quoted)
        number += has_break


def _until_end(pieces: Iterator[_Piece]) -> Iterator[bytes]:
    for piece in pieces:
        yield piece.text
        if piece.ends:
            return
