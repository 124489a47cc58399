"""Where a log continues, from every mixture of what its sources say."""

from dataclasses import replace

import pytest

from auditseal_schemas.block import Block
from auditseal_schemas.block_draft import BlockDraft, BlockLimits, SourceIdentity
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.halt import Halt, HaltError
from auditseal_schemas.header import Predecessor
from auditseal_schemas.kafka_message import encode_message
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.limits import MAX_HEIGHT
from auditseal_schemas.log import LogState
from auditseal_schemas.merkle import EMPTY_ROOT
from auditseal_schemas.origin import Origin
from auditseal_sealer.earlier_runs import find_earlier_head
from auditseal_sealer.log_keys import LogKeys
from auditseal_sealer.recovery import GenesisRule, Recovered, ResumePoint, recover
from auditseal_sealer.sources import EventsPartition, LogSources
from auditseal_vault.log_reader import StoredBlock
from tests.factory.blocks import resigned
from tests.factory.keys import OTHER_SIGNER, SIGNER
from tests.factory.messages import Message
from tests.factory.vaults import MemoryVault

ORIGIN = Origin("audit.example.com", "audit.events", 3, 0)
KEY = VerifierKey(str(ORIGIN), SIGNER.public)
KEYS = (str(KEY),)
EVENTS = EventsPartition("cluster", "topic", 6, 0, 100, 1)
ALLOWED, FORBIDDEN = GenesisRule(allowed=True, predecessor=None), GenesisRule(allowed=False, predecessor=None)
NOTHING = LogSources(EVENTS, None, None, (), None, "")


def make_chain(origin: Origin, *sizes: int, signer=SIGNER, salt: bytes = b"", now: int = 1) -> list[Block]:
    """Blocks of so many records each, from offset 0."""
    state = LogState.genesis(origin, (VerifierKey(str(origin), signer.public),))
    blocks, offset = [], 0
    predecessor = None if origin.run == 0 else Predecessor(str(replace(origin, run=0)), 2, bytes(32), ("k",))
    for size in sizes:
        draft = BlockDraft(state, BlockLimits())
        draft.extend([Message(number, b"value %d" % number + salt) for number in range(offset, offset + size)])
        source = SourceIdentity("cluster", "topic", 6, 4)
        block = draft.seal(source, [signer], now=now, sealer="test/1", predecessor=None if blocks else predecessor)
        state, offset = state.accept(block), offset + size
        blocks.append(block)
    return blocks


CHAIN = make_chain(ORIGIN, 10, 10, 10)
RAW = [block.format() for block in CHAIN]
FOREIGN = make_chain(ORIGIN, 1, signer=OTHER_SIGNER)[0].format()
FOREIGN_AND_BROKEN, OURS_AND_BROKEN = (
    replace(make_chain(ORIGIN, 1, signer=signer)[0], chunks=()).format() for signer in (OTHER_SIGNER, SIGNER)
)
OTHER_HISTORY = [block.format() for block in make_chain(ORIGIN, 10, 10, 10, salt=b"!")]
STRANGER = make_chain(ORIGIN, 10, 10, 10, signer=OTHER_SIGNER)[2].format()
HEAD = replace(NOTHING, head=RAW[1], unarchived=RAW[0])
"""Two blocks in the topic, none in the vault."""


def stored(height: int, data: bytes) -> StoredBlock:
    return StoredBlock(height, ORIGIN.block_key(height), "", data)


def decide(sources: LogSources, genesis: GenesisRule = FORBIDDEN, origin: Origin = ORIGIN) -> Recovered:
    return recover(origin, LogKeys((VerifierKey(str(origin), SIGNER.public),)), sources, genesis)


def halted(sources: LogSources, genesis: GenesisRule = FORBIDDEN, origin: Origin = ORIGIN) -> Halt:
    with pytest.raises(HaltError) as caught:
        decide(sources, genesis, origin)
    return caught.value.halt


