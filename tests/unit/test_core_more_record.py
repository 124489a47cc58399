"""The encoder's caches, and lengths below zero."""

import pytest

from auditseal_schemas.errors import MalformedError
from auditseal_schemas.record import RecordEncoder, parse_record, scan_record

RECORD = b"\x00\x00\x02\x02k\x02\x00\x02\x02v\x00\x00"


@pytest.mark.parametrize("timestamp", [-2, -1, 0, 1, 2])
@pytest.mark.parametrize("offset", [0, 1, 8191, 8192])
def test_the_first_record_of_an_encoder_may_have_any_timestamp(offset: int, timestamp: int) -> None:
    record = parse_record(RecordEncoder().encode(offset, timestamp, b"key", (), b"value"))
    assert (record.offset, record.timestamp) == (offset, timestamp)


@pytest.mark.parametrize(
    "record",
    [
        RECORD.replace(b"\x02\x02k", b"\x02\x01"),
        RECORD.replace(b"\x02\x02k", b"\x02\x03k"),
        RECORD.replace(b"\x02\x02v", b"\x02\x01"),
        RECORD.replace(b"\x02\x02v", b"\x02\x03v"),
    ],
    ids=["key -1", "key -2", "value -1", "value -2"],
)
def test_no_length_is_negative(record: bytes) -> None:
    assert parse_record(RECORD).key == b"k"
    with pytest.raises(MalformedError, match="negative"):
        scan_record(record, 0)


@pytest.mark.parametrize(("before", "after"), [(16_384, 8_192), (1 << 28, 1), (1 << 28, 0)])
def test_what_an_encoder_remembers_of_an_offset_is_no_other_ones(before: int, after: int) -> None:
    encoder = RecordEncoder()
    records = [encoder.encode(offset, 1, b"key", (), b"value") for offset in (before, after)]
    assert [parse_record(record).offset for record in records] == [before, after]


@pytest.mark.parametrize("there", [0, 1, 15])
def test_a_salt_that_is_cut_off_is_none(there: int) -> None:
    salted = RECORD[:-1] + b"\x20" + bytes(16)
    assert parse_record(salted).salt == bytes(16)
    with pytest.raises(MalformedError, match="past the end"):
        scan_record(salted[: len(salted) - 16 + there], 0)
