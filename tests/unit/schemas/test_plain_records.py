"""The quick loop over plain records takes what `scan_record` takes, and nothing else."""

from itertools import product

import pytest

from auditseal_schemas import varint
from auditseal_schemas.errors import MalformedError
from auditseal_schemas.plain_records import link_plain
from auditseal_schemas.record import encode_headers, encode_optional, next_link, scan_record
from auditseal_schemas.varint import encode_long, encode_unsigned, long_runs

FIRST = bytes(32)
TIMES = (0, -1, 63, 64, 8191, 8192, 1_700_000_000_000, 1_700_000_000_001, 1_700_000_008_200, -(2**63), 2**63 - 1)


def encoded(
    offset: int,
    timestamp: int = 1_700_000_000_000,
    key: bytes | None = b"k",
    value: bytes | None = b"v",
    headers: tuple[tuple[str, bytes | None], ...] | None = (),
    end: bytes = b"\0\0",
) -> bytes:
    parts = (encode_long(offset), encode_long(timestamp), *encode_optional(key), encode_headers(headers))
    return b"".join((*parts, *encode_optional(value), end))


def scanned(content: bytes, offset: int, count: int) -> tuple[list[int], list[bytes], list[int]]:
    """Return where records end, their links and their timestamps, as far as they are sound and in a row."""
    ends, links, times = [0], [FIRST], []
    for number in range(count):
        try:
            span = scan_record(content, ends[-1])
        except MalformedError:
            break
        if span.offset != offset + number:
            break
        links.append(next_link(links[-1], content[ends[-1] : span.end]))
        ends.append(span.end)
        times.append(span.timestamp)
    return ends, links, times


def check(content: bytes, offset: int, count: int) -> int:
    """Check that the loop found what a scan finds, as far as it went, and return how many records it took."""
    links, times = [FIRST], set[int]()
    position = link_plain(content, 0, offset, count, links, times)
    ends, all_links, all_times = scanned(content, offset, count)
    taken = len(links) - 1
    assert links == all_links[: taken + 1]
    assert position == ends[taken]
    assert set(all_times[:taken]) <= times
    return taken


def test_timestamps_of_every_length_in_any_order() -> None:
    for pair in product(TIMES, repeat=2):
        for offset in (0, 100_000):
            content = b"".join(encoded(offset + number, time) for number, time in enumerate((*pair, pair[0])))
            assert check(content, offset, 3) == 3


def test_the_timestamps_are_those_of_the_records() -> None:
    times = [*TIMES, *range(1_700_000_000_000, 1_700_000_020_000, 37)]
    content = b"".join(encoded(number, time) for number, time in enumerate(times))
    found: set[int] = set()
    link_plain(content, 0, 0, len(times), [FIRST], found)
    assert found == set(times)


@pytest.mark.parametrize("length", [None, 0, 1, 63, 64, 8191])
def test_keys_and_values_of_these_lengths_are_plain(length: int | None) -> None:
    data = None if length is None else bytes(length)
    assert check(encoded(7, key=data) + encoded(8, value=data), 7, 2) == 2


@pytest.mark.parametrize(
    "record",
    [
        encoded(7, key=bytes(8192)),
        encoded(7, value=bytes(8192)),
        encoded(7, headers=None),
        encoded(7, headers=(("a", b"b"),)),
        encoded(7, end=b"\0\x20" + bytes(16)),
        encoded(8),
        b"\x8e\x00" + encoded(7)[1:],
        encoded(7)[:1],
        encoded(7)[:-1],
        b"",
        encoded(7).replace(b"\x02\x02k", b"\x04\x02k"),
        encoded(7).replace(b"\x02\x02v", b"\x04\x02v"),
        encoded(7).replace(b"\x02\x02k", b"\x02\x01k"),
        encoded(7).replace(b"\x02\x02v", b"\x02\x01v"),
        encoded(7).replace(b"\x02\x02k", b"\x02\x82\x00k"),
        encoded(7).replace(b"\x02\x02v", b"\x02\x82\x00v"),
        encode_long(7) + b"\x80" * 11,
    ],
    ids=lambda record: record[:24].hex(),
)
def test_what_is_not_plain_is_left_where_it_is(record: bytes) -> None:
    content = encoded(6) + record
    assert check(content + encoded(8), 6, 3) == 1
    assert check(content, 6, 2) == 1


