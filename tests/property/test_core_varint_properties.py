"""Avro's long: every number has one encoding, and everything else is refused."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from auditseal_schemas.errors import MalformedError
from auditseal_schemas.varint import decode_length, decode_long, encode_long, encode_unsigned

LONGS = st.integers(-(2**63), 2**63 - 1)
EDGES = sorted({sign * (1 << bits) + step for bits in range(64) for step in (-1, 0, 1) for sign in (-1, 1)})


def padded(encoded: bytes, zeros: int) -> bytes:
    """Return the same number with needless high bits: what a lenient reader takes for the same."""
    return encoded[:-1] + bytes((encoded[-1] | 0x80,)) + b"\x80" * (zeros - 1) + b"\x00"


@given(LONGS, st.binary(max_size=3), st.binary(max_size=3))
@example(-(2**63), b"", b"")
@example(2**63 - 1, b"", b"\x00")
def test_round_trip_wherever_it_stands(value: int, before: bytes, after: bytes) -> None:
    encoded = encode_long(value)
    assert decode_long(before + encoded + after, len(before)) == (value, len(before) + len(encoded))
    assert len(encoded) == max(1, -(-(value << 1 if value >= 0 else ~(value << 1)).bit_length() // 7))


def test_every_power_of_two() -> None:
    for value in EDGES:
        if -(2**63) <= value < 2**63:
            assert decode_long(encode_long(value), 0) == (value, len(encode_long(value)))


@given(LONGS, st.integers(1, 12))
def test_no_padded_form_is_read(value: int, zeros: int) -> None:
    with pytest.raises(MalformedError, match="long"):
        decode_long(padded(encode_long(value), zeros), 0)


@given(LONGS)
def test_no_cut_form_is_read(value: int) -> None:
    encoded = encode_long(value)
    for length in range(len(encoded)):
        with pytest.raises(IndexError):
            decode_long(encoded[:length], 0)


@given(st.binary(min_size=1, max_size=12))
def test_what_is_read_is_what_would_be_written(data: bytes) -> None:
    try:
        value, end = decode_long(data, 0)
    except (IndexError, MalformedError):
        return
    assert encode_long(value) == data[:end]
    if value >= 0:
        assert decode_length(data, 0) == (value, end)
    else:
        with pytest.raises(MalformedError, match="negative"):
            decode_length(data, 0)


@pytest.mark.parametrize("last", range(256))
def test_the_tenth_byte_holds_one_bit(last: int) -> None:
    data = b"\xff" * 9 + bytes((last,))
    if last == 1:
        assert decode_long(data, 0) == (-(2**63), 10)
    else:
        with pytest.raises(MalformedError, match="long"):
            decode_long(data, 0)


def test_a_long_that_never_ends_is_refused_at_its_eleventh_byte() -> None:
    with pytest.raises(MalformedError, match="more than 10 bytes"):
        decode_long(b"\x80" * 1_000_000, 0)


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 2**200])
def test_what_does_not_fit_is_not_written(value: int) -> None:
    with pytest.raises(OverflowError, match="doesn't fit"):
        encode_long(value)


@given(st.integers(0, 2**64 - 1))
def test_unsigned_is_without_zigzag(value: int) -> None:
    unzigzag = (value >> 1) ^ -(value & 1)
    assert encode_unsigned(value) == encode_long(unzigzag)


def test_every_varint_of_up_to_three_bytes() -> None:
    for value in range(1 << 15):
        septets = [value & 0x7F, value >> 7 & 0x7F, value >> 14]
        while len(septets) > 1 and not septets[-1]:
            septets.pop()
        assert encode_unsigned(value) == bytes([septet | 0x80 for septet in septets[:-1]] + septets[-1:])


@pytest.mark.parametrize("value", [-1, -(2**14), -(2**70)])
def test_a_negative_number_has_no_varint(value: int) -> None:
    with pytest.raises(ValueError, match="negative"):
        encode_unsigned(value)
