"""Bytes made to hurt: each is refused by name, at once, and within bounded memory."""

import time
import tracemalloc
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from auditseal_schemas.block import Block
from auditseal_schemas.checkpoint import Checkpoint
from auditseal_schemas.container import Chunk, Container
from auditseal_schemas.deflate import deflate, inflate
from auditseal_schemas.errors import MalformedError, VerificationError
from auditseal_schemas.header import Extension, Gap, Header
from auditseal_schemas.limits import MAX_BLOCK_BYTES, MAX_CHUNK_BYTES, MAX_OBJECT_BYTES, MAX_RECORDS, MIB
from auditseal_schemas.log import LogState
from auditseal_schemas.note import Note
from auditseal_schemas.record import RecordEncoder, parse_record, scan_record
from auditseal_schemas.varint import encode_long
from auditseal_schemas.verification import RECORDS, STORED, verify
from tests.factory.blocks import chain, empty_header, read_or_refuse
from tests.factory.keys import KEY
from tests.factory.streams import deflate_without_isal

BLOCKS, STATES = chain(3, 2)
BLOCK = BLOCKS[1]
DATA = BLOCK.format()
RECORD = RecordEncoder().encode(5, 7, b"k", [("h", b"v"), ("n", None)], b"value")
HEADER = empty_header(
    last_offset=2, gaps=(Gap(0, 1, 0), Gap(2, 2, 1)), next_keys=(str(KEY),), extensions=(Extension("k", b"v"),)
).format()
HUGE = [2**62, 2**63 - 1, -1, -2, -(2**63), 2**31, -(2**31), 2**32, 2**40, MAX_OBJECT_BYTES + 1]


@contextmanager
def bounded(mebibytes: float, seconds: float) -> Iterator[None]:
    """Fail where the peak of allocations or the CPU time exceeds the bound."""
    tracemalloc.start()
    begin = time.process_time()
    try:
        yield
        taken, (_, peak) = time.process_time() - begin, tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < mebibytes * MIB
    assert taken < seconds


def refuse(read: Callable[[], object]) -> VerificationError:
    with pytest.raises(VerificationError) as caught:
        read()
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 5000
    return caught.value


def verify_object(data: bytes) -> LogState:
    """Do with an object all that a verifier does."""
    block = Block.parse(data)
    verify(block, RECORDS)
    return STATES[1].accept(block)


@pytest.mark.parametrize("number", HUGE)
@pytest.mark.parametrize(
    ("read", "data"),
    [(parse_record, RECORD), (Header.parse, HEADER), (verify_object, DATA)],
    ids=["record", "header", "block"],
)
def test_a_huge_length_or_count_anywhere(read: Callable[[bytes], Any], data: bytes, number: int) -> None:
    """Put the number in the place of every byte: so it replaces every length and count."""
    encoded, original = encode_long(number), read(data)
    with bounded(2, 20):
        for position in range(len(data)):
            changed = data[:position] + encoded + data[position + 1 :]
            if changed != data:
                assert read_or_refuse(read, changed) != original


@pytest.mark.parametrize("filler", [b"\x00", b"\xff", b"\x80", b"\x02"])
@pytest.mark.parametrize(
    "read", [parse_record, Header.parse, Block.parse, Note.parse], ids=lambda read: read.__qualname__
)
def test_as_many_equal_bytes_as_an_object_may_have(read: Callable[[bytes], Any], filler: bytes) -> None:
    data = filler * MAX_OBJECT_BYTES
    with bounded(1, 10):
        refuse(lambda: read(data))


def test_headers_without_end() -> None:
    """Two bytes a header, so that 4 million of them fit into the largest contents: read, and in bounded time."""
    start, names, end = b"\x00\x00\x00\x02", b"\x00\x00" * 100_000, b"\x00" + b"\x00\x00\x00"
    data = start + encode_long(100_000) + names + end
    with bounded(32, 10):
        assert scan_record(data, 0).end == len(data)
    with bounded(1, 10):
        refuse(lambda: scan_record(start + encode_long(2**62) + names[:20_000] + end, 0))


