"""The log's state machine: each rule broken alone, signed again where a thief of the key could, and refused by name."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from auditseal_schemas.block import Block
from auditseal_schemas.checkpoint import Checkpoint
from auditseal_schemas.container import Chunk, payload_digest
from auditseal_schemas.errors import MalformedError, VerificationError
from auditseal_schemas.expected import Expected
from auditseal_schemas.header import Gap, Predecessor
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.log import LogState
from auditseal_schemas.merkle import Frontier, check_consistency, check_inclusion, consistency_proof, tree_root
from auditseal_schemas.note import Note, NoteSignature, sign_note
from auditseal_schemas.origin import Origin
from auditseal_schemas.verdict import Verdict
from auditseal_schemas.verification import RECORDS, SIGNED, STORED, verify
from tests.factory.blocks import GENESIS, NOW, chain, resigned, sealed
from tests.factory.keys import KEY, ORIGIN, OTHER_KEY, OTHER_SIGNER, SIGNER
from tests.factory.messages import messages

BLOCKS, STATES = chain(3, 2, 0, 4, 1)
BLOCK, STATE = BLOCKS[3], STATES[3]
HEADER = BLOCK.header
NEIGHBOUR = Origin(ORIGIN.cluster, ORIGIN.topic, 4, 0)
STRANGE = b"\x07" * 32


def refuse(block: Block, verdict: Verdict, field: str, state: LogState = STATE) -> VerificationError:
    with pytest.raises(VerificationError) as caught:
        state.accept(block)
    assert (caught.value.verdict, caught.value.field) == (verdict, field)
    assert str(caught.value).isprintable()
    return caught.value


def noted(text: str, name: str = str(ORIGIN)) -> Block:
    """Return the block with another text signed."""
    return replace(BLOCK, note=sign_note(text, name, [SIGNER]))


def test_every_block_of_a_log_is_accepted() -> None:
    state = GENESIS
    for number, block in enumerate(BLOCKS):
        assert state.height == number == block.header.height
        state = state.accept(block)
        verify(block, RECORDS)
        assert state == STATES[number + 1]
        assert state.root == tree_root([each.leaf for each in BLOCKS[: number + 1]]) == block.checkpoint.root
    assert (state.head, state.next_offset) == (BLOCKS[-1].header, 10)


@pytest.mark.parametrize("number", range(5))
def test_a_state_is_recovered_from_one_block(number: int) -> None:
    assert LogState.after(Block.parse(BLOCKS[number].format()), (KEY,)) == STATES[number + 1]


def test_a_block_carries_the_proofs_of_its_place() -> None:
    for block in BLOCKS:
        height, root = block.header.height, block.checkpoint.root
        check_inclusion(block.leaf, height, height + 1, block.frontier.path, root)
        if height:
            leaves = [each.leaf for each in BLOCKS[: height + 1]]
            check_consistency(height, block.frontier.root, height + 1, root, consistency_proof(leaves, height))


@pytest.mark.parametrize("number", [0, 1, 2, 4])
def test_another_block_of_the_log_is_not_the_next(number: int) -> None:
    """Removed, reordered, replayed."""
    refuse(BLOCKS[number], Verdict.BROKEN_CHAIN, "height")


def test_a_block_of_another_log_is_refused() -> None:
    key = VerifierKey(str(NEIGHBOUR), SIGNER.public)
    stranger = sealed(messages(range(3)), LogState.genesis(NEIGHBOUR, (key,)))
    assert LogState.genesis(NEIGHBOUR, (key,)).accept(stranger).height == 1
    refuse(stranger, Verdict.BROKEN_CHAIN, "origin", GENESIS)


def test_a_new_genesis_is_refused_in_the_middle() -> None:
    refuse(sealed(messages(range(3))), Verdict.BROKEN_CHAIN, "height")


@pytest.mark.parametrize(
    ("field", "block"),
    [
        ("height", resigned(BLOCK, height=4, frontier=STATES[4].frontier)),
        ("height", resigned(BLOCK, height=2, frontier=STATES[2].frontier)),
        ("previous", resigned(BLOCK, previous=STRANGE)),
        ("frontier", resigned(BLOCK, frontier=Frontier(3, (STRANGE, STATE.frontier.hashes[1])))),
        ("frontier", resigned(BLOCK, frontier=Frontier(3, (STATE.frontier.hashes[0], STRANGE)))),
        ("first_link", resigned(BLOCK, first_link=STRANGE)),
        ("first_offset", resigned(BLOCK, first_offset=6, last_offset=9)),
        ("first_offset", resigned(BLOCK, first_offset=4, last_offset=7)),
        ("first_offset", resigned(BLOCK, first_offset=4, gaps=(Gap(4, 4, 0),))),
        ("cluster_id", resigned(BLOCK, cluster_id="other")),
        ("topic_id", resigned(BLOCK, topic_id="recreated")),
        ("partitions", resigned(BLOCK, partitions=HEADER.partitions - 1)),
        ("last_leader_epoch", resigned(BLOCK, last_leader_epoch=HEADER.last_leader_epoch - 1)),
        ("sealed_at", resigned(BLOCK, sealed_at=NOW + 1)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_block_that_does_not_go_on_is_refused_though_signed(field: str, block: Block) -> None:
    refuse(block, Verdict.BROKEN_CHAIN, field)
    verify(block, SIGNED + STORED, Expected.of(block.header, (KEY,)))


@pytest.mark.parametrize(
    "changes",
    [
        {"partitions": HEADER.partitions + 1},
        {"last_leader_epoch": HEADER.last_leader_epoch + 1},
        {"sealed_at": NOW + 2},
        {"sealed_at": NOW + 10**9},
        {"final": True},
        {"timestamp_type": 0},
        {"sealer": "another/2"},
        {"next_keys": (str(KEY),)},
    ],
    ids=str,
)
def test_what_may_change_from_block_to_block(changes: dict[str, Any]) -> None:
    assert STATE.accept(resigned(BLOCK, **changes)).height == 4


def test_nothing_follows_a_final_block() -> None:
    final = resigned(BLOCKS[0], final=True)
    state = GENESIS.accept(final)
    refuse(sealed(messages(range(3, 5)), state), Verdict.BROKEN_CHAIN, "final", state)


@pytest.mark.parametrize(
    ("field", "block"),
    [
        ("checkpoint.origin", noted(Checkpoint(NEIGHBOUR, 4, BLOCK.checkpoint.root).format())),
        ("checkpoint.size", noted(Checkpoint(ORIGIN, 3, BLOCK.checkpoint.root).format())),
        ("checkpoint.size", noted(Checkpoint(ORIGIN, 5, BLOCK.checkpoint.root).format())),
        ("checkpoint.root", noted(Checkpoint(ORIGIN, 4, STRANGE).format())),
        ("checkpoint.root", replace(BLOCK, leaf=STRANGE)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_checkpoint_is_of_this_tree(field: str, block: Block) -> None:
    refuse(block, Verdict.BAD_ROOT, field)


@pytest.mark.parametrize("text", ["no checkpoint\n", BLOCK.note.text + "extension\n", "\n"])
def test_a_signed_text_that_is_no_checkpoint_is_malformed(text: str) -> None:
    refuse(noted(text), Verdict.MALFORMED, "checkpoint")


@pytest.mark.parametrize(
    "field", ["payload", "locators", "events_root", "last_link", "sealer", "sealed_at", "max_timestamp"]
)
def test_a_changed_header_is_not_what_was_signed(field: str) -> None:
    value = getattr(HEADER, field)
    changed: object = STRANGE if isinstance(value, bytes) else value + ("x" if isinstance(value, str) else 1)
    header = replace(HEADER, **{field: changed})
    refuse(Block.parse(replace(BLOCK, header=header).format()), Verdict.BAD_ROOT, "checkpoint.root")


def signatures(*lines: NoteSignature) -> Block:
    return replace(BLOCK, note=Note(BLOCK.note.text, lines))


MINE = BLOCK.note.signatures[0]


@pytest.mark.parametrize(
    "block",
    [
        resigned(BLOCK, signers=[OTHER_SIGNER]),
        signatures(),
        signatures(MINE, MINE),
        signatures(replace(MINE, signature=MINE.signature[:-1])),
        signatures(replace(MINE, signature=MINE.signature + b"\x00")),
        signatures(replace(MINE, signature=BLOCKS[0].note.signatures[0].signature)),
        signatures(replace(MINE, key_id=OTHER_KEY.key_id)),
        signatures(replace(MINE, name=str(NEIGHBOUR))),
    ],
    ids=["another key", "none", "twice", "cut", "extended", "of another block", "another id", "another name"],
)
def test_the_key_of_this_height_signed(block: Block) -> None:
    refuse(block, Verdict.BAD_SIGNATURE, "note")


def test_every_one_of_several_keys_signed() -> None:
    both = LogState.genesis(ORIGIN, (KEY, OTHER_KEY))
    refuse(sealed(messages(range(2))), Verdict.BAD_SIGNATURE, "note", both)
    assert both.accept(sealed(messages(range(2)), both, signers=[SIGNER, OTHER_SIGNER])).height == 1


def rechunked(change: Callable[[Chunk], Chunk | None], *, resign: bool) -> Block:
    changed = (change(chunk) for chunk in BLOCK.chunks)
    chunks = tuple(chunk for chunk in changed if chunk)
    block = resigned(BLOCK, payload=payload_digest(chunks)) if resign else BLOCK
    return replace(block, chunks=chunks)


@pytest.mark.parametrize(
    "change",
    [
        lambda chunk: None,
        lambda chunk: replace(chunk, deflated=chunk.deflated + b"\x00"),
        lambda chunk: replace(chunk, deflated=chunk.deflated[:-1]),
        lambda chunk: replace(chunk, count=chunk.count + 1),
    ],
    ids=["gone", "longer", "shorter", "count"],
)
def test_stored_bytes_are_those_signed(change: Callable[[Chunk], Chunk | None]) -> None:
    refuse(rechunked(change, resign=False), Verdict.BAD_ROOT, "payload")


def test_stored_locators_are_those_signed() -> None:
    refuse(replace(BLOCK, locators=bytes(len(BLOCK.locators))), Verdict.BAD_ROOT, "locators")


@pytest.mark.parametrize("step", [-1, 1])
def test_the_data_blocks_hold_as_many_records_as_the_header_says(step: int) -> None:
    block = rechunked(lambda chunk: replace(chunk, count=chunk.count + step), resign=True)
    refuse(block, Verdict.BAD_RECORD, "count")


def test_a_key_is_followed_by_the_next() -> None:
    rotating = sealed(messages(range(3)), next_keys=(str(OTHER_KEY),))
    state = GENESIS.accept(rotating)
    assert state.keys == (OTHER_KEY,)
    assert LogState.after(Block.parse(rotating.format()), (KEY,)) == state
    refuse(sealed(messages(range(3, 5)), state, signers=[SIGNER]), Verdict.BAD_SIGNATURE, "note", state)
    following = sealed(messages(range(3, 5)), state, signers=[OTHER_SIGNER])
    assert state.accept(following).keys == (OTHER_KEY,)
    refuse(resigned(rotating, signers=[OTHER_SIGNER]), Verdict.BAD_SIGNATURE, "note", GENESIS)


def test_a_key_is_joined_by_another() -> None:
    state = GENESIS.accept(sealed(messages(range(3)), next_keys=(str(OTHER_KEY), str(KEY))))
    assert state.keys == (OTHER_KEY, KEY)
    for alone in (SIGNER, OTHER_SIGNER):
        refuse(sealed(messages(range(3, 5)), state, signers=[alone]), Verdict.BAD_SIGNATURE, "note", state)
    assert state.accept(sealed(messages(range(3, 5)), state, signers=[SIGNER, OTHER_SIGNER])).height == 2


@pytest.mark.parametrize(
    "vkey", ["", "\x1b[31m", str(KEY) + "=", str(VerifierKey(str(NEIGHBOUR), OTHER_SIGNER.public))]
)
def test_a_next_key_must_be_one_of_this_log(vkey: str) -> None:
    refuse(resigned(BLOCK, next_keys=(vkey,)), Verdict.BAD_KEY, "next_keys")


def test_a_later_run_begins_with_its_predecessor() -> None:
    run = replace(ORIGIN, run=1)
    genesis = LogState.genesis(run, (VerifierKey(str(run), SIGNER.public),))
    head = Predecessor(str(ORIGIN), STATES[-1].height, STATES[-1].root, (str(KEY),))
    first = sealed(messages(range(2)), genesis, predecessor=head)
    state = genesis.accept(Block.parse(first.format()))
    assert state.head
    assert state.head.predecessor == head
    assert state.accept(sealed(messages(range(2, 4)), state)).height == 2
    with pytest.raises(MalformedError, match="predecessor"):
        sealed(messages(range(2)), genesis)
    with pytest.raises(MalformedError, match="predecessor"):
        sealed(messages(range(2, 4)), state, predecessor=head)
    refuse(first, Verdict.BROKEN_CHAIN, "origin", GENESIS)
