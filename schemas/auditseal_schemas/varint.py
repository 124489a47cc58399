"""Avro's long: zig-zag, 7 bits a byte, least significant first; minimal and at most 10 bytes.

Avro 1.12, Binary Encoding.
"""

from collections.abc import Iterator
from functools import lru_cache

from auditseal_schemas.errors import MalformedError

_MIN, _MAX = -(1 << 63), (1 << 63) - 1
_CONTINUED = 0x80

LOW_14_BITS = tuple(bytes((low & 0x7F | _CONTINUED, low >> 7 | _CONTINUED)) for low in range(1 << 14))
"""The first two bytes of a varint that has more, by its low 14 bits."""

SHORT_VARINTS = (
    *(bytes((low,)) for low in range(1 << 7)),
    *(bytes((low & 0x7F | _CONTINUED, low >> 7)) for low in range(1 << 7, 1 << 14)),
)
"""The varints of one byte and of two, by their number."""

_LOW_BITS = LOW_14_BITS[::2]  # those of a long that isn't negative, by its low 13 bits


def encode_long(value: int) -> bytes:
    """Return the minimal encoding of a 64-bit integer.

    Raises:
        OverflowError: It has more than 64 bits.
    """
    if 0 <= value < 1 << 13:
        return SHORT_VARINTS[value << 1]
    if not _MIN <= value <= _MAX:
        raise OverflowError(f"{value} doesn't fit an Avro long")
    return encode_unsigned(value << 1 if value >= 0 else (-value << 1) - 1)


def long_runs(first: int, count: int) -> Iterator[tuple[int, Iterator[bytes], bytes]]:
    """Yield the minimal encodings of `count` integers in a row, none negative, in runs with the same high bits.

    Each run is how many they are, the beginnings of their encodings, made one by one and all of one length, and their
    common end.

    Raises:
        OverflowError: One has more than 64 bits.
    """
    end = first + count
    if end > _MAX + 1:
        raise OverflowError(f"{end - 1} doesn't fit an Avro long")
    number = first
    for bound in (1 << 6, 1 << 13):
        small = range(number, min(end, bound))
        if small:
            yield len(small), map(encode_long, small), b""
            number = small.stop
    while number < end:
        high = number >> 13
        start, stop = high << 13, min(end, high + 1 << 13)
        lows = range(number - start, stop - start)
        yield len(lows), map(_LOW_BITS.__getitem__, lows), encode_unsigned(high)
        number = stop


def encode_unsigned(rest: int) -> bytes:
    """Return the varint of a number that needs no zig-zag, or had it.

    Raises:
        ValueError: It is negative.
    """
    if 0 <= rest < 1 << 14:
        return SHORT_VARINTS[rest]
    if rest < 0:
        raise ValueError(f"{rest} is negative: a varint has no sign")
    return LOW_14_BITS[rest & 0x3FFF] + _high_bits(rest >> 14)


_high_bits = lru_cache(maxsize=64)(encode_unsigned)  # events come in bursts: those of times and numbers seldom change


def decode_long(data: bytes, position: int) -> tuple[int, int]:
    """Return the long at a position and the position after it.

    Raises:
        IndexError: The data end within it.
        MalformedError: It isn't minimal, or has more than 64 bits.
    """
    byte = data[position]
    position += 1
    if byte < 0x80:
        return (byte >> 1) ^ -(byte & 1), position
    rest, shift = byte & 0x7F, 7
    while True:
        byte = data[position]
        position += 1
        rest |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
        if shift > 63:
            raise MalformedError("long", "it has more than 10 bytes")
    if byte == 0 or rest >> 64:
        raise MalformedError("long", "it is not minimal or has more than 64 bits")
    return (rest >> 1) ^ -(rest & 1), position


def decode_length(data: bytes, position: int) -> tuple[int, int]:
    """Return the length or count at a position, and the position after it.

    Raises:
        IndexError: The data end within it.
        MalformedError: It isn't minimal, or negative.
    """
    length, position = decode_long(data, position)
    if length < 0:
        raise MalformedError("length", f"it is negative: {length}")
    return length, position
