"""The full check of records: each dishonest change by a sealer or a store, found at the right record."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from itertools import pairwise
from typing import Any

import pytest

from auditseal_schemas import verification
from auditseal_schemas.block import Block
from auditseal_schemas.container import Chunk
from auditseal_schemas.deflate import deflate
from auditseal_schemas.errors import MalformedError, VerificationError
from auditseal_schemas.header import Gap
from auditseal_schemas.limits import MAX_CHUNK_BYTES
from auditseal_schemas.record import RecordEncoder
from auditseal_schemas.verdict import Verdict
from auditseal_schemas.verification import verify
from tests.factory.blocks import GENESIS, flipped, resigned, sealed
from tests.factory.messages import Message, messages

OFFSETS = [0, 1, 2, 5, 6, 9, 10, 11, 12, 13]
BLOCK = sealed(messages(OFFSETS))
RECORDS = list(BLOCK.encoded_records())


def stored(records: Sequence[bytes], *sizes: int, block: Block = BLOCK, tail: bytes = b"") -> Block:
    """Return the block with other records in it, in data blocks of so many each: what a store may do."""
    bounds = [sum(sizes[:number]) for number in range(len(sizes) + 1)] if sizes else [0, len(records)]
    chunks = [Chunk(end - start, deflate(b"".join(records[start:end]) + tail)) for start, end in pairwise(bounds)]
    return replace(block, chunks=tuple(chunks))


def claiming(block: Block = BLOCK, **changes: Any) -> Block:
    """Return the block with another header: what a sealer may sign."""
    return replace(block, header=replace(block.header, **changes))


def check_records(block: Block) -> None:
    verify(block, verification.RECORDS)


def refuse(block: Block, verdict: Verdict, field: str, offset: int | None = None) -> VerificationError:
    with pytest.raises(VerificationError) as caught:
        check_records(block)
    error = caught.value
    assert (error.verdict, error.field, error.offset) == (verdict, field, offset)
    assert str(error).isprintable()
    return error


def record(offset: int, value: bytes = b"other") -> bytes:
    return RecordEncoder().encode(offset, 1_700_000_000_000 + offset, b"key", (), value)


def with_size(block: Block) -> Block:
    """Return the block with the header's size made right, so that it isn't what is found."""
    return claiming(block, size=sum(map(len, block.encoded_records())))


@pytest.mark.parametrize("sizes", [(), (10,), (1,) * 10, (3, 3, 4)], ids=str)
def test_how_records_are_cut_into_data_blocks_is_not_theirs_to_say(sizes: tuple[int, ...]) -> None:
    check_records(stored(RECORDS, *sizes))


@pytest.mark.parametrize("sizes", [(10,), (1,) * 10, (3, 3, 4)], ids=str)
@pytest.mark.parametrize("number", range(10))
def test_the_changed_record_is_found_wherever_it_is(number: int, sizes: tuple[int, ...]) -> None:
    changed = flipped(RECORDS[number], len(RECORDS[number]) - 4, 1)
    block = stored([*RECORDS[:number], changed, *RECORDS[number + 1 :]], *sizes)
    error = refuse(block, Verdict.BAD_RECORD, "record", OFFSETS[number])
    assert f"record {number} of the block" in error.problem


def test_of_two_changed_records_the_first_is_named() -> None:
    changed = [
        flipped(encoded, len(encoded) - 4, 1) if number in {4, 8} else encoded for number, encoded in enumerate(RECORDS)
    ]
    refuse(stored(changed), Verdict.BAD_RECORD, "record", OFFSETS[4])


def test_a_record_replaced_by_a_longer_one() -> None:
    block = stored([*RECORDS[:5], record(9, b"x" * 99), *RECORDS[6:]])
    refuse(with_size(claiming(block, size=10**6)), Verdict.BAD_RECORD, "record", 9)
    refuse(block, Verdict.MALFORMED, "payload")


@pytest.mark.parametrize(
    ("records", "offset"),
    [
        ([RECORDS[1], RECORDS[0], *RECORDS[2:]], 0),
        ([*RECORDS[:3], RECORDS[4], RECORDS[3], *RECORDS[5:]], 5),
        ([*RECORDS[:5], *RECORDS[6:]], 9),
        ([*RECORDS[:6], RECORDS[5], *RECORDS[6:]], 10),
        ([*RECORDS[:3], record(3), *RECORDS[3:]], 5),
        (RECORDS[1:], 0),
    ],
    ids=["first two swapped", "swapped", "dropped", "doubled", "inserted in a gap", "first dropped"],
)
def test_offsets_are_those_promised(records: list[bytes], offset: int) -> None:
    refuse(with_size(claiming(stored(records), size=10**6)), Verdict.BAD_RECORD, "record.offset", offset)


def test_the_last_record_dropped_or_one_appended() -> None:
    refuse(stored(RECORDS[:-1]), Verdict.BAD_RECORD, "last_link")
    refuse(with_size(claiming(stored([*RECORDS, record(14)]), size=10**6)), Verdict.BAD_RECORD, "record", 14)
    refuse(stored([]), Verdict.BAD_RECORD, "last_link")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"size": BLOCK.header.size + 1}, "count"),
        ({"last_offset": 14, "count": 11}, "count"),
        ({"min_timestamp": BLOCK.header.min_timestamp - 1}, "min_timestamp"),  # type: ignore[operator]
        ({"max_timestamp": BLOCK.header.max_timestamp + 1}, "max_timestamp"),  # type: ignore[operator]
        ({"last_link": bytes(32)}, "last_link"),
    ],
    ids=["size", "a record more", "min_timestamp", "max_timestamp", "last_link"],
)
def test_what_a_sealer_says_of_its_records_is_made_again(changes: dict[str, Any], field: str) -> None:
    refuse(claiming(**changes), Verdict.BAD_RECORD, field)


def test_a_size_too_small_is_never_inflated_beyond() -> None:
    refuse(claiming(size=BLOCK.header.size - 1), Verdict.MALFORMED, "payload")


def test_a_gap_moved() -> None:
    refuse(claiming(gaps=(Gap(2, 3, 0), Gap(7, 8, 0))), Verdict.BAD_RECORD, "record.offset", 4)
    refuse(claiming(gaps=(Gap(3, 5, 0), Gap(8, 8, 0))), Verdict.BAD_RECORD, "record.offset", 6)


def test_a_gap_claimed_at_the_end() -> None:
    block = sealed(messages(range(4)))
    check_records(claiming(block, last_offset=7, gaps=(Gap(4, 5, 1), Gap(6, 7, 0))))


def test_another_events_root() -> None:
    refuse(claiming(events_root=bytes(32)), Verdict.BAD_ROOT, "events_root")


def test_locators_that_were_not_signed_blame_nobody() -> None:
    refuse(replace(BLOCK, locators=bytes(20)), Verdict.BAD_ROOT, "locators")


def test_locators_that_a_sealer_signed_wrongly() -> None:
    wrong = flipped(BLOCK.locators, 7)
    block = claiming(replace(BLOCK, locators=wrong), locators=sha256(wrong).digest())
    refuse(block, Verdict.BAD_RECORD, "record", OFFSETS[3])


def test_an_empty_block_has_no_records_to_lie_about() -> None:
    empty = sealed([])
    check_records(empty)
    refuse(claiming(stored([record(0)], block=empty), size=0), Verdict.MALFORMED, "payload")


@pytest.mark.parametrize("check", [check_records, lambda block: list(block.records())], ids=["check", "read"])
@pytest.mark.parametrize(
    "block",
    [
        stored(RECORDS, tail=b"\x00"),
        replace(BLOCK, chunks=(replace(BLOCK.chunks[0], count=11),)),
        replace(BLOCK, chunks=(replace(BLOCK.chunks[0], count=9),)),
        replace(BLOCK, chunks=(replace(BLOCK.chunks[0], deflated=b""),)),
        stored([*RECORDS[:-1], RECORDS[-1][:-1]]),
    ],
    ids=["tail", "count + 1", "count - 1", "no stream", "last cut"],
)
def test_a_data_block_is_what_its_count_says(check: Any, block: Block) -> None:
    with pytest.raises(VerificationError):
        check(claiming(block, size=10**6))


def test_bytes_after_the_last_record_are_found_though_the_size_counts_them() -> None:
    block = stored(RECORDS, 5, 5, tail=b"\x00\x00")
    error = refuse(claiming(block, size=BLOCK.header.size + 4), Verdict.MALFORMED, "record")
    assert error.problem.startswith("2 bytes follow")


def test_a_record_that_is_not_canonical_is_named() -> None:
    broken = RECORDS[3][:-1] + b"\x02"
    error = refuse(stored([*RECORDS[:3], broken, *RECORDS[4:]]), Verdict.MALFORMED, "record.salt", 5)
    assert isinstance(error, MalformedError)


def test_two_records_never_share_more_than_4_mib() -> None:
    half = bytes(MAX_CHUNK_BYTES // 2)
    large = [record(0, half), record(1, half)]
    refuse(stored(large, 2, block=claiming(size=10 * 1024 * 1024)), Verdict.MALFORMED, "payload")


NAMED = [("name", b"value")]
MIXED = [
    replace(message, header_list=NAMED if offset in {0, 3, 4, 9, 13} else None)
    for offset, message in zip([0, 1, 3, 4, 5, 8, 9, 10, 13], messages([0, 1, 3, 4, 5, 8, 9, 10, 13]), strict=True)
]


def refused(block: Block) -> tuple[Verdict, str, int | None]:
    with pytest.raises(VerificationError) as caught:
        check_records(block)
    return caught.value.verdict, caught.value.field, caught.value.offset


def holding(block: Block, records: list[bytes]) -> Block:
    """Return the block with other records in it, whose size the header doesn't bound."""
    changed = replace(block, header=replace(block.header, size=10**6))
    return replace(changed, chunks=(Chunk(len(records), deflate(b"".join(records))),))


