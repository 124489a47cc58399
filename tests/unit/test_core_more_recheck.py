"""The full check where records that are plain and records that are not follow one another, and where offsets end."""

from dataclasses import replace

import pytest

from auditseal_schemas.block import Block
from auditseal_schemas.container import Chunk
from auditseal_schemas.deflate import deflate
from auditseal_schemas.errors import VerificationError
from auditseal_schemas.header import Gap
from auditseal_schemas.record import RecordEncoder
from auditseal_schemas.verdict import Verdict
from auditseal_schemas.verification import RECORDS, verify
from tests.factory.blocks import GENESIS, resigned, sealed
from tests.factory.messages import Message, messages

NAMED = [("name", b"value")]
MIXED = [
    replace(message, header_list=NAMED if offset in {0, 3, 4, 9, 13} else None)
    for offset, message in zip([0, 1, 3, 4, 5, 8, 9, 10, 13], messages([0, 1, 3, 4, 5, 8, 9, 10, 13]), strict=True)
]


def refused(block: Block) -> tuple[Verdict, str, int | None]:
    with pytest.raises(VerificationError) as caught:
        verify(block, RECORDS)
    return caught.value.verdict, caught.value.field, caught.value.offset


def holding(block: Block, records: list[bytes]) -> Block:
    """Return the block with other records in it, whose size the header doesn't bound."""
    changed = replace(block, header=replace(block.header, size=10**6))
    return replace(changed, chunks=(Chunk(len(records), deflate(b"".join(records))),))


def test_plain_records_and_others_make_one_chain() -> None:
    block = sealed(MIXED)
    assert [gap.first for gap in block.header.gaps] == [2, 6, 11]
    verify(block, RECORDS)
    records = list(block.encoded_records())
    verify(replace(block, chunks=tuple(Chunk(1, deflate(record)) for record in records)), RECORDS)


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
    verify(resigned(replace(block, header=header)), RECORDS)
    records = [*block.encoded_records(), RecordEncoder().encode(last, 1, b"key", (), b"value")]
    assert refused(holding(replace(block, header=header), records))[1:] == ("record.offset", last + 1)
