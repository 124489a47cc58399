"""Records at the edges of what may be sealed, and each way in which an encoding can be wrong."""

from hashlib import sha256

import pytest

from auditseal_schemas.errors import MalformedError
from auditseal_schemas.limits import MAX_CONTENT_BYTES
from auditseal_schemas.record import Oversize, RecordEncoder, SealedRecord, next_link, parse_record, scan_record
from auditseal_schemas.varint import encode_long
from tests.factory.blocks import flipped

SMALL = RecordEncoder().encode(5, 7, b"k", [("h", b"v"), ("n", None)], b"value")
OVERSIZE_TAIL = b"\x02" + encode_long(MAX_CONTENT_BYTES + 1) + encode_long(32) + bytes(32) + b"\x00"


def refuse(data: bytes) -> MalformedError:
    with pytest.raises(MalformedError) as caught:
        parse_record(data)
    assert str(caught.value).isprintable()
    return caught.value


def test_every_byte_of_a_small_record_counts() -> None:
    record = parse_record(SMALL)
    assert record == SealedRecord(5, 7, b"k", (("h", b"v"), ("n", None)), b"value")
    seen = {SMALL: record}
    for position in range(len(SMALL)):
        for mask in range(1, 256):
            changed = flipped(SMALL, position, mask)
            try:
                seen[changed] = parse_record(changed)
            except MalformedError:
                continue
    assert len(set(seen.values())) == len(seen) > len(SMALL)


def test_the_link_is_an_rfc_6962_leaf() -> None:
    assert next_link(b"\x01" * 32, SMALL) == sha256(b"\x00" + b"\x01" * 32 + SMALL).digest()


def content_of(size: int) -> bytes:
    """Return a value that makes the contents (no key, no headers, a value) exactly `size` bytes."""
    around = len(b"\x00" + b"\x02\x00" + b"\x02" + encode_long(size))
    value = bytes(size - around)
    assert len(encode_long(len(value))) == len(encode_long(size))
    return value


@pytest.mark.parametrize("excess", [-1, 0])
def test_contents_up_to_the_limit_are_sealed_whole(excess: int) -> None:
    value = content_of(MAX_CONTENT_BYTES + excess)
    record = RecordEncoder().encode(2**62, 2**62, None, (), value)
    assert len(record) > MAX_CONTENT_BYTES
    assert parse_record(record) == SealedRecord(2**62, 2**62, None, (), value)
    assert scan_record(record, 0).end == len(record)


def test_contents_beyond_the_limit_become_length_and_digest() -> None:
    value = content_of(MAX_CONTENT_BYTES + 1)
    record = RecordEncoder().encode(9, -1, None, (), value)
    content = b"\x00" + b"\x02\x00" + b"\x02" + encode_long(len(value)) + value
    oversize = Oversize(MAX_CONTENT_BYTES + 1, sha256(content).digest())
    assert parse_record(record) == SealedRecord(9, -1, None, None, None, oversize)
    assert len(record) < 64


def test_a_plain_record_with_contents_beyond_the_limit_is_refused() -> None:
    value = content_of(MAX_CONTENT_BYTES + 1)
    refuse(b"\x00\x01\x00\x02\x00\x02" + encode_long(len(value)) + value + b"\x00\x00")


def test_headers_none_and_empty_are_different_things() -> None:
    unread, empty = (RecordEncoder().encode(0, 0, None, headers, None) for headers in (None, ()))
    assert unread != empty
    assert (parse_record(unread).headers, parse_record(empty).headers) == (None, ())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x01\x00\x00\x00\x00\x00\x00",
        b"\x00\x00\x04\x00\x00\x00\x00",
        b"\x00\x00\x00\x04\x00\x00\x00",
        b"\x00\x00\x00\x00\x04\x00\x00",
        b"\x00\x00\x00\x00\x00\x04\x00",
        b"\x00\x00\x00\x00\x00\x01\x00",
        b"\x00\x00\x02\x01\x00\x00\x00\x00",
        b"\x00\x00\x02\x81\x01\x00\x00\x00\x00",
        b"\x00\x00\x02\x80\x00\x00\x00\x00\x00",
        b"\x00\x00\x00\x02\x01\x02\x00\x00\x00\x00\x00\x00",
        b"\x00\x00\x00\x02\x80\x00\x00\x00\x00",
        b"\x00\x00\x00\x02\x02\x02h\x00\x02\x02h\x00\x00\x00\x00\x00",
        b"\x00\x00\x00\x02\x02\x02\xff\x00\x00\x00\x00\x00",
        b"\x00\x00\x00\x02\x02\x06\xed\xa0\x80\x00\x00\x00\x00\x00",
        b"\x00\x00\x00\x02\x02\x01h\x00\x00\x00\x00\x00",
        b"\x00\x00\x00\x00\x00\x00\x02s",
        b"\x00\x00\x00\x00\x00\x00\x1e" + bytes(15),
        b"\x00\x00\x00\x00\x00\x00\x20" + bytes(15),
        b"\x00\x00\x00\x00\x00\x00\x22" + bytes(17),
        b"\x00\x00\x00\x00\x00\x00\x01",
        b"\x00\x00\x02\x00\x00\x00" + OVERSIZE_TAIL,
        b"\x00\x00\x00\x02\x00\x00" + OVERSIZE_TAIL,
        b"\x00\x00\x00\x00\x02\x00" + OVERSIZE_TAIL,
        b"\x00\x00\x00\x00\x00" + OVERSIZE_TAIL.replace(encode_long(32), encode_long(31)),
        b"\x00\x00\x00\x00\x00" + OVERSIZE_TAIL.replace(encode_long(32), encode_long(33)),
        b"\x00\x00\x00\x00\x00\x02" + encode_long(MAX_CONTENT_BYTES) + encode_long(32) + bytes(33),
        b"\x00\x00\x00\x00\x00\x02" + encode_long(-1) + encode_long(32) + bytes(33),
        b"\x00\x00\x00\x00\x00" + OVERSIZE_TAIL[:-1],
        b"\x00\x00\x00\x00\x00" + OVERSIZE_TAIL[:-2],
        SMALL + b"\x00",
        SMALL + SMALL,
    ],
    ids=lambda data: data[:16].hex(),
)
def test_anything_but_the_canonical_encoding_is_refused(data: bytes) -> None:
    assert refuse(data).field.startswith(("record", "long", "length"))


def test_a_salted_record_of_either_kind() -> None:
    salt = bytes(range(16))
    assert parse_record(b"\x00\x00\x00\x00\x00\x00\x20" + salt) == SealedRecord(0, 0, None, None, None, None, salt)
    oversize = Oversize(MAX_CONTENT_BYTES + 1, bytes(32))
    salted = b"\x00\x00\x00\x00\x00" + OVERSIZE_TAIL[:-1] + b"\x20" + salt
    assert parse_record(salted) == SealedRecord(0, 0, None, None, None, oversize, salt)


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


@pytest.mark.parametrize("length", [8190, 8191, 8192, 8193])
def test_headers_with_names_and_values_of_any_length(length: int) -> None:
    headers = (("n" * length, bytes(length)), ("m", None))
    record = RecordEncoder().encode(0, 0, None, headers, None)
    assert parse_record(record) == SealedRecord(0, 0, None, headers, None)