def test_plain_records_and_others_make_one_chain() -> None:
    block = sealed(MIXED)
    assert [gap.first for gap in block.header.gaps] == [2, 6, 11]
    check_records(block)
    records = list(block.encoded_records())
    check_records(replace(block, chunks=tuple(Chunk(1, deflate(record)) for record in records)))


@pytest.mark.parametrize("number", range(len(MIXED)))
def test_a_changed_record_among_them_is_the_one_that_is_named(number: int) -> None:
    block = sealed(MIXED)
    records = list(block.encoded_records())
    records[number] = records[number].replace(b'"number"', b'"Number"')
    assert refused(holding(block, records)) == (Verdict.BAD_RECORD, "record", MIXED[number].at)


@pytest.mark.parametrize("offset", [2, 6, 11, 12])
def test_a_plain_record_in_any_gap_is_found(offset: int) -> None:
    block = sealed(messages([0, 1, 3, 4, 5, 8, 9, 10, 13]))
    records = list(block.encoded_records())
    place = sum(message.at < offset for message in MIXED)
    records.insert(place, RecordEncoder().encode(offset, 1, b"key", (), b"value"))
    assert refused(holding(block, records)) == (Verdict.BAD_RECORD, "record.offset", MIXED[place].at)


def test_offsets_end_where_avros_longs_do() -> None:
    last = 2**63 - 1
    state = replace(GENESIS, head=None)
    block = sealed([Message(5)], state, log_start=5)
    header = replace(block.header, last_offset=last, gaps=(Gap(0, 4, 1), Gap(6, last, 0)), count=1)
    check_records(resigned(replace(block, header=header)))
    records = [*block.encoded_records(), RecordEncoder().encode(last, 1, b"key", (), b"value")]
    assert refused(holding(replace(block, header=header), records))[1:] == ("record.offset", last + 1)
