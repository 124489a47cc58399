"""A stream may look back as far as RFC 1951 lets it: 32 KiB."""

import zlib
from random import Random
from types import ModuleType

import pytest

from auditseal_schemas import deflate as with_isal
from tests.factory.streams import deflate_without_isal


@pytest.mark.parametrize("module", [with_isal, deflate_without_isal()], ids=["isal", "zlib"])
def test_a_stream_that_looks_back_far_is_read(module: ModuleType) -> None:
    content = Random(1).randbytes(32_000) * 2
    stream = zlib.compress(content, wbits=-15)
    assert len(stream) < 40_000
    assert module.inflate(stream, len(content)) == content
