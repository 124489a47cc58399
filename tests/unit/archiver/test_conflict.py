"""What an object means that is already at a block's key, from values alone."""

from dataclasses import replace

import pytest

from auditseal_archiver.conflict import check_same_block
from auditseal_schemas.halt import Halt
from auditseal_schemas.note import Note
from tests.factory.archiving import halts
from tests.factory.blocks import NOW, chain, flipped, resigned
from tests.factory.keys import KEY, ORIGIN, OTHER_KEY, OTHER_SIGNER

BLOCKS, _ = chain(3, 2, 0, 4)
KEYS = ((KEY,),)
OURS = BLOCKS[1].format()


def test_equal_bytes_are_what_was_stored() -> None:
    check_same_block(KEYS, OURS, OURS)


def test_another_signed_block_of_the_height_is_a_fork() -> None:
    other = resigned(BLOCKS[1], sealed_at=NOW + 7)
    said = halts(Halt.FORK, check_same_block, KEYS, OURS, other.format())
    assert other.leaf.hex() in said
    assert BLOCKS[1].leaf.hex() in said
    rotated = ((OTHER_KEY,), (KEY,))
    halts(Halt.FORK, check_same_block, rotated, OURS, other.format())


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
    assert ORIGIN.block_key(1) in halts(Halt.SQUATTED, check_same_block, KEYS, OURS, stored)


def test_a_difference_to_a_block_that_is_none_of_the_log_is_the_topics_fault() -> None:
    ours = resigned(BLOCKS[1], sealed_at=NOW + 7, signers=[OTHER_SIGNER]).format()
    halts(Halt.INVALID_BLOCK, check_same_block, KEYS, ours, OURS)
    halts(Halt.INVALID_BLOCK, check_same_block, KEYS, b"garbage", OURS)
