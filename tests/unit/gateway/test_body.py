"""Bodies: within a size, also when decompressed, and within a time."""

import asyncio
import gzip
from collections.abc import AsyncIterator

import pytest

from auditseal_gateway.body import read_body
from auditseal_gateway.config import Limits
from auditseal_gateway.errors import RequestError

LIMITS = Limits(body_bytes=1_000, read_seconds=0.05)


def read(*pieces: bytes, stalls: bool = False, **headers: str) -> bytes:
    async def stream() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece
        if stalls:
            await asyncio.Event().wait()

    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return asyncio.run(read_body(sent, stream(), LIMITS))


def refusal(*pieces: bytes, stalls: bool = False, **headers: str) -> int:
    with pytest.raises(RequestError) as caught:
        read(*pieces, stalls=stalls, **headers)
    return caught.value.status


def test_a_body_is_read() -> None:
    assert read(b"ab", b"", b"c") == b"abc"
    assert read(b"x" * 1_000, content_length="1000") == b"x" * 1_000
    packed = gzip.compress(b"abc" * 100)
    assert read(packed[:7], packed[7:], content_encoding="GZIP") == b"abc" * 100


def test_a_body_that_is_too_large_is_refused_before_it_is_read() -> None:
    assert refusal(stalls=True, content_length="1001") == 413
    assert refusal(b"x" * 600, b"x" * 600, stalls=True) == 413
    assert refusal(b"x" * 2_000, content_length="five") == 413


def test_a_body_that_grows_when_it_is_decompressed_is_refused() -> None:
    assert refusal(gzip.compress(bytes(1_001)), content_encoding="gzip") == 413
    assert refusal(gzip.compress(bytes(500_000_00))[:900], content_encoding="gzip") == 413


WHOLE = gzip.compress(b"abc", mtime=0)  # so that each process of a run names its tests alike


@pytest.mark.parametrize("body", [b"", b"abc", WHOLE[:-1], WHOLE + WHOLE, WHOLE + b"x"])
def test_what_is_not_one_gzip_member_is_refused(body: bytes) -> None:
    assert refusal(body, content_encoding="gzip") == 400


def test_other_encodings_are_refused() -> None:
    assert refusal(b"", content_encoding="br") == 415


def test_a_body_that_stops_coming_is_refused() -> None:
    assert refusal(b"half", stalls=True) == 408
