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


@pytest.mark.parametrize("count", [10, 11, 12, 13])
def test_a_timestamp_without_an_end_is_not_taken(count: int) -> None:
    """Eleven such bytes once stood for "no timestamp yet", and a first record that had them passed."""
    end = encoded(1, 0)[2:]
    assert check(encode_unsigned(0) + b"\xff" * count + end, 0, 1) == 0
    assert check(encoded(0, 0) + encode_unsigned(2) + b"\xff" * count + end, 0, 2) == 1


def test_a_timestamp_one_byte_longer_than_the_last_one_with_its_tail() -> None:
    """Read one byte too late, its last byte would say that a key follows, the absent key its length, 0."""
    first, second = from_zigzag(2 << 14 | 0x1234), from_zigzag(2 << 21 | 0x12345)
    assert check(encoded(100, first) + encoded(101, second, key=None), 100, 2) == 2


def test_a_timestamp_one_byte_shorter_than_the_last_one_with_its_tail() -> None:
    """Read one byte too early, the key's length would say that a key follows, and its one byte, 0, how long it is."""
    first, second = from_zigzag(0x105 << 14 | 0x1234), from_zigzag(0x105 << 7 | 0x12)
    assert check(encoded(100, first) + encoded(101, second, key=b"\0"), 100, 2) == 2


def test_a_timestamp_that_ends_as_the_last_one_does_but_for_a_byte() -> None:
    first, second = from_zigzag(0x105 << 14 | 0x1234), from_zigzag(2 << 14 | 0x1235)
    assert check(encoded(100, first) + encoded(101, second), 100, 2) == 2


@pytest.mark.parametrize("part", ["key", "value"])
def test_a_length_of_three_bytes_is_not_taken_for_one_of_two(part: str) -> None:
    """Within the content lies what would end the record, were its length's third byte a first byte of content."""
    content = bytearray(16_384)
    content[8191:8198] = b"\x02\0\0\0\0\0\0" if part == "key" else b"\0\0\0\0\0\0\0"
    record = encoded(7, key=bytes(content)) if part == "key" else encoded(7, value=bytes(content))
    assert encode_unsigned(2 << 14) == b"\x80\x80\x02"
    assert check(record, 7, 1) == 0
