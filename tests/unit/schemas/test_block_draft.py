"""A draft becomes the block that the specification asks for, whatever arrives and however it is cut into batches."""

import random
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from hashlib import sha256
from io import BytesIO
from typing import Any

import fastavro
import pytest

from auditseal_schemas.block import LOCATOR_SIZE, Block, make_locators
from auditseal_schemas.block_draft import BlockDraft, BlockLimits, CloseReason
from auditseal_schemas.deflate import deflate
from auditseal_schemas.errors import MalformedError
from auditseal_schemas.header import CAUSE_UNKNOWN, TIMESTAMP_APPEND, TIMESTAMP_CREATE, TIMESTAMP_NONE, Gap
from auditseal_schemas.kafka_message import encode_message
from auditseal_schemas.limits import (
    MAX_BLOCK_BYTES,
    MAX_CHUNK_BYTES,
    MAX_CONTENT_BYTES,
    MAX_GAPS,
    MAX_OBJECT_BYTES,
    MAX_RECORDS,
)
from auditseal_schemas.log import LogState
from auditseal_schemas.merkle import EMPTY_ROOT, tree_root
from auditseal_schemas.record import Oversize, RecordEncoder, SealedRecord, next_link
from auditseal_schemas.varint import encode_long
from auditseal_schemas.verification import RECORDS, verify
from tests.factory.blocks import GENESIS, NOW, SOURCE, sealed
from tests.factory.keys import KEY, ORIGIN, SIGNER
from tests.factory.messages import Message, messages
from tests.factory.streams import deflate_without_isal

WITH_ZLIB = deflate_without_isal().deflate
SMALL_BLOCKS = BlockLimits(records=4)


def checked(block: Block, state: LogState = GENESIS) -> LogState:
    """Return the state after the block as read from its bytes, everything verified."""
    read = Block.parse(block.format())
    assert read == block
    verify(read, RECORDS)
    return state.accept(read)


def value_for(record_size: int, offset: int) -> bytes:
    """Return a value that makes the whole record, with key and headers absent, that number of bytes."""
    return next(
        value
        for guess in range(record_size - 30, record_size)
        if len(RecordEncoder().encode(offset, 0, None, (), value := bytes(guess))) == record_size
    )


def sized(offset: int, record_size: int) -> Message:
    return Message(offset, value_for(record_size, offset), None, ms=0)


def test_a_block_says_what_it_holds() -> None:
    given = messages(range(5))
    block = sealed(given)
    encoded = list(block.encoded_records())
    links = [GENESIS.link]
    for record in encoded:
        links.append(next_link(links[-1], record))
    header = block.header
    assert header.first_link == links[0] == ORIGIN.genesis_link == header.previous
    assert (header.last_link, header.events_root) == (links[-1], tree_root(links[1:]))
    assert (header.first_offset, header.last_offset, header.count, header.size) == (0, 4, 5, len(b"".join(encoded)))
    assert (header.min_timestamp, header.max_timestamp) == (given[0].ms, given[-1].ms)
    assert (header.timestamp_type, header.gaps, header.height, header.sealed_at) == (TIMESTAMP_APPEND, (), 0, NOW)
    assert (header.cluster_id, header.topic_id) == (SOURCE.cluster_id, SOURCE.topic_id)
    assert (header.partitions, header.last_leader_epoch) == (SOURCE.partitions, SOURCE.last_leader_epoch)
    assert header.locators == sha256(block.locators).digest()
    assert block.locators == b"".join(link[:LOCATOR_SIZE] for link in links[1:]) == make_locators(links[1:])
    assert checked(block).link == links[-1]
    assert [record.value for record in block.records()] == [message.content for message in given]


def test_foreign_readers_see_the_same_records() -> None:
    odd = [Message(0, None, None), Message(1, b"", b"", [("", None), ("ä", b"")]), Message(2, broken_headers=True)]
    block = sealed(odd)
    reader: Any = fastavro.reader(BytesIO(block.format()))
    assert [(record["key"], record["headers"], record["value"]) for record in reader] == [
        (None, [], None),
        (b"", [{"key": "", "value": None}, {"key": "ä", "value": b""}], b""),
        (b"key", None, b"value"),
    ]
    checked(block)


