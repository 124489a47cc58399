"""Edits of bytes without knowledge of their meaning, which every mutator uses for its smallest parts."""

from collections.abc import Callable
from random import Random

from auditseal_schemas.varint import encode_long

Edit = Callable[[bytes], bytes]
"""Returns bytes changed in some way."""

NUMBERS = (0, 1, 2, 3, 16, 31, 32, 33, 63, 64, 127, 128, 255, 256, 999, 1000, 1001, 65_535, 65_536, 65_537)
HUGE = (2**31 - 1, 2**31, 2**32, 12 * 2**20, 8 * 2**20 + 1, 10**12, 2**62, 2**63 - 1)
LONGS = (-(2**63), *(sign * number for number in NUMBERS + HUGE for sign in (1, -1)))
HOSTILE = (
    b"\x1b[31m\x1b]0;owned\x07",
    b"\x00",
    b"\x7f\xc2\x85\xc2\x9b31m",
    "\u202e\u2066\u2069\u202a".encode(),
    "\u2028\u2029\ufeff\u200b".encode(),
    b"\xed\xa0\x80",
    b"\xc0\x80",
    b"\xf8\x88\x80\x80\x80",
    b"\xff\xfe",
    b"\r\n",
    "e\u0301\u0300\u0301".encode(),
    "\U0010ffff\U000e0041".encode(),
    b"{}%s%n'\"\\<!--",
    b"=cmd|'/c calc'!A1",
)
"""Terminal sequences, controls, marks that turn the direction of writing, broken UTF-8, formulas."""

_VARINTS = (*map(encode_long, LONGS), b"\x80" * 11, b"\x80\x00", b"\xff" * 9 + b"\x01", b"\xff" * 10)


def edit_bytes(data: bytes, random: Random) -> bytes:
    """Return the data after one to three edits, each at a random place."""
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        data = random.choice(_EDITS)(data, random)
    return data


def _flip(data: bytes, random: Random) -> bytes:
    if not data:
        return data
    at = random.randrange(len(data))
    return data[:at] + bytes((data[at] ^ 1 << random.randrange(8),)) + data[at + 1 :]


def _replace(data: bytes, random: Random) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + random.choice(_VARINTS) + data[at + random.choice((0, 1, 1, 2, 5)) :]


def _insert_hostile(data: bytes, random: Random) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + random.choice(HOSTILE) * random.choice((1, 1, 1, 2, 40)) + data[at:]


def _cut(data: bytes, random: Random) -> bytes:
    return data[: random.randrange(len(data) + 1)]


def _drop(data: bytes, random: Random) -> bytes:
    start, end = _range(data, random)
    return data[:start] + data[end:]


def _repeat(data: bytes, random: Random) -> bytes:
    start, end = _range(data, random)
    return data[:end] + data[start:end] * random.choice((1, 1, 2, 30)) + data[end:]


def _move(data: bytes, random: Random) -> bytes:
    start, end = _range(data, random)
    part, rest = data[start:end], data[:start] + data[end:]
    at = random.randrange(len(rest) + 1)
    return rest[:at] + part + rest[at:]


def _fill(data: bytes, random: Random) -> bytes:
    start, end = _range(data, random)
    filler = bytes((random.choice((0, 1, 2, 0x7F, 0x80, 0xFF, random.randrange(256))),))
    return data[:start] + filler * (end - start) + data[end:]


def _range(data: bytes, random: Random) -> tuple[int, int]:
    start = random.randrange(len(data) + 1)
    return start, min(len(data), start + random.choice((1, 1, 2, 4, 16, 33, 200)))


_EDITS = (_flip, _flip, _replace, _replace, _replace, _insert_hostile, _cut, _drop, _repeat, _move, _fill)
