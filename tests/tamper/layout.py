"""The place of each part of a block object, from which follows what a flipped bit in it must yield."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from auditseal_schemas.block import Block
from auditseal_schemas.varint import decode_length


class Part(StrEnum):
    """A part whose bits all have the same fate."""

    WRAPPER = "wrapper"
    HEADER = "header"
    FRONTIER = "frontier"
    TEXT = "text"
    SIGNATURES = "signatures"
    LOCATORS = "locators"
    COUNT = "count"
    LENGTH = "length"
    STREAM = "stream"


@dataclass(frozen=True, slots=True)
class Region:
    """Bytes `start` to `end` of an object; `chunk` is the number of the data block, -1 in none."""

    part: Part
    start: int
    end: int
    chunk: int = -1


def layout(data: bytes) -> list[Region]:
    """Return an object's regions, which fill it."""
    regions = list(_regions(data))
    ends = [0, *(region.end for region in regions)]
    assert [region.start for region in regions] == ends[:-1]
    assert ends[-1] == len(data)
    return [region for region in regions if region.end > region.start]


def _regions(data: bytes) -> Iterator[Region]:
    at = 0

    def upto(part: Part, end: int, chunk: int = -1) -> Region:
        nonlocal at
        region, at = Region(part, at, end, chunk), end
        return region

    values = {"header": Part.HEADER, "frontier": Part.FRONTIER, "checkpoint": Part.TEXT, "locators": Part.LOCATORS}
    for name, part in values.items():
        key = data.index(b"auditseal." + name.encode(), at) + len("auditseal.") + len(name)
        length, start = decode_length(data, key)
        yield upto(Part.WRAPPER, start)
        if part is Part.TEXT:
            yield upto(part, data.index(b"\n\n", start) + 1)
            yield upto(Part.SIGNATURES, start + length)
        else:
            yield upto(part, start + length)
    yield upto(Part.WRAPPER, at + 1 + 16)
    for number in range(len(Block.parse(data).chunks)):
        yield upto(Part.COUNT, decode_length(data, at)[1], number)
        length, start = decode_length(data, at)
        yield upto(Part.LENGTH, start, number)
        yield upto(Part.STREAM, at + length, number)
        yield upto(Part.WRAPPER, at + 16, number)