def test_an_empty_block_is_legal() -> None:
    header = sealed([]).header
    assert (header.first_offset, header.last_offset, header.count, header.events_root) == (0, -1, 0, EMPTY_ROOT)
    assert (header.timestamp_type, header.min_timestamp, header.max_timestamp) == (TIMESTAMP_NONE, None, None)
    assert checked(sealed([])).next_offset == 0


def test_full_by_count() -> None:
    draft = BlockDraft(GENESIS, SMALL_BLOCKS)
    assert (draft.extend(messages(range(4))), draft.full, draft.count) == (4, None, 4)
    assert (draft.extend(messages(range(4, 9))), draft.full) == (0, CloseReason.COUNT)
    assert (draft.count, draft.next_offset) == (4, 4)


@pytest.mark.parametrize(("excess", "taken"), [(-1, 3), (0, 3), (1, 2)])
def test_full_by_bytes(excess: int, taken: int) -> None:
    draft = BlockDraft(GENESIS, BlockLimits(bytes=3000))
    given = [sized(0, 1000), sized(1, 1000), sized(2, 1000 + excess), sized(3, 1001)]
    assert draft.extend(given) == taken
    assert draft.full is CloseReason.BYTES


def test_a_record_larger_than_the_limit_makes_a_block_by_itself() -> None:
    draft = BlockDraft(GENESIS, BlockLimits(bytes=1))
    assert draft.extend(messages(range(3))) == 1
    assert draft.full is CloseReason.BYTES


def test_full_by_a_change_of_timestamp_type() -> None:
    created = [replace(message, kind=TIMESTAMP_CREATE) for message in messages(range(5, 8))]
    draft = BlockDraft(GENESIS, BlockLimits())
    assert draft.extend([*messages(range(3)), *created]) == 3
    assert (draft.full, draft.next_offset) == (CloseReason.TIMESTAMP_TYPE, 3)
    following = BlockDraft(GENESIS, BlockLimits())
    assert following.extend(created) == 3


def test_batches_of_several_messages_are_one_chain() -> None:
    given = messages(range(6))
    draft = BlockDraft(GENESIS, BlockLimits())
    for start in (0, 2, 4):
        assert draft.extend(given[start : start + 2]) == 2
    assert draft.seal(SOURCE, [SIGNER], now=NOW, sealer="auditseal/test") == sealed(given)


def test_nothing_is_taken_after_a_message_that_begins_the_next_block() -> None:
    """The one after it would fit again: the message between would become a gap."""
    first, second, third = messages(range(3))
    draft = BlockDraft(GENESIS, BlockLimits())
    assert draft.extend([first, replace(second, kind=TIMESTAMP_CREATE), third]) == 1
    assert (draft.full, draft.next_offset, draft.count) == (CloseReason.TIMESTAMP_TYPE, 1, 1)


def test_records_without_a_timestamp() -> None:
    header = sealed([Message(0, kind=TIMESTAMP_NONE, ms=-1)]).header
    assert (header.timestamp_type, header.min_timestamp, header.max_timestamp) == (TIMESTAMP_NONE, -1, -1)


def test_full_by_gaps() -> None:
    draft = BlockDraft(GENESIS, BlockLimits())
    assert draft.extend(messages(range(1, 3 * MAX_GAPS, 2))) == MAX_GAPS
    assert draft.full is CloseReason.GAPS
    block = draft.seal(SOURCE, [SIGNER], now=NOW, sealer="auditseal/test")
    assert len(block.header.gaps) == MAX_GAPS
    assert checked(block).next_offset == 2 * MAX_GAPS


def test_the_last_gap_counts_both_causes() -> None:
    """A gap that would need two entries and finds room for one leaves its second half to the next block."""
    draft = BlockDraft(GENESIS, BlockLimits(), log_start=5000)
    assert draft.extend(messages(range(1, 2 * MAX_GAPS - 1, 2))) == MAX_GAPS - 1
    assert draft.extend(messages([6000])) == 0
    assert (draft.full, draft.next_offset) == (CloseReason.GAPS, 5000)
    state = checked(draft.seal(SOURCE, [SIGNER], now=NOW, sealer="auditseal/test"))
    assert sealed(messages([6000]), state, log_start=5000).header.gaps == (Gap(5000, 5999, 0),)


