"""Either library reads the other's deflate, within bounds, and nothing but one whole stream."""

import random
import zlib
from random import Random
from types import ModuleType

import pytest
from isal import isal_zlib

from auditseal_schemas import deflate as with_isal
from auditseal_schemas.errors import MalformedError
from auditseal_schemas.limits import MAX_CHUNK_BYTES
from tests.factory.blocks import flipped
from tests.factory.streams import deflate_without_isal

RANDOM = random.Random(1)
CONTENTS = [
    b"",
    b"\x00",
    b"audit" * 1000,
    RANDOM.randbytes(100_000),
    bytes(MAX_CHUNK_BYTES),
    b"".join(b'{"id":%d,"name":"user-%d"}' % (RANDOM.getrandbits(40), RANDOM.randrange(50)) for _ in range(20_000)),
]


with_zlib = deflate_without_isal()
either = pytest.mark.parametrize("module", [with_isal, with_zlib], ids=["isal", "zlib"])


def test_isal_is_used_where_it_is_installed_and_only_there() -> None:
    assert with_isal._zlib is isal_zlib
    assert with_zlib._zlib is zlib


@pytest.mark.parametrize("writer", [with_isal, with_zlib], ids=["isal writes", "zlib writes"])
@pytest.mark.parametrize("reader", [with_isal, with_zlib], ids=["isal reads", "zlib reads"])
@pytest.mark.parametrize("content", CONTENTS, ids=len)
def test_either_reads_the_others(writer: ModuleType, reader: ModuleType, content: bytes) -> None:
    deflated = writer.deflate(content)
    assert reader.inflate(deflated, len(content)) == content
    assert zlib.decompress(deflated, wbits=-15) == content


@either
@pytest.mark.parametrize("content", CONTENTS, ids=len)
def test_one_byte_more_than_allowed_is_refused(module: ModuleType, content: bytes) -> None:
    if content:
        with pytest.raises(MalformedError, match="more than"):
            module.inflate(module.deflate(content), len(content) - 1)


@either
def test_a_stream_is_whole_and_nothing_follows(module: ModuleType) -> None:
    content = b"audit" * 100 + RANDOM.randbytes(50)
    deflated = module.deflate(content)
    for length in range(len(deflated)):
        with pytest.raises(MalformedError, match="payload"):
            module.inflate(deflated[:length], 1000)
    for tail in (b"\x00", deflated, b"\x03\x00"):
        with pytest.raises(MalformedError, match="payload"):
            module.inflate(deflated + tail, 1000)
    for wrapped in (zlib.compress(content), zlib.compress(content, wbits=31)):
        with pytest.raises(MalformedError, match="payload"):
            module.inflate(wrapped, 1000)


@either
def test_a_changed_stream_is_refused_or_another_content(module: ModuleType) -> None:
    """Or the same: deflate has bits that no content shows, which is why `payload` commits to the stored bytes."""
    content = b"audit" * 100 + RANDOM.randbytes(50)
    deflated = module.deflate(content)
    for position in range(len(deflated)):
        for bit in range(8):
            try:
                assert len(module.inflate(flipped(deflated, position, 1 << bit), 1000)) <= 1000
            except MalformedError as error:
                words = str(error)
                assert words.isprintable()


@pytest.mark.parametrize("module", [with_isal, deflate_without_isal()], ids=["isal", "zlib"])
def test_a_stream_that_looks_back_far_is_read(module: ModuleType) -> None:
    content = Random(1).randbytes(32_000) * 2
    stream = zlib.compress(content, wbits=-15)
    assert len(stream) < 40_000
    assert module.inflate(stream, len(content)) == content
