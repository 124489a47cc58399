"""Deflate streams that have the same bytes on every machine, and decompression bombs."""

import sys
from importlib.util import module_from_spec
from types import ModuleType
from unittest.mock import patch

from auditseal_schemas import deflate as deflate_module


def stored_deflate(data: bytes) -> bytes:
    """Return data as a raw deflate stream of stored blocks (RFC 1951 section 3.2.4)."""
    pieces = [data[start : start + 0xFFFF] for start in range(0, len(data), 0xFFFF)] or [b""]
    stream = bytearray()
    for number, piece in enumerate(pieces, start=1):
        stream.append(number == len(pieces))
        stream += len(piece).to_bytes(2, "little") + (len(piece) ^ 0xFFFF).to_bytes(2, "little") + piece
    return bytes(stream)


def zeros_deflate(before: bytes, zeros: int) -> bytes:
    """Return a raw deflate stream of some bytes and very many zeros, 2 bits for each 258 of them.

    A stored block, and one with Huffman codes of its own, RFC 1951 section 3.2.7: 285 (a length of 258) has 1 bit, 0
    and 256 (the end) have 2, distance 1 has 1. Codes are packed from their most significant bit, numbers from their
    least.
    """
    start = b"\x00" + stored_deflate(before)[1:]  # not the last block
    runs, rest = divmod(zeros - 1, 258)
    code_lengths = {18: 1, 1: 2, 2: 2}  # the code of the lengths below: 18 is 0, 1 is 10, 2 is 11
    order = (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1)
    bits = "1" + _low_first(2, 2) + _low_first(286 - 257, 5) + _low_first(0, 5) + _low_first(len(order) - 4, 4)
    bits += "".join(_low_first(code_lengths.get(symbol, 0), 3) for symbol in order)
    bits += "11" + _zero_lengths(138) + _zero_lengths(117) + "11" + _zero_lengths(28) + "10" + "10"
    bits += "10" + "00" * runs + "10" * rest + "11"
    return start + _packed(bits)


def _low_first(number: int, width: int) -> str:
    return f"{number:0{width}b}"[::-1]


def _zero_lengths(number: int) -> str:
    """Return the symbol 18, which means 11 to 138 lengths of zero."""
    return "0" + _low_first(number - 11, 7)


def _packed(bits: str) -> bytes:
    bits += "0" * (-len(bits) % 8)
    return int(bits[::-1], 2).to_bytes(len(bits) // 8, "little")


def repeated_deflate(byte: int, runs: int) -> bytes:
    """Return a raw deflate stream of 1 + 258 * `runs` equal bytes, 13 bits a run: a decompression bomb.

    Fixed Huffman codes, RFC 1951 section 3.2.6; codes are packed from their most significant bit.
    """
    bits = "1" + "10"  # the last block, BTYPE 01 with its low bit first
    bits += f"{0x30 + byte:08b}" if byte < 144 else f"{0x190 + byte - 144:09b}"
    bits += (f"{0b11000000 + 285 - 280:08b}" + "00000") * runs + "0000000"
    return _packed(bits)


def deflate_without_isal() -> ModuleType:
    """Import the deflate module as on a machine where isal is not installed, by whatever loaded it here."""
    spec = deflate_module.__spec__
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    with patch.dict(sys.modules, {"isal": None}):
        spec.loader.exec_module(module)
    return module