@pytest.mark.parametrize(
    ("log_start", "offsets", "gaps"),
    [
        (0, [0, 1], ()),
        (0, [3], (Gap(0, 2, 0),)),
        (3, [3], (Gap(0, 2, 1),)),
        (2, [3], (Gap(0, 1, 1), Gap(2, 2, 0))),
        (9, [3], (Gap(0, 2, 1),)),
        (2, [0, 1, 4], (Gap(2, 3, 0),)),
        (3, [0, 5, 6, 9], (Gap(1, 2, 1), Gap(3, 4, 0), Gap(7, 8, 0))),
        (0, [2**62, 2**63 - 2], (Gap(0, 2**62 - 1, 0), Gap(2**62 + 1, 2**63 - 3, 0))),
    ],
)
def test_missing_offsets_and_their_causes(log_start: int, offsets: list[int], gaps: tuple[Gap, ...]) -> None:
    block = sealed(messages(offsets), log_start=log_start)
    assert block.header.gaps == gaps
    assert block.header.first_offset == 0
    assert checked(block).next_offset == offsets[-1] + 1


@pytest.mark.parametrize(
    ("log_start", "unreadable", "offsets", "gaps"),
    [
        (0, [(0, 2)], [3], (Gap(0, 2, 2),)),
        (0, [(1, 2)], [0, 3], (Gap(1, 2, 2),)),
        (0, [(1, 2)], [0, 4], (Gap(1, 2, 2), Gap(3, 3, 0))),
        (0, [(2, 3), (6, 6)], [0, 5, 9], (Gap(1, 1, 0), Gap(2, 3, 2), Gap(4, 4, 0), Gap(6, 6, 2), Gap(7, 8, 0))),
        (3, [(2, 5)], [8], (Gap(0, 2, 1), Gap(3, 5, 2), Gap(6, 7, 0))),
        (9, [(2, 5)], [8], (Gap(0, 7, 1),)),
        (0, [(2, 9)], [5], (Gap(0, 1, 0), Gap(2, 4, 2))),
        (0, [(7, 9)], [0, 1], ()),
    ],
)
def test_missing_offsets_that_the_sealer_could_not_read(
    log_start: int, unreadable: list[tuple[int, int]], offsets: list[int], gaps: tuple[Gap, ...]
) -> None:
    block = sealed(messages(offsets), log_start=log_start, unreadable=unreadable)
    assert block.header.gaps == gaps
    assert checked(block).next_offset == offsets[-1] + 1


def test_a_gap_before_a_record_that_no_longer_fits() -> None:
    draft = BlockDraft(GENESIS, BlockLimits(bytes=2500))
    assert draft.extend([sized(0, 1000), sized(1, 1000), sized(5, 1000)]) == 2
    state = checked(draft.seal(SOURCE, [SIGNER], now=NOW, sealer="auditseal/test"))
    assert state.head
    assert (state.head.gaps, state.next_offset) == ((Gap(2, 4, 0),), 5)
    checked(sealed(messages([5]), state), state)


@pytest.mark.parametrize("offsets", [[0, 4, 5, 9], [0, 1, 1], [0, 1, 0]], ids=str)
def test_a_full_draft_takes_nothing_more_and_stays_sealable(offsets: list[int]) -> None:
    draft = BlockDraft(GENESIS, BlockLimits(records=1))
    assert draft.extend(messages([0, 2])) == 1
    before = draft.next_offset
    assert draft.extend(messages(offsets)) == 0
    assert (draft.full, draft.count, draft.next_offset) == (CloseReason.COUNT, 1, before)
    checked(draft.seal(SOURCE, [SIGNER], now=NOW, sealer="auditseal/test"))


@pytest.mark.parametrize("offsets", [[0, 0], [1, 0], [5, 6, 5]], ids=str)
def test_offsets_never_run_backwards(offsets: list[int]) -> None:
    with pytest.raises(ValueError, match="comes after"):
        BlockDraft(GENESIS, BlockLimits()).extend(messages(offsets))


@pytest.mark.parametrize(
    "limits", [{"records": 0}, {"records": MAX_RECORDS + 1}, {"bytes": 0}, {"bytes": MAX_BLOCK_BYTES + 1}], ids=str
)
def test_limits_have_limits(limits: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="a block holds"):
        BlockLimits(**limits)
    assert BlockLimits(MAX_RECORDS, MAX_BLOCK_BYTES).bytes == MAX_BLOCK_BYTES


