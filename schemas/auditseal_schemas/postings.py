"""Postings: the Kafka offsets of all records of a segment that have one term, in as few bytes as possible.

The first offset is counted from the segment's first offset, each other one from the offset before it. Each number is
an unsigned varint: 7 bits a byte, the least significant first, minimal.

>>> encode_postings([1003, 1004, 1304], 1000).hex()
'0301ac02'
>>> decode_postings(bytes.fromhex("0301ac02"), 1000, 1999)
(1003, 1004, 1304)
"""

from collections.abc import Iterable

from auditseal_schemas.errors import MalformedError
from auditseal_schemas.varint import encode_unsigned

_MOST_BYTES = 9
"""Bytes of a varint of 63 bits, which is what an offset has."""


def encode_postings(offsets: Iterable[int], first_offset: int) -> bytes:
    """Return the encoding of offsets, which ascend strictly from `first_offset` or above."""
    encoded, before = bytearray(), first_offset
    for offset in offsets:
        encoded += encode_unsigned(offset - before)
        before = offset
    return bytes(encoded)


def decode_postings(data: bytes, first_offset: int, last_offset: int) -> tuple[int, ...]:
    """Return the offsets.

    Args:
        data: The encoding, at least one number.
        first_offset: The segment's first offset.
        last_offset: Its last one.

    Raises:
        MalformedError: It is empty, not minimal, does not ascend, or leaves the segment.
    """
    offsets, position, before = list[int](), 0, first_offset
    while position < len(data):
        number, position = _decode_unsigned(data, position)
        if offsets and not number:
            raise MalformedError("postings", f"offset {before} is there twice")
        before += number
        if before > last_offset:
            raise MalformedError("postings", f"offset {before} is above the segment's last offset, {last_offset}")
        offsets.append(before)
    if not offsets:
        raise MalformedError("postings", "there are none: a term has at least one record")
    return tuple(offsets)


def _decode_unsigned(data: bytes, position: int) -> tuple[int, int]:
    """Return the number at a position, and the position after it."""
    end = position
    while data[end] >= 0x80:
        end += 1
        if end == len(data) or end - position == _MOST_BYTES:
            raise MalformedError("postings", "a number is cut off, or has more than 63 bits")
    if end > position and not data[end]:
        raise MalformedError("postings", "a number is not minimal")
    return sum((data[start] & 0x7F) << 7 * (start - position) for start in range(position, end + 1)), end + 1
