"""Which keys a sealer signs with after a change of keys, and from which blocks it continues."""

from dataclasses import replace

import pytest

from auditseal_schemas.block import Block
from auditseal_schemas.block_draft import BlockDraft, BlockLimits
from auditseal_schemas.errors import ConfigurationError
from auditseal_schemas.halt import Halt, HaltError
from auditseal_schemas.key import SigningKey, VerifierKey
from auditseal_schemas.log import LogState
from auditseal_schemas.note import sign_note
from auditseal_schemas.public_key import ML_DSA_44
from auditseal_sealer.key_rotation import try_signer
from auditseal_sealer.log_keys import LogKeys
from auditseal_sealer.recovery import GenesisRule, recover
from auditseal_sealer.sources import EventsPartition, LogSources
from auditseal_vault.log_reader import StoredBlock
from tests.factory.blocks import GENESIS, NOW, SOURCE
from tests.factory.keys import KEY, ORIGIN, OTHER_KEY, OTHER_SIGNER, SIGNER, signing_key

THIRD = VerifierKey(str(ORIGIN), signing_key("third").public)
OLD, BOTH, NEW = LogKeys((KEY,)), LogKeys((KEY,), (OTHER_KEY,)), LogKeys((OTHER_KEY,), retired=(KEY,))


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
    signing = {*keys.current, *keys.following}
    known = {*signing, *keys.retired}
    if wanted in signing and (KEY in known or (head > 1 and archived is not None and archived > 1)):
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
    assert BOTH.signers_of(replace(BLOCKS[0], note=stranger)) == (KEY,)
    with pytest.raises(HaltError) as caught:
        continued(LogKeys((THIRD,)), 0, None)
    assert caught.value.halt is Halt.KEY


def two_key_log() -> list[Block]:
    """Return the announcement of a second key, a block by both, a rotation of the second key, and a block after it."""
    state, blocks = GENESIS, list[Block]()
    plan = (
        ((SIGNER,), (KEY, SECOND_KEY)),
        ((SIGNER, SECOND), ()),
        ((SIGNER, SECOND), (KEY, LATER_KEY)),
        ((SIGNER, LATER), ()),
    )
    for signers, following in plan:
        draft = BlockDraft(state, BlockLimits())
        block = draft.seal(SOURCE, signers, now=NOW, sealer="test/1", next_keys=tuple(map(str, following)))
        state = state.accept(block)
        blocks.append(block)
    return blocks


SECOND, LATER = SigningKey.generate(ML_DSA_44), SigningKey.generate(ML_DSA_44)
SECOND_KEY, LATER_KEY = VerifierKey.of(str(ORIGIN), SECOND), VerifierKey.of(str(ORIGIN), LATER)
TWO_KEYS = two_key_log()
ADDING = LogKeys((KEY,), (KEY, SECOND_KEY))
WITH_SECOND = LogKeys((KEY, SECOND_KEY))
CHANGING = LogKeys((KEY, SECOND_KEY), (KEY, LATER_KEY))


def at_head(keys: LogKeys, head: Block, aborted: tuple[bytes, ...] = ()) -> LogState:
    """Return where a log continues whose topic and vault end with a block."""
    stored = StoredBlock(head.header.height, ORIGIN.block_key(head.header.height), "", head.format())
    return recover(ORIGIN, keys, LogSources(EVENTS, head.format(), None, aborted, stored, ""), FORBIDDEN).state


def test_a_second_key_is_announced_and_changed_as_the_first_one_is() -> None:
    assert at_head(ADDING, TWO_KEYS[0]).keys == (KEY, SECOND_KEY)
    for keys in (ADDING, WITH_SECOND, CHANGING):
        assert at_head(keys, TWO_KEYS[1]).keys == (KEY, SECOND_KEY)
    assert at_head(CHANGING, TWO_KEYS[2]).keys == (KEY, LATER_KEY)
    changed = LogKeys((KEY, LATER_KEY), retired=(SECOND_KEY,))
    assert at_head(changed, TWO_KEYS[2]).keys == at_head(changed, TWO_KEYS[3]).keys == (KEY, LATER_KEY)


def test_a_new_log_begins_with_both_keys() -> None:
    sources = LogSources(EVENTS, None, None, (), None, "")
    assert recover(ORIGIN, WITH_SECOND, sources, GenesisRule(allowed=True, predecessor=None)).state.keys == (
        KEY,
        SECOND_KEY,
    )


@pytest.mark.parametrize(
    ("keys", "height", "problem"),
    [
        (OLD, 0, r"must be signed by .*, and this sealer doesn't have that key"),
        (WITH_SECOND, 3, r"doesn't have that key|isn't one of ours|after the last block's signatures"),
        (LogKeys((KEY, LATER_KEY), retired=(SECOND_KEY,)), 1, r"doesn't have that key"),
    ],
    ids=["without the second key", "with an earlier one", "with a later one"],
)
def test_a_sealer_with_another_second_key_halts(keys: LogKeys, height: int, problem: str) -> None:
    with pytest.raises(HaltError, match=problem) as caught:
        at_head(keys, TWO_KEYS[height])
    assert caught.value.halt is Halt.KEY


@pytest.mark.parametrize("kept", [0, 1], ids=["the first line", "the second line"])
def test_a_head_with_one_line_of_two_is_a_halt(kept: int) -> None:
    """Who may write to the topic may strip a line; the log must not continue with one key because of that."""
    note = TWO_KEYS[1].note
    stripped = replace(TWO_KEYS[1], note=replace(note, signatures=note.signatures[kept : kept + 1]))
    with pytest.raises(HaltError, match=r"after the last block's signatures .* a signature line was removed") as caught:
        at_head(WITH_SECOND, stripped)
    assert caught.value.halt is Halt.KEY


def test_a_second_key_that_was_not_announced_does_not_sign() -> None:
    with pytest.raises(HaltError, match="announce a new key with `auditseal keys rotate`") as caught:
        at_head(WITH_SECOND, BLOCKS[0])
    assert caught.value.halt is Halt.KEY


def test_a_signed_block_that_was_aborted_is_committed_with_its_own_signatures() -> None:
    """ML-DSA-44 would make others: the bytes of the block in the topic count, and no height is signed again."""
    head, signed = TWO_KEYS[1], TWO_KEYS[2]
    stored = StoredBlock(1, ORIGIN.block_key(1), "", head.format())
    sources = LogSources(EVENTS, head.format(), None, (signed.format(),), stored, "")
    unfinished = recover(ORIGIN, CHANGING, sources, FORBIDDEN).unfinished
    assert unfinished is not None
    assert unfinished.format() == signed.format()
    note = sign_note(signed.note.text, str(ORIGIN), [SIGNER, SECOND])
    assert note != signed.note
    both = replace(sources, aborted=(signed.format(), replace(signed, note=note).format()))
    with pytest.raises(HaltError, match="at most one can be block 2") as caught:
        recover(ORIGIN, CHANGING, both, FORBIDDEN)
    assert caught.value.halt is Halt.FORK


class Lying:
    """A signer that shows one key and signs with another."""

    algorithm, public = SIGNER.algorithm, SIGNER.public

    def sign(self, message: bytes) -> bytes:
        return OTHER_SIGNER.sign(message)


def test_a_key_that_does_not_sign_is_found_before_it_is_announced() -> None:
    try_signer(SigningKey.generate(), "sealer.key_file")
    with pytest.raises(ConfigurationError, match=r"the key of sealer\.next_key_file does not sign: BAD_SIGNATURE"):
        try_signer(Lying(), "sealer.next_key_file")