def test_the_log_goes_on_after_its_last_committed_block() -> None:
    recovered = decide(HEAD)
    assert (recovered.state.height, recovered.state.next_offset) == (2, 20)
    assert recovered.unfinished is None
    assert recovered.unarchived_since == CHAIN[0].header.sealed_at


@pytest.mark.parametrize(
    ("vault", "unarchived"),
    [(None, RAW[0]), (stored(0, RAW[0]), RAW[1]), (stored(1, RAW[1]), RAW[2]), (stored(2, RAW[2]), None)],
)
def test_the_vault_may_be_behind_or_level(vault, unarchived) -> None:
    recovered = decide(replace(NOTHING, head=RAW[2], archived=vault, unarchived=unarchived))
    assert recovered.state.height == 3
    assert (recovered.unarchived_since is None) == (unarchived is None)


@pytest.mark.parametrize(
    ("sources", "halt"),
    [
        (replace(HEAD, archived=stored(2, RAW[2]), unarchived=None), Halt.HEAD_DISAGREES),
        (replace(NOTHING, archived=stored(0, RAW[0])), Halt.HEAD_DISAGREES),
        (replace(HEAD, archived=stored(0, RAW[1])), Halt.SQUATTED),
        (replace(HEAD, archived=stored(1, OTHER_HISTORY[1]), unarchived=None), Halt.FORK),
        (replace(HEAD, archived=stored(0, OTHER_HISTORY[0]), unarchived=RAW[1]), Halt.FORK),
        (replace(HEAD, archived=stored(0, RAW[0]), unarchived=None), Halt.BLOCKS_LOST),
        (replace(HEAD, unarchived=None), Halt.BLOCKS_LOST),
        (replace(HEAD, archived=stored(0, b"squatted")), Halt.SQUATTED),
        (replace(NOTHING, archived=stored(0, b"squatted")), Halt.SQUATTED),
        (replace(HEAD, archived=stored(0, FOREIGN)), Halt.SQUATTED),
        (replace(NOTHING, archived=stored(0, FOREIGN)), Halt.KEY),
        (replace(HEAD, head=b"garbage"), Halt.INVALID_BLOCK),
        (replace(HEAD, head=FOREIGN), Halt.KEY),
        (replace(HEAD, head=FOREIGN_AND_BROKEN), Halt.KEY),
        (replace(HEAD, head=OURS_AND_BROKEN), Halt.INVALID_BLOCK),
        (replace(HEAD, head=make_chain(replace(ORIGIN, partition=2), 1)[0].format()), Halt.INVALID_BLOCK),
        (replace(HEAD, head=make_chain(replace(ORIGIN, run=1), 1)[0].format()), Halt.HEAD_DISAGREES),
        (replace(HEAD, group_text="auditseal run=0 height=3"), Halt.BLOCKS_LOST),
        (replace(NOTHING, group_text="auditseal run=0 height=1"), Halt.BLOCKS_LOST),
    ],
)
def test_sources_that_disagree_are_a_halt(sources: LogSources, halt: Halt) -> None:
    assert halted(sources, ALLOWED) is halt


@pytest.mark.parametrize("text", ["", "auditseal run=0 height=1", "auditseal run=0 height=2", "reset by hand"])
def test_a_groups_position_that_is_not_ahead_changes_nothing(text: str) -> None:
    assert decide(replace(HEAD, group_text=text)).state.height == 2


def test_a_log_begins_only_where_it_was_allowed() -> None:
    assert halted(NOTHING) is Halt.GENESIS_NOT_ALLOWED
    recovered = decide(replace(NOTHING, events=replace(EVENTS, start=5)), ALLOWED)
    assert (recovered.state.height, recovered.state.next_offset, recovered.events.start) == (0, 0, 5)
    assert recovered.resume == ResumePoint(5, -1, None)


