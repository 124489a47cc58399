"""What a flipped bit must yield: the one finding there is for it, by the part of the object that it is in."""

import re
import zlib
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from itertools import accumulate

from auditseal_schemas.origin import Origin
from auditseal_schemas.record import next_link
from auditseal_schemas.varint import decode_length
from auditseal_schemas.verdict import Verdict
from tests.tamper.case import Expected, find, no_block
from tests.tamper.layout import Part, Region
from tests.tamper.world import OFFSETS, history
from tests.vectors.sealed import flipped

ORIGIN = re.compile(r"[a-z0-9.-]+/[a-zA-Z0-9._-]+(/(0|[1-9][0-9]{0,8})){2}", re.ASCII)
LINE = re.compile(r"— [^\s+]{1,255} (?P<blob>[A-Za-z0-9+/]+={0,2})\n")
CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f]")
STORED = 1
"""The first byte of a stored deflate block that is the last one: RFC 1951, section 3.2.3."""


class Fates:
    """The fates of one object's bits."""

    def __init__(self, origin: Origin, height: int) -> None:
        self._origin, self._height = origin, height
        self._block = history(origin).blocks[height]
        self._records = list(self._block.encoded_records())
        self._links = list(accumulate(self._records, next_link, initial=self._block.header.first_link))[1:]
        self._starts = [0, *accumulate(chunk.count for chunk in self._block.chunks)]
        self.data = self._block.format()

    def of_flip(self, region: Region, position: int, bit: int, piece: bytes) -> Expected:
        """Return the finding for a bit of a region whose bytes are now `piece`."""
        expected: Expected | None
        match region.part:
            case Part.WRAPPER | Part.HEADER | Part.LENGTH:
                expected = None  # fixed to the byte; the header by the sync marker; a length by where the next one is
            case Part.FRONTIER:
                sound = len(canonical(piece) or b"") == 32 * self._height.bit_count()
                expected = self._find(Verdict.BROKEN_CHAIN, "frontier") if sound else None
            case Part.LOCATORS:
                expected = None if canonical(piece) is None else self._find(Verdict.BAD_ROOT, "locators")
            case Part.TEXT:
                expected = self._of_text(piece)
            case Part.SIGNATURES:
                expected = self._find(Verdict.BAD_SIGNATURE, "note") if is_laid_out(piece) else None
            case Part.COUNT:
                expected = self._of_count(region.chunk, piece)
            case Part.STREAM:
                is_stored = self.data[region.start] == STORED
                at = position - region.start
                expected = self._of_stored(region.chunk, at, bit) if is_stored else self._of_codes(region.chunk, piece)
        return expected or no_block(self._origin, self._height)

    def _find(self, verdict: Verdict, field: str | None) -> Expected:
        return find(verdict, self._origin, self._height, field)

    def _suffered(self, number: int) -> Expected:
        """Return the finding that names a record of the block, or `payload` where all of them are there."""
        if number == self._block.header.count:
            return self._find(Verdict.BAD_ROOT, "payload")
        return find(Verdict.BAD_RECORD, self._origin, self._height, "record", OFFSETS[self._height][number])

    def _of_text(self, piece: bytes) -> Expected | None:
        """Return the fate of a checkpoint's text; None where the note isn't laid out as one any more."""
        text = readable(piece)
        if text is None or not text.endswith("\n") or text.endswith("\n\n"):
            return None
        lines = text[:-1].split("\n")
        root = canonical(lines[-1].encode())
        sound = len(lines) == 3 and ORIGIN.fullmatch(lines[0]) and re.fullmatch("[1-9][0-9]{0,15}", lines[1])
        if not sound or root is None or len(root) != 32:
            return self._find(Verdict.MALFORMED, None)  # it is a block all the same, so no squatter's
        altered = [lines[0] != str(self._origin), lines[1] != str(self._height + 1), True].index(True)
        return self._find(Verdict.BAD_ROOT, ("checkpoint.origin", "checkpoint.size", "checkpoint.root")[altered])

    def _of_count(self, chunk: int, piece: bytes) -> Expected | None:
        """Return the fate of a data block's count; None where the object isn't laid out as one any more."""
        if piece[0] & 0x81:
            return None  # negative, or in two bytes, of which the second was the length's
        count = decode_length(piece, 0)[0]
        return self._suffered(min(self._starts[chunk] + count, self._starts[chunk + 1])) if count else None

    def _of_stored(self, chunk: int, at: int, bit: int) -> Expected:
        """Return the fate of byte `at` of a stored data block."""
        if at == 0 and bit not in (1, 2):  # padding, or the stream seems to go on: every record is there all the same
            return self._suffered(self._block.header.count)
        first, last = self._starts[chunk : chunk + 2]
        ends = list(accumulate(map(len, self._records[first:last]), initial=5))
        number = max(first, first + sum(end <= at for end in ends) - 1)
        escaped = at >= 5 and self._escapes(number, at - ends[number - first], bit)
        return self._suffered(number + escaped)

    def _escapes(self, number: int, at: int, bit: int) -> bool:
        """Whether a record with a bit flipped has its old locator all the same, as happens once in 65,536 times."""
        before = self._links[number - 1] if number else self._block.header.first_link
        return next_link(before, flipped(self._records[number], at, bit))[:2] == self._links[number][:2]

    def _of_codes(self, chunk: int, piece: bytes) -> Expected:
        """Return the fate of Huffman codes: the first record that comes out as another, or not at all.

        Where the stream is broken, an inflater may keep records back that came before: one of those may be named.
        """
        inside = self._records[self._starts[chunk] : self._starts[chunk + 1]]
        true, (content, is_whole) = b"".join(inside), inflated(piece)
        sound = sum(content[:end] == true[:end] for end in accumulate(map(len, inside)))
        fates = [self._suffered(self._starts[chunk] + number)[0] for number in range(sound + 1)]
        return tuple(fates[-1:] if is_whole else fates)


def canonical(text: bytes) -> bytes | None:
    """Return the bytes that canonical base64 encodes, else None."""
    try:
        decoded = b64decode(text, validate=True)
    except Base64Error:
        return None
    return decoded if b64encode(decoded) == text else None


def readable(piece: bytes) -> str | None:
    """Return the text; None where it isn't UTF-8 or has control characters."""
    try:
        text = piece.decode()
    except UnicodeDecodeError:
        return None
    return None if CONTROL.search(text) else text


def is_laid_out(piece: bytes) -> bool:
    """Whether an altered signature line, with the empty line before it, still is one: a stranger's, or a bad one."""
    text = readable(piece)
    match = LINE.fullmatch(text[1:]) if text and text.startswith("\n") else None
    return match is not None and canonical(match["blob"].encode()) is not None


def inflated(data: bytes) -> tuple[bytes, bool]:
    """Return what comes out of a stream, to the byte where it breaks, and whether it doesn't."""
    stream, content = zlib.decompressobj(wbits=-15), b""
    try:
        for byte in data:
            content += stream.decompress(bytes((byte,)))
    except zlib.error:
        return content, False
    return content, stream.eof and not stream.unused_data
