"""How large a batch can be once it is decompressed: each codec's bound, held against the codec's own best effort."""

import zlib

import pytest

from auditseal_daemon.batch_size import (
    HARDENED_BYTES,
    OWN_BYTES,
    RECEIVE_BYTES,
    fetch_bytes,
    is_hardened,
    largest_batch,
    sealer_memory,
)
from auditseal_daemon.topic_rules import TopicKind, TopicRules
from auditseal_schemas.limits import MIB


def topic(**settings: str) -> dict[str, str]:
    named = {name.replace("_", "."): value for name, value in settings.items()}
    return {"max.message.bytes": str(MIB), **named}


@pytest.mark.parametrize(
    ("codec", "largest", "hardened"),
    [
        ("uncompressed", MIB, True),
        ("snappy", 22 * MIB, True),
        ("lz4", 255 * MIB, False),
        ("gzip", 1032 * MIB, False),
        ("zstd", 1032 * MIB, False),
        ("producer", 1032 * MIB, False),
    ],
)
def test_a_codec_bounds_a_batch(codec: str, largest: int, hardened: bool) -> None:
    view = topic(compression_type=codec)
    assert (largest_batch(view), is_hardened(view)) == (largest, hardened)
    assert sealer_memory(view) == OWN_BYTES + 3 * largest
    assert (fetch_bytes(view) == MIB) is hardened


def test_a_small_topic_that_may_hold_zstd_is_bounded_by_the_client() -> None:
    assert largest_batch(topic(max_message_bytes="1000")) == RECEIVE_BYTES
    assert largest_batch(topic(max_message_bytes=str(8 * MIB), compression_type="snappy")) == 176 * MIB
    assert not is_hardened(topic(max_message_bytes=str(8 * MIB), compression_type="snappy"))


def test_a_fetch_of_zstd_batches_has_no_more_than_one_batch_may() -> None:
    assert fetch_bytes(topic()) * 32_768 <= RECEIVE_BYTES


def test_topics_as_hardened_creates_them_are_hardened() -> None:
    settings = TopicRules(hardened=True).settings(TopicKind.EVENTS)
    assert is_hardened(settings)
    assert largest_batch(settings) <= HARDENED_BYTES
    assert not is_hardened(TopicRules().settings(TopicKind.EVENTS))


def test_zeros_stay_within_gzips_bound() -> None:
    stored = zlib.compress(bytes(64 * MIB), 9, wbits=31)
    assert 1000 < 64 * MIB / len(stored) < 1032
