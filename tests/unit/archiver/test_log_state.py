"""A log's state as the vault has it, over a real directory: rotations are followed, and a gap or a stranger halts."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from auditseal_archiver.log_state import read_log_state
from auditseal_schemas.block import Block
from auditseal_schemas.halt import Halt
from auditseal_schemas.log import LogState
from auditseal_schemas.trust import PinnedLog, Start
from tests.factory.archiving import PINNED, FaultyVault, halts, store
from tests.factory.blocks import GENESIS, NOW, sealed
from tests.factory.keys import KEY, ORIGIN, OTHER_KEY, OTHER_SIGNER, SIGNER
from tests.factory.messages import messages


@pytest.fixture
def vault(tmp_path: Path) -> FaultyVault:
    return FaultyVault(tmp_path)


def rotated(count: int, rotations: set[int]) -> tuple[list[Block], LogState]:
    """Return a log whose key changes, back and forth between two, after the given heights."""
    keys = [(SIGNER, KEY), (OTHER_SIGNER, OTHER_KEY)]
    blocks, state, current = [], GENESIS, 0
    for height in range(count):
        following = (str(keys[1 - current][1]),) if height in rotations else ()
        block = sealed(messages([height]), state, signers=[keys[current][0]], now=NOW + height, next_keys=following)
        blocks.append(block)
        state = state.accept(block)
        current = 1 - current if following else current
    return blocks, state


@pytest.mark.parametrize("rotations", [{0}, {3}, {6}, {7}, {1, 4}, {0, 1, 2}, {2, 5, 6}])
def test_rotations_are_followed_without_reading_every_block(vault: FaultyVault, rotations: set[int]) -> None:
    blocks, state = rotated(8, rotations)
    store(vault, *blocks)
    assert read_log_state(vault, PINNED).root == state.root


def test_a_rotation_is_followed_to_the_keys_after_it(vault: FaultyVault) -> None:
    blocks, state = rotated(40, {17})
    store(vault, *blocks)
    assert read_log_state(vault, PINNED) == state
    assert state.keys == (OTHER_KEY,)


def test_keys_pinned_at_a_start_count_from_there(vault: FaultyVault) -> None:
    blocks, state = rotated(8, {2})
    store(vault, *blocks[3:])
    assert read_log_state(vault, PinnedLog(ORIGIN, (OTHER_KEY,), Start(3, blocks[3].frontier.root))) == state


def test_a_hole_below_the_head_where_keys_are_looked_for(vault: FaultyVault) -> None:
    blocks, _ = rotated(8, {2})
    store(vault, blocks[0], *blocks[5:])
    halts(Halt.BLOCKS_LOST, read_log_state, vault, PINNED)


def test_garbage_below_the_head_where_keys_are_looked_for(vault: FaultyVault) -> None:
    blocks, _ = rotated(8, {2})
    store(vault, *blocks[1:])
    vault.put(ORIGIN.block_key(0), b"garbage", datetime.now(UTC))
    halts(Halt.SQUATTED, read_log_state, vault, PINNED)
