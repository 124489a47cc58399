"""A log's state as the vault has it, over a real directory: rotations are followed, and a gap or a stranger halts."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from auditseal_archiver.log_state import read_log_state
from auditseal_schemas.block import Block
from auditseal_schemas.halt import Halt
from auditseal_schemas.key import SigningKey, VerifierKey
from auditseal_schemas.log import LogState
from auditseal_schemas.note import NoteSignature
from auditseal_schemas.public_key import ML_DSA_44
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


SECOND, LATER = SigningKey.generate(ML_DSA_44), SigningKey.generate(ML_DSA_44)
BOTH, CHANGED = (KEY, VerifierKey.of(str(ORIGIN), SECOND)), (KEY, VerifierKey.of(str(ORIGIN), LATER))


def with_second_key(begun_with: tuple[VerifierKey, ...], added: int, changed: int) -> tuple[list[Block], LogState]:
    """Return a log of 12 blocks that announces a second key at one height, and another one at the next."""
    signers = dict(zip((*BOTH, *CHANGED), (SIGNER, SECOND, SIGNER, LATER), strict=True))
    blocks, state = [], LogState.genesis(ORIGIN, begun_with)
    for height in range(12):
        following = {added: BOTH, changed: CHANGED}.get(height, ())
        block = sealed(
            messages([height]),
            state,
            signers=[signers[key] for key in state.keys],
            now=NOW + height,
            next_keys=tuple(map(str, following)),
        )
        blocks.append(block)
        state = state.accept(block)
    return blocks, state


@pytest.mark.parametrize("added", [0, 3, 10])
def test_a_second_key_that_a_block_announced_is_followed(vault: FaultyVault, added: int) -> None:
    """The first key signs on, so its signature alone doesn't show that another key must sign, too."""
    blocks, state = with_second_key((KEY,), added, -1)
    store(vault, *blocks)
    assert read_log_state(vault, PINNED) == state
    assert state.keys == BOTH


def test_a_second_key_that_was_changed_is_followed(vault: FaultyVault) -> None:
    blocks, state = with_second_key((KEY,), 2, 7)
    store(vault, *blocks)
    assert read_log_state(vault, PINNED) == state
    assert state.keys == CHANGED


def test_a_second_key_that_nobody_announced_is_ignored(vault: FaultyVault) -> None:
    blocks, state = with_second_key(BOTH, -1, -1)
    store(vault, *blocks)
    assert read_log_state(vault, PINNED).keys == (KEY,)
    assert read_log_state(vault, PinnedLog(ORIGIN, BOTH)) == state


def test_a_strangers_line_in_the_logs_name_is_ignored(vault: FaultyVault) -> None:
    blocks, state = rotated(8, set())
    line = NoteSignature(str(ORIGIN), b"\0" * 4, b"stranger")
    noted = [replace(block, note=replace(block.note, signatures=(*block.note.signatures, line))) for block in blocks]
    store(vault, *blocks[:5], *noted[5:])
    assert read_log_state(vault, PINNED) == state


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
