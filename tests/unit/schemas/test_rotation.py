"""The keys that rotations lead to: which blocks may announce them, and for which heights."""

import pytest

from auditseal_schemas.block import Block
from auditseal_schemas.errors import VerificationError
from auditseal_schemas.rotation import Rotation, keys_after
from auditseal_schemas.trust import PinnedLog, Start
from auditseal_schemas.verdict import Verdict
from tests.factory.keys import SIGNER, keys_of, signing_key
from tests.factory.vaults import ORIGINS, genesis, seal

LOG = ORIGINS[0]
PINNED = PinnedLog(LOG, keys_of(LOG))
SIGNERS = (SIGNER, signing_key("second"), signing_key("third"))


def rotating() -> list[Block]:
    """Return blocks 0 and 1, each of which announces the key of the next one, and block 2."""
    state, blocks = genesis(LOG, SIGNER), []
    for signer, following in zip(SIGNERS, (*SIGNERS[1:], None), strict=True):
        announced = () if following is None else (str(keys_of(LOG, following)[0]),)
        blocks.append(seal(state, 1, signers=(signer,), next_keys=announced))
        state = state.accept(blocks[-1])
    return blocks


BLOCKS = rotating()
FIRST, SECOND = (Rotation.of(block) for block in BLOCKS[:2])


def refused(pinned: PinnedLog, rotations: list[Rotation], height: int) -> tuple[Verdict, str]:
    with pytest.raises(VerificationError) as caught:
        keys_after(pinned, rotations, height)
    return caught.value.verdict, caught.value.field


def test_blocks_that_follow_each_other_may_announce_keys_from_the_first_one_on() -> None:
    assert keys_after(PINNED, [], 0) == keys_of(LOG)
    assert keys_after(PINNED, [FIRST], 1) == keys_of(LOG, SIGNERS[1])
    assert keys_after(PINNED, [FIRST, SECOND], 2) == keys_of(LOG, SIGNERS[2])


def test_a_block_announces_for_the_heights_above_it_only() -> None:
    assert refused(PINNED, [FIRST], 0) == (Verdict.BAD_KEY, "rotations")
    assert refused(PINNED, [FIRST, SECOND], 1) == (Verdict.BAD_KEY, "rotations")


def test_rotations_ascend() -> None:
    assert refused(PINNED, [SECOND, FIRST], 2)[0] is Verdict.BAD_SIGNATURE
    assert refused(PINNED, [FIRST, FIRST], 2) == (Verdict.BAD_KEY, "rotations")


def test_a_log_that_is_pinned_from_a_start_on_announces_from_there_on() -> None:
    keys = keys_of(LOG, SIGNERS[1])
    at_start = PinnedLog(LOG, keys, Start(1, BLOCKS[1].frontier.root))
    assert keys_after(at_start, [SECOND], 2) == keys_of(LOG, SIGNERS[2])
    above = PinnedLog(LOG, keys, Start(2, BLOCKS[2].frontier.root))
    assert refused(above, [SECOND], 3) == (Verdict.BAD_KEY, "rotations")
