"""What the archiver decides, from values alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from auditseal_archiver.intake import (
    CLOCK_LEAD,
    Compare,
    Missing,
    Store,
    check_stored,
    decide,
    parse_block,
    retain_until,
    time_of,
)
from auditseal_schemas.block import Block
from auditseal_schemas.halt import Halt, HaltError
from auditseal_schemas.note import Note
from tests.factory.blocks import NOW, chain, flipped, resigned, sealed
from tests.factory.keys import KEY, ORIGIN, OTHER_KEY, OTHER_SIGNER
from tests.factory.messages import messages

BLOCKS, STATES = chain(3, 2, 0, 4)
AT_NOW = datetime.fromtimestamp(NOW / 1_000_000, UTC)
KEYS = ((KEY,),)


def halts(halt: Halt, call: object, *arguments: object) -> str:
    with pytest.raises(HaltError) as caught:
        call(*arguments)  # type: ignore[operator]
    assert caught.value.halt is halt
    return str(caught.value)


@pytest.mark.parametrize("height", range(4))
def test_a_block_is_stored_compared_or_missed_by_its_height(height: int) -> None:
    for at, block in enumerate(BLOCKS):
        decision = decide(STATES[height], block, AT_NOW)
        if at < height:
            assert decision == Compare()
        elif at == height:
            assert decision == Store(STATES[height + 1])
        else:
            assert decision == Missing(height, at - 1)


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
    assert decide(STATES[0], BLOCKS[0], AT_NOW - CLOCK_LEAD) == Store(STATES[1])
    halts(Halt.CLOCK, decide, STATES[0], BLOCKS[0], AT_NOW - CLOCK_LEAD - timedelta(microseconds=1))
    beyond = resigned(BLOCKS[0], sealed_at=2**62)
    assert time_of(beyond).year == 9999
    halts(Halt.CLOCK, decide, STATES[0], beyond, AT_NOW)


def test_bytes_that_are_no_block() -> None:
    assert parse_block(BLOCKS[0].format(), "it") == BLOCKS[0]
    for data in (b"", BLOCKS[0].format()[:-1], BLOCKS[0].format() + b"\0"):
        assert "it in the blocks topic" in halts(Halt.INVALID_BLOCK, parse_block, data, "it")


OURS = BLOCKS[1].format()


def test_equal_bytes_are_what_was_stored() -> None:
    check_stored(KEYS, OURS, OURS)


def test_another_signed_block_of_the_height_is_a_fork() -> None:
    other = resigned(BLOCKS[1], sealed_at=NOW + 7)
    said = halts(Halt.FORK, check_stored, KEYS, OURS, other.format())
    assert other.leaf.hex() in said
    assert BLOCKS[1].leaf.hex() in said
    rotated = ((OTHER_KEY,), (KEY,))
    halts(Halt.FORK, check_stored, rotated, OURS, other.format())


@pytest.mark.parametrize(
    "stored",
    [
        b"",
        b"garbage",
        OURS[:-1],
        flipped(OURS, len(OURS) // 2),
        resigned(BLOCKS[1], sealed_at=NOW + 7, signers=[OTHER_SIGNER]).format(),
        BLOCKS[0].format(),
        replace(
            BLOCKS[1],
            note=Note(
                BLOCKS[1].note.text,
                (*BLOCKS[1].note.signatures, *resigned(BLOCKS[1], signers=[OTHER_SIGNER]).note.signatures),
            ),
        ).format(),
    ],
)
def test_anything_else_that_is_stored_was_put_there_by_a_stranger(stored: bytes) -> None:
    assert ORIGIN.block_key(1) in halts(Halt.SQUATTED, check_stored, KEYS, OURS, stored)


def test_a_difference_to_a_block_that_is_none_of_the_log_is_the_topics_fault() -> None:
    ours = resigned(BLOCKS[1], sealed_at=NOW + 7, signers=[OTHER_SIGNER]).format()
    halts(Halt.INVALID_BLOCK, check_stored, KEYS, ours, OURS)
    halts(Halt.INVALID_BLOCK, check_stored, KEYS, b"garbage", OURS)


@pytest.mark.parametrize(
    ("sealed_at", "now", "end"),
    [
        ("2026-01-01T00:00:00+00:00", "2026-01-01T00:00:00+00:00", "2026-01-11T00:00:00+00:00"),
        ("2026-01-01T00:00:00.000001+00:00", "2026-01-01T00:00:00+00:00", "2026-01-11T00:00:01+00:00"),
        ("2026-01-01T00:00:00+00:00", "2026-01-02T00:00:00.5+00:00", "2026-01-12T00:00:01+00:00"),
    ],
)
def test_a_lock_ends_no_sooner_than_promised(sealed_at: str, now: str, end: str) -> None:
    micros = int(datetime.fromisoformat(sealed_at).timestamp() * 1_000_000)
    block = sealed(messages(range(1)), now=micros)
    assert time_of(block) == datetime.fromisoformat(sealed_at)
    found = retain_until(block, timedelta(days=10), datetime.fromisoformat(now))
    assert found == datetime.fromisoformat(end)