@pytest.mark.parametrize("excess", [-1, 0, 1])
def test_oversize_is_sealed_as_length_and_digest(excess: int) -> None:
    around = 1 + 2 + 1 + 4
    value = bytes(MAX_CONTENT_BYTES - around + excess)
    block = sealed([Message(0), Message(1, value, None), Message(2)], limits=BlockLimits(bytes=MAX_BLOCK_BYTES))
    checked(block)
    record = list(block.records())[1]
    if excess <= 0:
        assert record == SealedRecord(1, Message(1).ms, None, (), value)
        assert [chunk.count for chunk in block.chunks] == [1, 1, 1]
    else:
        assert record.oversize
        assert (record.key, record.headers, record.value) == (None, None, None)
        assert record.oversize.length == MAX_CONTENT_BYTES + 1
        assert [chunk.count for chunk in block.chunks] == [3]


def test_what_is_hashed_of_oversize_contents_is_their_encoding() -> None:
    value = bytes(9 * 1024 * 1024)
    block = sealed([Message(0, value, b"key", [("name", b"v")])])
    content = b"\x02\x06key" + b"\x02\x02\x08name\x02\x02v\x00" + b"\x02" + encode_long(len(value)) + value
    assert next(iter(block.records())).oversize == Oversize(len(content), sha256(content).digest())


@pytest.mark.parametrize(("excess", "counts"), [(-1, [2]), (0, [2]), (1, [1, 1])])
def test_a_data_block_holds_4_mib(excess: int, counts: list[int]) -> None:
    half = MAX_CHUNK_BYTES // 2
    block = sealed([sized(0, half), sized(1, half + excess)])
    assert [chunk.count for chunk in block.chunks] == counts
    checked(block)


def test_a_large_record_has_a_data_block_of_its_own() -> None:
    given = [sized(0, 100), sized(1, 5 * 1024 * 1024), sized(2, 100), sized(3, 100)]
    block = sealed(given, limits=BlockLimits(bytes=MAX_BLOCK_BYTES))
    assert [chunk.count for chunk in block.chunks] == [1, 1, 2]
    checked(block)


