"""One object checked alone: the record that was altered, and the notes of other versions."""

from dataclasses import replace
from hashlib import sha256
from random import Random
from zlib import compressobj

import pytest

from auditseal_auditor import object_check as module
from auditseal_auditor.object_check import altered_record
from auditseal_schemas.block import Block
from auditseal_schemas.block_draft import BlockDraft, BlockLimits, SourceIdentity
from auditseal_schemas.container import Chunk
from auditseal_schemas.record import next_link
from auditseal_schemas.verdict import Verdict
from tests.factory.audits import audit
from tests.factory.blocks import resigned
from tests.factory.keys import SIGNER
from tests.factory.streams import stored_deflate
from tests.factory.vaults import (
    ORIGINS,
    genesis,
    lock_until,
    make_messages,
    make_vault,
)

LOG = ORIGINS[0]


OFFSETS = [3, 4, 7, 10, 11, 12, 20]


def sealed() -> Block:
    """Return a block of records with gaps before, between and after them."""
    draft = BlockDraft(genesis(LOG), BlockLimits(), compress=stored_deflate)
    assert draft.extend(make_messages(LOG, OFFSETS)) == len(OFFSETS)
    return draft.seal(SourceIdentity("C", "T", 1, 0), [SIGNER], now=1, sealer="auditseal/test")


def deflated(content: bytes) -> bytes:
    stream = compressobj(wbits=-15)
    return stream.compress(content) + stream.flush()


def chunked(block: Block, records: list[bytes], *sizes: int) -> Block:
    """Return a block with other records, in data blocks of so many each."""
    chunks, rest = [], list(records)
    for size in sizes:
        part, rest = rest[:size], rest[size:]
        chunks.append(Chunk(size, deflated(b"".join(part))))
    return replace(block, chunks=tuple(chunks))


def place(block: Block) -> tuple[object, ...] | None:
    error = altered_record(block)
    return error and (error.verdict, error.field, error.offset)


@pytest.mark.parametrize("number", range(len(OFFSETS)))
@pytest.mark.parametrize("sizes", [(7,), (1, 2, 4), (1,) * 7], ids=str)
def test_every_record_is_named_by_its_own_offset(number: int, sizes: tuple[int, ...]) -> None:
    block = sealed()
    records = list(block.encoded_records())
    assert place(chunked(block, records, *sizes)) is None
    records[number] = records[number].replace(b"number", b"numbed")
    assert place(chunked(block, records, *sizes)) == (Verdict.BAD_RECORD, "record", OFFSETS[number])


@pytest.mark.parametrize("number", range(len(OFFSETS)))
def test_a_record_that_is_gone_is_named_where_the_rest_moved_up(number: int) -> None:
    block = sealed()
    records = list(block.encoded_records())
    assert place(chunked(block, records[:number], number)) == (Verdict.BAD_RECORD, "record", OFFSETS[number])


@pytest.mark.parametrize("number", range(1, len(OFFSETS)))
def test_what_follows_a_record_that_is_none_is_not_looked_at(number: int) -> None:
    """Not even where a further data block holds good ones."""
    block = sealed()
    records = list(block.encoded_records())
    broken = [*records[: number - 1], b"\xff" * 30]
    harmed = chunked(block, [*broken, *records[number:]], number, len(OFFSETS) - number)
    assert place(harmed) == (Verdict.BAD_RECORD, "record", OFFSETS[number - 1])


def test_a_stream_that_breaks_is_read_up_to_the_break() -> None:
    block = sealed()
    content = b"".join(block.encoded_records())
    ends = [sum(map(len, list(block.encoded_records())[:count])) for count in range(1, len(OFFSETS) + 1)]
    for cut in range(0, len(content), 7):
        harmed = replace(block, chunks=(Chunk(len(OFFSETS), stored_deflate(content)[: 5 + cut]),))
        expected = OFFSETS[next(number for number, end in enumerate(ends) if end > cut)]
        assert place(harmed) == (Verdict.BAD_RECORD, "record", expected)


@pytest.mark.parametrize("bombs", [1, 3])
def test_no_more_is_inflated_than_was_sealed_and_one_byte(bombs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all data blocks together: the first record is given up, since the rest of it is cut."""
    block = sealed()
    record = next(block.encoded_records())
    sizes: list[int] = []
    inflate = module._inflate_prefix

    def noted(data: bytes, most: int) -> bytes:
        content = inflate(data, most)
        sizes.append(len(content))
        return content

    monkeypatch.setattr(module, "_inflate_prefix", noted)
    bomb = Chunk(1, deflated(record + bytes(1_000_000)))
    assert place(replace(block, chunks=(bomb,) * bombs)) == (Verdict.BAD_RECORD, "record", OFFSETS[1])
    assert sizes == [block.header.size + 1]


def test_data_blocks_of_just_what_was_sealed_are_all_read() -> None:
    block = sealed()
    records = list(block.encoded_records())
    assert sum(map(len, records)) == block.header.size
    for most in (block.header.size, block.header.size + 1):
        assert module._inflate_prefix(deflated(b"".join(records)), most) == b"".join(records)
    short = block.header.size - 1
    assert module._inflate_prefix(deflated(b"".join(records)), short) == b"".join(records)
    assert module._inflate_prefix(deflated(b"".join(records) + b"x"), short) == b"".join(records)


def test_without_the_signed_locators_nothing_is_named() -> None:
    block = sealed()
    other = replace(block, locators=bytes(len(block.locators)))
    assert sha256(other.locators).digest() != block.header.locators
    records = list(block.encoded_records())
    records[0] = records[1]
    assert place(chunked(other, records, 7)) is None


def test_a_later_link_that_fits_by_chance_moves_nothing() -> None:
    """Locators are two bytes: the record after an altered one can have the one that the altered record should have."""
    block = sealed()
    records = list(block.encoded_records())
    before, wanted = next_link(block.header.first_link, records[0]), block.locators[2:4]
    altered = next(
        record
        for record in (records[1].replace(b"number", b"%06x" % number) for number in range(1 << 24))
        if (link := next_link(before, record))[:2] != wanted and next_link(link, records[2])[:2] == wanted
    )
    assert place(chunked(block, [records[0], altered, *records[2:]], 7)) == (Verdict.BAD_RECORD, "record", OFFSETS[1])


def test_a_stream_may_look_back_as_far_as_deflate_can() -> None:
    content = Random(1).randbytes(30_000) * 2
    stream = deflated(content)
    assert len(stream) < 40_000
    assert module._inflate_prefix(stream, len(content)) == content


KEY = LOG.block_key(1)


def test_of_very_many_rivals_thirty_two_are_compared() -> None:
    """Versions that say what was said before take no place."""
    vault, logs = make_vault()
    for number in range(40):
        for _ in range(2):
            vault.put(KEY, resigned(logs[0][1], sealer=f"rival/{number}").format(), lock_until())
    report = audit(vault)
    assert report.logs[0].findings.counts == {Verdict.BAD_STORAGE: 1, Verdict.FORK: 32}


def test_versions_that_are_no_blocks_hide_no_rival() -> None:
    vault, logs = make_vault()
    vault.put(KEY, resigned(logs[0][1], sealer="first").format(), lock_until())
    vault.put(KEY, b"garbage", lock_until())
    vault.put(KEY, resigned(logs[0][1], sealer="last").format(), lock_until())
    assert audit(vault).logs[0].findings.counts == {Verdict.BAD_STORAGE: 1, Verdict.FORK: 2}
