"""A clock before 1970, what a draft is where nothing is said, and blocks and their chunks filled to the byte."""

from dataclasses import replace

from auditseal_schemas.block import Block
from auditseal_schemas.draft import BlockDraft, BlockLimits, CloseReason, encode_message
from auditseal_schemas.header import CAUSE_UNKNOWN, Gap
from auditseal_schemas.limits import MAX_CHUNK_BYTES
from tests.factory.blocks import GENESIS, NOW, SOURCE, sealed
from tests.factory.keys import SIGNER
from tests.factory.messages import Message, messages


def sized(offset: int, size: int) -> Message:
    """Return a message whose record takes so many bytes."""
    message = Message(offset, bytes(size), b"")
    message = replace(message, content=bytes(2 * size - len(encode_message(message))))
    assert len(encode_message(message)) == size
    return message


def chunks_of(*sizes: int) -> list[int]:
    """Return how many records each chunk of a block has whose records have these sizes."""
    draft = BlockDraft(GENESIS, BlockLimits())
    assert draft.extend([sized(number, size) for number, size in enumerate(sizes)]) == len(sizes)
    block = draft.seal(SOURCE, [SIGNER], now=NOW, sealer="auditseal/test")
    return [chunk.count for chunk in block.chunks]


def test_a_clock_before_1970_seals_at_0() -> None:
    assert Block.parse(sealed(messages([0]), now=-5).format()).header.sealed_at == 0


def test_a_block_closes_at_8_mib_or_50_000_records_by_default() -> None:
    assert (BlockLimits().bytes, BlockLimits().records) == (8_388_608, 50_000)


def test_of_a_log_whose_start_nobody_knows_no_offset_lies_below_it() -> None:
    draft = BlockDraft(GENESIS, BlockLimits())
    draft.extend(messages([5]))
    block = draft.seal(SOURCE, [SIGNER], now=NOW, sealer="auditseal/test")
    assert block.header.gaps == (Gap(0, 4, CAUSE_UNKNOWN),)


def test_every_chunk_may_be_full_to_the_byte() -> None:
    full, half = MAX_CHUNK_BYTES, MAX_CHUNK_BYTES // 2
    assert chunks_of(half, half, half, half) == [2, 2]
    assert chunks_of(half, half, half, half - 1) == [2, 2]
    assert chunks_of(full - 1, half, half + 1) == [1, 1, 1]


def test_a_block_may_be_full_to_the_byte_in_its_second_chunk() -> None:
    draft = BlockDraft(GENESIS, BlockLimits(bytes=MAX_CHUNK_BYTES + 100))
    assert draft.extend([sized(0, MAX_CHUNK_BYTES), sized(1, 100)]) == 2
    assert draft.full is None
    assert draft.extend([sized(2, 50)]) == 0
    assert draft.full is CloseReason.BYTES


def test_a_second_chunk_takes_no_more_than_the_block_has_left() -> None:
    draft = BlockDraft(GENESIS, BlockLimits(bytes=MAX_CHUNK_BYTES + 100))
    assert draft.extend([sized(0, MAX_CHUNK_BYTES), sized(1, 60), sized(2, 60)]) == 2
    assert draft.full is CloseReason.BYTES


def test_no_smaller_record_slips_past_one_that_has_no_room() -> None:
    draft = BlockDraft(GENESIS, BlockLimits(bytes=300))
    assert draft.extend([sized(0, 200), sized(1, 200), sized(2, 50)]) == 1
    assert (draft.full, draft.next_offset) == (CloseReason.BYTES, 1)
