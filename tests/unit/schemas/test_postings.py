"""Postings: one spelling of ascending offsets, and everything else refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditseal_schemas.errors import MalformedError
from auditseal_schemas.postings import decode_postings, encode_postings

MOST = (1 << 63) - 1


@given(st.sets(st.integers(0, MOST), min_size=1), st.integers(0, MOST))
def test_offsets_are_read_as_they_were_written(offsets: set[int], shift: int) -> None:
    first = min(*offsets, shift)
    data = encode_postings(sorted(offsets), first)
    assert decode_postings(data, first, max(offsets)) == tuple(sorted(offsets))


@given(st.binary(max_size=12))
def test_bytes_are_refused_or_the_one_spelling(data: bytes) -> None:
    try:
        offsets = decode_postings(data, 7, MOST)
    except MalformedError:
        return
    assert encode_postings(offsets, 7) == data


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "there are none"),
        (b"\x01\x00", "offset 11 is there twice"),
        (b"\x0b", "offset 21 is above the segment's last offset, 20"),
        (b"\x01\x0a", "offset 21 is above the segment's last offset, 20"),
        (b"\x80", "cut off"),
        (b"\x80\x00", "not minimal"),
        (b"\x81\x80\x00", "not minimal"),
        (b"\xff" * 9 + b"\x01", "more than 63 bits"),
        (b"\xff" * 8, "cut off"),
    ],
)
def test_other_bytes_are_refused(data: bytes, problem: str) -> None:
    with pytest.raises(MalformedError, match=problem):
        decode_postings(data, 10, 20)


def test_the_first_and_the_last_offset_of_a_segment_are_in_it() -> None:
    assert decode_postings(b"\x00\x0a", 10, 20) == (10, 20)
    assert decode_postings(b"\xff" * 8 + b"\x7f", 0, MOST) == (MOST,)