def test_a_later_run_begins_after_its_predecessor_and_ignores_its_blocks_and_position() -> None:
    later = replace(ORIGIN, run=1)
    sources = replace(HEAD, unarchived=None, group_text="auditseal run=0 height=2")
    genesis = GenesisRule(allowed=True, predecessor=Predecessor(str(ORIGIN), 2, CHAIN[1].next_frontier.root, KEYS))
    sources = replace(sources, earlier_head=genesis.predecessor)
    assert decide(sources, genesis, later).state == LogState.genesis(later, (VerifierKey(str(later), SIGNER.public),))
    assert halted(sources, ALLOWED, later) is Halt.GENESIS_NOT_ALLOWED
    assert halted(NOTHING, genesis) is Halt.GENESIS_NOT_ALLOWED


ROOTS = [block.next_frontier.root for block in CHAIN]
GIVEN_UP = Predecessor(str(ORIGIN), 2, ROOTS[1], KEYS)


@pytest.mark.parametrize(
    ("named", "found"),
    [
        (GIVEN_UP._replace(root=bytes(32)), GIVEN_UP),
        (Predecessor(str(ORIGIN), 3, ROOTS[2], KEYS), GIVEN_UP),  # more than was published
        (Predecessor(str(ORIGIN), 1, ROOTS[0], KEYS), GIVEN_UP),  # true, but it would disown block 1
        (GIVEN_UP, None),
        (Predecessor(str(replace(ORIGIN, run=1)), 0, EMPTY_ROOT, KEYS), GIVEN_UP),  # a run in which nothing was sealed
        (Predecessor(str(ORIGIN), 0, bytes(32), KEYS), None),
    ],
)
def test_a_later_run_names_the_very_head_that_the_vault_has(named: Predecessor, found: Predecessor | None) -> None:
    later = replace(ORIGIN, run=2)
    sources, genesis = replace(NOTHING, earlier_head=found), GenesisRule(allowed=True, predecessor=named)
    with pytest.raises(HaltError, match=f"is configured to continue from {named.origin} {named.size} ") as caught:
        decide(sources, genesis, later)
    assert caught.value.halt is Halt.GENESIS_NOT_ALLOWED


def test_a_run_goes_on_from_one_that_was_never_published() -> None:
    nothing = Predecessor(str(ORIGIN), 0, EMPTY_ROOT, KEYS)
    assert decide(NOTHING, GenesisRule(allowed=True, predecessor=nothing), replace(ORIGIN, run=1)).state.height == 0


def vault_of(*objects: tuple[Origin, int, bytes]) -> MemoryVault:
    vault = MemoryVault()
    for origin, height, data in objects:
        vault.put(origin.block_key(height), data)
    return vault


THREE = Predecessor(str(ORIGIN), 3, ROOTS[2], KEYS)
FORGED = replace(CHAIN[2], frontier=Block.parse(OTHER_HISTORY[2]).frontier).format()
"""Block 2 on another tree than its checkpoint's."""


@pytest.mark.parametrize(
    ("above", "found"),
    [
        ([], GIVEN_UP),
        ([(ORIGIN, 2, RAW[2])], THREE),
        ([(ORIGIN, 2, b"squatted"), (ORIGIN, MAX_HEIGHT, b"")], GIVEN_UP),
        ([(ORIGIN, 2, RAW[1])], GIVEN_UP),
        ([(ORIGIN, 2, make_chain(replace(ORIGIN, partition=2), 1, 1, 1)[2].format())], GIVEN_UP),
        ([(ORIGIN, 2, FORGED)], GIVEN_UP),
        ([(replace(ORIGIN, run=1), 0, b"squatted")], GIVEN_UP),
        ([(replace(ORIGIN, run=2), 0, make_chain(replace(ORIGIN, run=2), 1)[0].format())], GIVEN_UP),
    ],
)
def test_the_head_that_is_given_up_is_the_last_block_of_the_runs_before(above, found) -> None:
    vault = vault_of((ORIGIN, 0, RAW[0]), (ORIGIN, 1, RAW[1]), *above)
    without_keys = found._replace(keys=())  # without a configured head, nothing says which keys are right
    assert find_earlier_head(vault, replace(ORIGIN, run=2), None) == without_keys
    assert find_earlier_head(vault, replace(ORIGIN, run=2), found) == found
    assert find_earlier_head(vault, ORIGIN, None) is None