@cache
def noise_messages(record_size: int) -> list[Message]:
    """Return messages that fill a block with noise, each with noise of its own: repeated, it could be compressed."""
    length, noise = record_size - 25, random.Random(2)
    return [Message(offset, noise.randbytes(length), ms=offset) for offset in range(MAX_BLOCK_BYTES // record_size)]


@pytest.mark.parametrize("compress", [deflate, WITH_ZLIB], ids=["isal", "zlib"])
@pytest.mark.parametrize("record_size", [175, MAX_CHUNK_BYTES // 2 + 100, MAX_BLOCK_BYTES // 2])
def test_a_full_block_of_noise_fits_an_object(compress: Callable[[bytes], bytes], record_size: int) -> None:
    given = noise_messages(record_size)
    draft = BlockDraft(GENESIS, BlockLimits(MAX_RECORDS, MAX_BLOCK_BYTES), compress=compress)
    draft.extend(given)
    block = draft.seal(SOURCE, [SIGNER], now=NOW, sealer="auditseal/test")
    assert block.header.size > MAX_BLOCK_BYTES * 0.9
    assert len(block.format()) < MAX_OBJECT_BYTES
    assert Block.parse(block.format()) == block


def test_time_never_goes_back() -> None:
    state = checked(sealed(messages(range(2))))
    block = sealed(messages(range(2, 4)), state, now=NOW - 1)
    assert block.header.sealed_at == NOW
    checked(block, state)


def test_what_a_seal_may_say() -> None:
    block = sealed(messages(range(2)), next_keys=(str(KEY),), final=True)
    assert (block.header.next_keys, block.header.final) == ((str(KEY),), True)
    checked(block)


def test_a_seal_that_makes_no_header_is_refused() -> None:
    with pytest.raises(MalformedError, match="sealer"):
        BlockDraft(GENESIS, BlockLimits()).seal(SOURCE, [SIGNER], now=NOW, sealer="")


def test_the_same_messages_give_the_same_bytes() -> None:
    given = messages([0, 1, 5, 6])
    assert sealed(given).format() == sealed(given).format()
    assert sealed(given, compress=WITH_ZLIB).header != sealed(given).header
    differently = sealed(given, compress=WITH_ZLIB)
    assert differently.header.events_root == sealed(given).header.events_root
    checked(differently)


def test_a_message_is_encoded_alone_as_it_is_in_a_block() -> None:
    """Recovery compares the last sealed record with what Kafka holds at its offset."""
    given = [*messages([2**14, 2**14 + 1]), Message(2**14 + 2, broken_headers=True), Message(2**20, bytes(9 << 20))]
    assert list(sealed(given).encoded_records()) == list(map(encode_message, given))


def of_size(offset: int, size: int) -> Message:
    """Return a message whose record takes that number of bytes."""
    message = Message(offset, bytes(size), b"")
    message = replace(message, content=bytes(2 * size - len(encode_message(message))))
    assert len(encode_message(message)) == size
    return message


def chunks_of(*sizes: int) -> list[int]:
    """Return how many records each chunk of a block has whose records have these sizes."""
    draft = BlockDraft(GENESIS, BlockLimits())
    assert draft.extend([of_size(number, size) for number, size in enumerate(sizes)]) == len(sizes)
    block = draft.seal(SOURCE, [SIGNER], now=NOW, sealer="auditseal/test")
    return [chunk.count for chunk in block.chunks]


def test_a_clock_before_1970_seals_at_0() -> None:
    assert Block.parse(sealed(messages([0]), now=-5).format()).header.sealed_at == 0


def test_a_block_closes_at_8_mib_or_50_000_records_by_default() -> None:
    assert (BlockLimits().bytes, BlockLimits().records) == (8_388_608, 50_000)


def test_of_a_log_whose_start_nobody_knows_no_offset_lies_below_it() -> None:
    draft = BlockDraft(GENESIS, BlockLimits())
    draft.extend(messages([5]))
    block = draft.seal(SOURCE, [SIGNER], now=NOW, sealer="auditseal/test")
    assert block.header.gaps == (Gap(0, 4, CAUSE_UNKNOWN),)


def test_every_chunk_may_be_full_to_the_byte() -> None:
    full, half = MAX_CHUNK_BYTES, MAX_CHUNK_BYTES // 2
    assert chunks_of(half, half, half, half) == [2, 2]
    assert chunks_of(half, half, half, half - 1) == [2, 2]
    assert chunks_of(full - 1, half, half + 1) == [1, 1, 1]


def test_a_block_may_be_full_to_the_byte_in_its_second_chunk() -> None:
    draft = BlockDraft(GENESIS, BlockLimits(bytes=MAX_CHUNK_BYTES + 100))
    assert draft.extend([of_size(0, MAX_CHUNK_BYTES), of_size(1, 100)]) == 2
    assert draft.full is None
    assert draft.extend([of_size(2, 50)]) == 0
    assert draft.full is CloseReason.BYTES


def test_a_second_chunk_takes_no_more_than_the_block_has_left() -> None:
    draft = BlockDraft(GENESIS, BlockLimits(bytes=MAX_CHUNK_BYTES + 100))
    assert draft.extend([of_size(0, MAX_CHUNK_BYTES), of_size(1, 60), of_size(2, 60)]) == 2
    assert draft.full is CloseReason.BYTES


def test_no_smaller_record_slips_past_one_that_has_no_room() -> None:
    draft = BlockDraft(GENESIS, BlockLimits(bytes=300))
    assert draft.extend([of_size(0, 200), of_size(1, 200), of_size(2, 50)]) == 1
    assert (draft.full, draft.next_offset) == (CloseReason.BYTES, 1)


@pytest.mark.parametrize(("size", "started"), [(200, 0), (17_000, 1)])
def test_only_the_compression_of_more_than_16_kib_is_started_elsewhere(size: int, started: int) -> None:
    tasks = list[Callable[[], bytes]]()

    def start(task: Callable[[], bytes]) -> Callable[[], bytes]:
        tasks.append(task)
        return task

    draft = BlockDraft(GENESIS, BlockLimits(), start=start)
    draft.extend([Message(0, random.Random(1).randbytes(size))])
    block = draft.seal(SOURCE, [SIGNER], now=NOW, sealer="test/1")
    assert len(tasks) == started
    checked(block)
