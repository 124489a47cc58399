"""Which keys a sealer signs with after a change of keys, and from which blocks it continues."""

from dataclasses import replace

import pytest

from auditseal_schemas.block import Block
from auditseal_schemas.block_draft import BlockDraft, BlockLimits
from auditseal_schemas.errors import ConfigurationError
from auditseal_schemas.halt import Halt, HaltError
from auditseal_schemas.key import SigningKey, VerifierKey
from auditseal_schemas.log import LogState
from auditseal_sealer.key_rotation import try_signer
from auditseal_sealer.log_keys import LogKeys
from auditseal_sealer.recovery import GenesisRule, recover
from auditseal_sealer.sources import EventsPartition, LogSources
from auditseal_vault.log_reader import StoredBlock
from tests.factory.blocks import GENESIS, NOW, SOURCE
from tests.factory.keys import KEY, ORIGIN, OTHER_KEY, OTHER_SIGNER, SIGNER, signing_key

THIRD = VerifierKey(str(ORIGIN), signing_key("third").public)
OLD, BOTH, NEW = LogKeys((KEY,)), LogKeys((KEY, OTHER_KEY)), LogKeys((OTHER_KEY,), (KEY,))


def changed_log() -> list[Block]:
    """Return a block by the first key, the announcement of the second, and two blocks by the second."""
    state, blocks = GENESIS, list[Block]()
    for signer, following in ((SIGNER, ()), (SIGNER, (str(OTHER_KEY),)), (OTHER_SIGNER, ()), (OTHER_SIGNER, ())):
        draft = BlockDraft(state, BlockLimits())
        block = draft.seal(SOURCE, [signer], now=NOW, sealer="test/1", next_keys=following)
        state = state.accept(block)
        blocks.append(block)
    return blocks


BLOCKS = changed_log()
EVENTS = EventsPartition(SOURCE.cluster_id, SOURCE.topic_id, SOURCE.partitions, 0, 0, 1)
FORBIDDEN = GenesisRule(allowed=False, predecessor=None)


def continued(keys: LogKeys, head: int, archived: int | None) -> LogState:
    """Return where a log continues whose topic ends at a height, and whose vault at another one."""
    stored = None if archived is None else StoredBlock(archived, ORIGIN.block_key(archived), "", raw(archived))
    following = 0 if archived is None else archived + 1
    unarchived = raw(following) if following <= head else None
    return recover(ORIGIN, keys, LogSources(EVENTS, raw(head), unarchived, (), stored, ""), FORBIDDEN).state


def raw(height: int) -> bytes:
    return BLOCKS[height].format()


@pytest.mark.parametrize("archived", [None, 0, 1, 2, 3])
@pytest.mark.parametrize("head", [0, 1, 2, 3])
@pytest.mark.parametrize("keys", [OLD, BOTH, NEW], ids=["old", "both", "new"])
def test_the_log_says_which_key_signs_next(keys: LogKeys, head: int, archived: int | None) -> None:
    if archived is not None and archived > head:
        return
    wanted = KEY if head == 0 else OTHER_KEY
    known = {*keys.signing, *keys.retired}
    if wanted in keys.signing and (KEY in known or (head > 1 and archived is not None and archived > 1)):
        assert continued(keys, head, archived).keys == (wanted,)
        return
    with pytest.raises(HaltError) as caught:
        continued(keys, head, archived)
    assert caught.value.halt in {Halt.KEY, Halt.SQUATTED}


def test_a_sealer_that_lacks_the_announced_key_says_which_one_it_needs() -> None:
    with pytest.raises(HaltError, match=rf"block 2 must be signed by .*\+{OTHER_KEY.key_id.hex()}\+") as caught:
        continued(OLD, 1, None)
    assert caught.value.halt is Halt.KEY


def test_a_retired_key_never_signs_again() -> None:
    with pytest.raises(HaltError) as caught:
        continued(NEW, 0, None)
    assert caught.value.halt is Halt.KEY


def test_a_block_of_a_third_key_is_a_halt() -> None:
    stranger = replace(BLOCKS[0].note, signatures=())
    assert BOTH.signer_of(replace(BLOCKS[0], note=stranger)) == KEY
    with pytest.raises(HaltError) as caught:
        continued(LogKeys((THIRD,)), 0, None)
    assert caught.value.halt is Halt.KEY


class Lying:
    """A signer that shows one key and signs with another."""

    algorithm, public = SIGNER.algorithm, SIGNER.public

    def sign(self, message: bytes) -> bytes:
        return OTHER_SIGNER.sign(message)


def test_a_key_that_does_not_sign_is_found_before_it_is_announced() -> None:
    try_signer(SigningKey.generate(), "sealer.key_file")
    with pytest.raises(ConfigurationError, match=r"the key of sealer\.next_key_file does not sign: BAD_SIGNATURE"):
        try_signer(Lying(), "sealer.next_key_file")
