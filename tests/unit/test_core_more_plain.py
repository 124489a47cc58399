"""What the quick loop over plain records takes for the tail of a timestamp."""

import pytest

from auditseal_schemas.varint import encode_unsigned
from tests.unit.test_core_plain import check, encoded


def from_zigzag(zigzag: int) -> int:
    return (zigzag >> 1) ^ -(zigzag & 1)


def test_an_offset_that_looks_like_the_tail_of_the_last_timestamp_is_none() -> None:
    """The second record's offset, 101, is encoded as the high bits of the first one's timestamp."""
    first, second = from_zigzag(202 << 14 | 0x1234), from_zigzag(300 << 14 | 0x2345)
    assert check(encoded(100, first) + encoded(101, second), 100, 2) == 2


def test_a_record_that_holds_the_record_before_is_read_by_itself() -> None:
    """The second record's timestamp and key repeat the first one's offset and timestamp."""
    second = from_zigzag(100 << 15 | 0x1234)
    assert encode_unsigned(100 << 1) == encoded(100, 0)[:2]
    assert check(encoded(100, 0) + encoded(101, second, key=None), 100, 2) == 2


@pytest.mark.parametrize("length", [b"\x81\x01", b"\xff\x01"], ids=["-65", "-128"])
@pytest.mark.parametrize("part", [b"k", b"v"])
def test_a_negative_length_of_two_bytes_is_not_taken(part: bytes, length: bytes) -> None:
    long = encoded(7, key=b"k" * 64, value=b"v" * 64)
    assert check(long, 7, 1) == 1
    assert check(long.replace(b"\x02\x80\x01" + part, b"\x02" + length + part), 7, 1) == 0