def test_a_foreign_block_above_the_head_that_is_named_with_its_keys_is_passed_over() -> None:
    """It is a block except for its signature, and locked: it could keep every later run from beginning."""
    foreign = [block.format() for block in make_chain(ORIGIN, 10, 10, 10, 1, signer=OTHER_SIGNER)]
    vault = vault_of((ORIGIN, 0, RAW[0]), (ORIGIN, 1, RAW[1]), (ORIGIN, 2, foreign[2]), (ORIGIN, 3, foreign[3]))
    later = replace(ORIGIN, run=1)
    assert find_earlier_head(vault, later, GIVEN_UP) == GIVEN_UP
    assert find_earlier_head(vault, later, None).size == 4
    named = GIVEN_UP._replace(keys=(str(VerifierKey(str(ORIGIN), OTHER_SIGNER.public)),))
    assert find_earlier_head(vault, later, named).size == 4  # the thief's key is not one that a person would name


def test_a_head_that_is_named_with_keys_of_before_a_rotation_is_not_the_last_one() -> None:
    other = VerifierKey(str(ORIGIN), OTHER_SIGNER.public)
    state = LogState.after(CHAIN[1], (KEY,))
    source = SourceIdentity("cluster", "topic", 6, 4)
    rotation = BlockDraft(state, BlockLimits()).seal(source, [SIGNER], now=9, sealer="test/1", next_keys=(str(other),))
    after = state.accept(rotation)
    head = BlockDraft(after, BlockLimits()).seal(source, [OTHER_SIGNER], now=9, sealer="test/1")
    blocks = [*RAW[:2], rotation.format(), head.format()]
    vault = vault_of(*((ORIGIN, height, data) for height, data in enumerate(blocks)))
    later, root = replace(ORIGIN, run=1), head.next_frontier.root
    named = Predecessor(str(ORIGIN), 4, root, (str(other),))
    assert find_earlier_head(vault, later, named) == named
    disowned = Predecessor(str(ORIGIN), 3, after.root, KEYS)
    assert find_earlier_head(vault, later, disowned) == Predecessor(str(ORIGIN), 4, root, ())


def test_a_signed_next_block_that_was_not_committed_is_found_among_leftovers() -> None:
    recovered = decide(replace(HEAD, aborted=(b"garbage", RAW[0], STRANGER, RAW[2], RAW[2])))
    assert recovered.unfinished is not None
    assert recovered.unfinished.format() == RAW[2]


def test_an_uncommitted_genesis_is_committed_without_asking_again() -> None:
    recovered = decide(replace(NOTHING, aborted=(RAW[0],)))
    assert recovered.unfinished is not None
    assert recovered.unfinished.format() == RAW[0]


def test_two_uncommitted_blocks_of_one_height_are_a_fork() -> None:
    again = make_chain(ORIGIN, 10, 10, 10, now=1)[:2]
    state = LogState.after(again[1], (KEY,))
    draft = BlockDraft(state, BlockLimits())
    draft.extend([Message(20)])
    rival = draft.seal(SourceIdentity("cluster", "topic", 6, 4), [SIGNER], now=9, sealer="test/1").format()
    assert halted(replace(HEAD, aborted=(RAW[2], rival))) is Halt.FORK


@pytest.mark.parametrize("lost", [OTHER_HISTORY[2], make_chain(ORIGIN, 10, 10, 10, 10)[3].format()])
def test_a_signed_block_that_does_not_go_on_from_the_head_is_a_fork(lost: bytes) -> None:
    """Passing over it would sign its height a second time."""
    assert halted(replace(HEAD, aborted=(lost,))) is Halt.FORK


