"""Which record suffered when a block's stored bytes are not those that were signed."""

import zlib
from collections.abc import Iterator
from hashlib import sha256

from auditseal_schemas.block import LOCATOR_SIZE, Block
from auditseal_schemas.errors import MalformedError, VerificationError
from auditseal_schemas.header import Header
from auditseal_schemas.record import next_link, scan_record
from auditseal_schemas.verdict import Verdict

_PIECE = 64


def damaged_record(block: Block) -> VerificationError | None:
    """Return the finding that names the first record that isn't the sealed one, None where none can be named.

    Records are read as far as they inflate and parse, and compared by their links with the locators that the header
    commits to.
    """
    if sha256(block.locators).digest() != block.header.locators:
        return None
    link, number = block.header.first_link, 0
    for record in _readable_records(block):
        link = next_link(link, record)
        if link[:LOCATOR_SIZE] != block.locators[LOCATOR_SIZE * number :][:LOCATOR_SIZE]:
            break
        number += 1
    if number >= block.header.count:
        return None
    problem = f"record {number} of the block was changed or destroyed: the stored bytes are not those that were signed"
    return VerificationError(Verdict.BAD_RECORD, "record", problem, offset=_offset_of(block.header, number))


def _readable_records(block: Block) -> Iterator[bytes]:
    """Yield the records up to the first that is cut or broken."""
    remaining = block.header.size  # of all data blocks together: each of a thousand could hold as much
    for chunk in block.chunks:
        content = _inflate_prefix(chunk.deflated, remaining)
        remaining -= len(content)
        position = 0
        for _ in range(chunk.count):
            try:
                end = scan_record(content, position).end
            except MalformedError:
                return
            yield content[position:end]
            position = end
        if remaining < 0:
            return


def _inflate_prefix(data: bytes, most: int) -> bytes:
    """Return what a stream holds, up to the break if it is broken, and one byte beyond `most` at most.

    By zlib always, a few bytes at a time, so that the place of the break is the same on every machine.
    """
    stream = zlib.decompressobj(wbits=-15)
    parts: list[bytes] = []
    size = 0
    try:
        for start in range(0, len(data), _PIECE):
            parts.append(stream.decompress(data[start : start + _PIECE], most - size + 1))
            size += len(parts[-1])
            if stream.eof or size > most:
                break
    except zlib.error:
        pass
    return b"".join(parts)


def _offset_of(header: Header, number: int) -> int:
    """Return the offset of a header's record by its number in the block."""
    offset = header.first_offset + number
    for gap in header.gaps:
        if gap.first > offset:
            break
        offset += gap.last - gap.first + 1
    return offset