def test_no_more_records_are_taken_than_there_may_be() -> None:
    assert check(encoded(0) + encoded(1), 0, 1) == 1
    assert check(encoded(0), 0, 0) == 0


def test_every_changed_byte_is_seen_as_a_scan_sees_it() -> None:
    content = b"".join(encoded(4095 + number, 1_700_000_000_000 + number, bytes(70)) for number in range(3))
    for position, byte in product(range(len(content)), (0x00, 0x01, 0x02, 0x7F, 0x80, 0xFF)):
        check(content[:position] + bytes((byte,)) + content[position + 1 :], 4095, 3)


@pytest.mark.parametrize("first", [8190, 2 * 8192 - 2, 2**40 - 2])
def test_records_are_taken_across_a_change_of_the_high_bits(first: int) -> None:
    assert check(b"".join(encoded(first + number) for number in range(5)), first, 5) == 5


@pytest.mark.parametrize("first", [8190, 2 * 8192 - 2, 2**40 - 2])
def test_a_missing_offset_before_that_change_ends_the_loop(first: int) -> None:
    assert check(encoded(first) + encoded(first + 2), first, 5) == 1


@pytest.mark.parametrize(("first", "count"), [(0, 9000), (8191, 2), (8192, 1), (5, 0), (2**40 - 3, 9), (2**63 - 2, 2)])
def test_longs_in_a_row(first: int, count: int) -> None:
    found = [head + tail for _, heads, tail in long_runs(first, count) for head in heads]
    assert found == [encode_long(number) for number in range(first, first + count)]


@pytest.mark.parametrize("offset", [0, 2**40])
def test_a_record_that_is_not_plain_costs_no_more_than_itself(monkeypatch: pytest.MonkeyPatch, offset: int) -> None:
    """Or a block of such records would take a time that grows with the square of their number."""
    made: list[object] = []
    low_bits = varint._LOW_BITS

    class Lows:
        def __getitem__(self, index: int) -> bytes:
            made.append(index)
            return low_bits[index]

    def encode(value: int) -> bytes:
        made.append(value)
        return encode_long(value)

    monkeypatch.setattr(varint, "_LOW_BITS", Lows())
    monkeypatch.setattr(varint, "encode_long", encode)
    content = encode_long(offset + 1) + bytes(100)
    assert link_plain(content, 0, offset, 5000, [FIRST], set()) == 0
    assert len(made) == 1
    assert isinstance(made[0], int)


def test_longs_in_a_row_end_where_longs_do() -> None:
    with pytest.raises(OverflowError):
        list(long_runs(2**63 - 1, 2))


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
    """Within the content are bytes that would end the record, were its length's third byte a first byte of content."""
    content = bytearray(16_384)
    content[8191:8198] = b"\x02\0\0\0\0\0\0" if part == "key" else b"\0\0\0\0\0\0\0"
    record = encoded(7, key=bytes(content)) if part == "key" else encoded(7, value=bytes(content))
    assert encode_unsigned(2 << 14) == b"\x80\x80\x02"
    assert check(record, 7, 1) == 0


@pytest.mark.parametrize("end", [1 << 13, 1 << 14, 5 << 13])
def test_records_on_both_sides_of_an_offset_that_is_encoded_longer(end: int) -> None:
    content = b"".join(encoded(offset) for offset in range(end - 3, end + 3))
    assert check(content, end - 3, 6) == 6


@pytest.mark.parametrize("end", [1 << 13, 1 << 14, 5 << 13])
def test_an_offset_that_is_passed_over_at_such_a_place_is_noticed(end: int) -> None:
    """The record has the first offset of the next run, and stands where the last of this one belongs."""
    assert check(encoded(end), end - 1, 2) == 0
    assert check(encoded(end - 2) + encoded(end), end - 2, 3) == 1


@pytest.mark.parametrize("other", [(2 << 13) + 5, (1 << 27) + (1 << 13) + 5])
def test_an_offset_with_the_same_low_bits_is_another_one(other: int) -> None:
    offset = (1 << 13) + 5
    assert encoded(other)[:2] == encoded(offset)[:2]
    assert check(encoded(other), offset, 1) == 0
    assert check(encoded(offset - 1) + encoded(other), offset - 1, 2) == 1