def test_a_signed_next_block_whose_records_do_not_hold_is_a_halt() -> None:
    broken = resigned(CHAIN[2], events_root=bytes(32))
    assert halted(replace(HEAD, aborted=(broken.format(),))) is Halt.INVALID_BLOCK


def test_the_last_sealed_record_is_read_again() -> None:
    expected = encode_message(Message(19, b"value 19"))
    assert decide(HEAD).resume == ResumePoint(19, 4, expected)
    assert decide(replace(HEAD, events=replace(EVENTS, start=19))).resume.record == expected


@pytest.mark.parametrize(("start", "offset"), [(20, 20), (55, 55)])
def test_where_retention_took_it_the_ids_must_do(start: int, offset: int) -> None:
    recovered = decide(replace(HEAD, events=replace(EVENTS, start=start)))
    assert (recovered.resume, recovered.events.start) == (ResumePoint(offset, -1, None), start)


@pytest.mark.parametrize(
    ("events", "halt"),
    [
        (replace(EVENTS, topic_id="another"), Halt.LOG_RECREATED),
        (replace(EVENTS, cluster_id="another"), Halt.LOG_RECREATED),
        (replace(EVENTS, end=19), Halt.LOG_TRUNCATED),
    ],
)
def test_another_or_a_shorter_events_log_is_a_halt(events: EventsPartition, halt: Halt) -> None:
    assert halted(replace(HEAD, events=events)) is halt


def test_a_broker_that_does_not_know_the_heads_partitions_yet_is_waited_for() -> None:
    with pytest.raises(UnavailableError, match="its metadata is old"):
        decide(replace(HEAD, events=replace(EVENTS, partitions=5)))


def test_a_log_that_ends_where_the_head_does_is_fine() -> None:
    assert decide(replace(HEAD, events=replace(EVENTS, end=20, partitions=7))).state.height == 2


SILENT = make_chain(ORIGIN, 10, 10, 0, 0)
SILENT_HEAD = replace(HEAD, head=SILENT[3].format(), filled=RAW[1])
"""Two empty blocks after the last one with records."""


def test_the_last_sealed_record_is_read_again_though_empty_blocks_follow_it() -> None:
    recovered = decide(SILENT_HEAD)
    assert recovered.resume == ResumePoint(19, 4, encode_message(Message(19, b"value 19")))
    assert (recovered.state.height, recovered.state.next_offset) == (4, 20)


@pytest.mark.parametrize("filled", [None, make_chain(replace(ORIGIN, run=0, partition=3), 0)[0].format()])
def test_without_a_block_with_records_in_the_topic_the_ids_must_do(filled: bytes | None) -> None:
    """The second one has no records to compare with, as a log that was silent from its beginning on."""
    head = SILENT[3] if filled is None else make_chain(ORIGIN, 0, 0)[1]
    recovered = decide(replace(NOTHING, head=head.format(), unarchived=RAW[0] if filled is None else filled))
    assert recovered.resume == ResumePoint(head.header.last_offset + 1, -1, None)


def test_a_block_with_records_of_the_run_before_says_nothing_of_this_one() -> None:
    later = replace(ORIGIN, run=1)
    (head,) = make_chain(later, 0)
    sources = replace(NOTHING, head=head.format(), unarchived=head.format(), filled=RAW[1])
    assert decide(sources, origin=later).resume == ResumePoint(0, -1, None)


@pytest.mark.parametrize(("filled", "halt"), [(FOREIGN, Halt.KEY), (RAW[0], Halt.FORK), (OTHER_HISTORY[1], Halt.FORK)])
def test_a_block_with_records_that_the_head_does_not_continue_is_a_halt(filled: bytes, halt: Halt) -> None:
    assert halted(replace(SILENT_HEAD, filled=filled)) is halt