def bomb(mebibytes: int) -> bytes:
    """Return a deflate stream of so many MiB of zeros, a thousandth of that long."""
    compressor = zlib.compressobj(9, wbits=-15)
    start = compressor.compress(bytes(MIB)) + compressor.flush(zlib.Z_FULL_FLUSH)
    return start * mebibytes + compressor.flush()


@pytest.mark.parametrize("read", [inflate, deflate_without_isal().inflate], ids=["isal", "zlib"])
def test_a_decompression_bomb(read: Callable[[bytes, int], bytes]) -> None:
    stream = bomb(2048)
    assert len(stream) < 3 * MIB
    with bounded(MAX_CHUNK_BYTES / MIB * 3 + 4, 5), pytest.raises(MalformedError, match="more than"):
        read(stream, MAX_CHUNK_BYTES)


@pytest.mark.parametrize(("count", "peak"), [(1, 36), (2, 20), (MAX_RECORDS, 20)])
def test_a_bomb_in_a_block(count: int, peak: int) -> None:
    header = replace(BLOCK.header, size=MAX_BLOCK_BYTES)
    data = replace(BLOCK, header=header, chunks=(Chunk(count, bomb(1024)),)).format()
    with bounded(peak, 5):
        assert refuse(lambda: verify(Block.parse(data), RECORDS)).field == "payload"


def test_bombs_within_the_bounds_stop_at_the_headers_size() -> None:
    """Each data block is legal alone; together they hold more than the block may."""
    one = Chunk(2, deflate(bytes(MAX_CHUNK_BYTES)))
    data = replace(BLOCK, header=replace(BLOCK.header, size=MAX_BLOCK_BYTES), chunks=(one,) * 400).format()
    with bounded(24, 5):
        refuse(lambda: verify(Block.parse(data), RECORDS))


def test_as_many_records_as_can_be_promised() -> None:
    smallest = RecordEncoder().encode(0, 0, None, None, None)
    records = smallest * MAX_RECORDS
    header = replace(BLOCK.header, size=len(records), first_offset=0, last_offset=1)
    data = replace(BLOCK, header=header, chunks=(Chunk(MAX_RECORDS, deflate(records)),)).format()
    with bounded(24, 10):
        assert refuse(lambda: verify(Block.parse(data), RECORDS)).field == "record.offset"


def test_as_many_data_blocks_as_an_object_can_hold() -> None:
    tiny = (Chunk(1, b""),)
    one, two = (replace(BLOCK, chunks=tiny * number).format() for number in (1, 2))
    assert two.startswith(one)
    data = one + two[len(one) :] * (MAX_OBJECT_BYTES // 18 - 1000)
    assert MAX_OBJECT_BYTES - 20_000 < len(data) < MAX_OBJECT_BYTES
    with bounded(16, 10):
        assert refuse(lambda: Block.parse(data)).field == "container"


@pytest.mark.parametrize("part", ["header", "frontier", "checkpoint", "locators"])
def test_a_wrapper_with_a_huge_part(part: str) -> None:
    container = Container.parse(DATA)
    whole = replace(container, **{part: bytes((7,)) * (8 * MIB)})  # type: ignore[arg-type]
    data = whole.format()
    with bounded(64, 5):
        try:
            block = Block.parse(data)
        except MalformedError:
            return
        assert part == "locators"
        refuse(lambda: verify(block, STORED))


def test_a_note_of_nothing_but_separators() -> None:
    with bounded(2, 2):
        for data in (b"\n" * 65_536, b"\n\n" * 20_000 + "— a AAAAAAAA\n".encode(), "— a b\n".encode() * 8_000):
            read_or_refuse(Note.parse, data)


def test_texts_that_try_a_regular_expressions_patience() -> None:
    with bounded(2, 2):
        refuse(lambda: Checkpoint.parse("a/" * 30_000 + "\n1\n" + b64encode(bytes(32)).decode() + "\n"))
        refuse(lambda: type(KEY).parse("+" * 60_000))
        refuse(lambda: type(KEY).parse("a" * 255 + "+00000000+" + "A" * 60_000))
