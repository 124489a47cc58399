"""What the archiver does with a block, from values alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from auditseal_archiver.decision import (
    CLOCK_LEAD,
    CompareBlock,
    MissingBlocks,
    StoreBlock,
    decide,
    parse_block,
)
from auditseal_archiver.retention import sealed_time
from auditseal_schemas.block import Block
from auditseal_schemas.halt import Halt
from tests.factory.archiving import halts
from tests.factory.blocks import NOW, chain, resigned
from tests.factory.keys import OTHER_SIGNER

BLOCKS, STATES = chain(3, 2, 0, 4)
AT_NOW = datetime.fromtimestamp(NOW / 1_000_000, UTC)


@pytest.mark.parametrize("height", range(4))
def test_a_block_is_stored_compared_or_missed_by_its_height(height: int) -> None:
    for at, block in enumerate(BLOCKS):
        decision = decide(STATES[height], block, AT_NOW)
        if at < height:
            assert decision == CompareBlock()
        elif at == height:
            assert decision == StoreBlock(STATES[height + 1])
        else:
            assert decision == MissingBlocks(height, at - 1)


@pytest.mark.parametrize(
    "block",
    [
        resigned(BLOCKS[1], previous=bytes(32)),
        resigned(BLOCKS[1], first_offset=4, last_offset=5),
        resigned(BLOCKS[1], signers=[OTHER_SIGNER]),
        resigned(BLOCKS[1], events_root=bytes(32)),
        resigned(BLOCKS[1], payload=bytes(32)),
        replace(BLOCKS[1], chunks=BLOCKS[0].chunks),
    ],
)
def test_what_an_auditor_would_refuse_is_not_stored(block: Block) -> None:
    assert "block 1 of audit.example.com" in halts(Halt.INVALID_BLOCK, decide, STATES[1], block, AT_NOW)


def test_a_block_from_the_future_is_not_stored() -> None:
    assert decide(STATES[0], BLOCKS[0], AT_NOW - CLOCK_LEAD) == StoreBlock(STATES[1])
    halts(Halt.CLOCK, decide, STATES[0], BLOCKS[0], AT_NOW - CLOCK_LEAD - timedelta(microseconds=1))
    beyond = resigned(BLOCKS[0], sealed_at=2**62)
    assert sealed_time(beyond).year == 9999
    halts(Halt.CLOCK, decide, STATES[0], beyond, AT_NOW)


def test_bytes_that_are_no_block() -> None:
    assert parse_block(BLOCKS[0].format(), "it") == BLOCKS[0]
    for data in (b"", BLOCKS[0].format()[:-1], BLOCKS[0].format() + b"\0"):
        assert "it in the blocks topic" in halts(Halt.INVALID_BLOCK, parse_block, data, "it")
