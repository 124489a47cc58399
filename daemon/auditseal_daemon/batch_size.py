"""How large a record batch can be once it is decompressed: from it follows a sealer's memory. Pure.

All functions take a topic's effective settings. A consumer decompresses a whole batch at once. The codecs' formats
bound by how much a batch may grow. Brokers bound a batch's size as it is stored (`max.message.bytes`), and recompress
every batch where `compression.type` names a codec.
"""

from collections.abc import Mapping

from auditseal_schemas.limits import KIB, MIB

RECEIVE_BYTES = 1024 * MIB
"""`receive.message.max.bytes`: a zstd batch that would be larger is refused by the client as unreadable."""
OWN_BYTES = 256 * MIB
"""A sealer's memory besides what librdkafka decompresses and copies."""
HARDENED_BYTES = 32 * MIB
"""A topic whose batches can't be larger than this is hardened."""

_KAFKA_DEFAULT = 1_048_588  # bytes of `max.message.bytes`
_GROWTH = {"uncompressed": 1, "snappy": 22, "lz4": 255, "gzip": 1032}
"""By how much a batch of a codec may grow, at most: the longest copy for the shortest code that the format has."""
_MANY, _FEW = 1 * MIB, 32 * KIB


def largest_batch(topic: Mapping[str, str]) -> int:
    """Return the bytes that one batch of a topic can have once it is decompressed, at most.

    This holds for batches that were appended under the topic's present settings.
    """
    stored = int(topic.get("max.message.bytes", _KAFKA_DEFAULT))
    growth = _GROWTH.get(topic.get("compression.type", "producer"))
    return max(_GROWTH["gzip"] * stored, RECEIVE_BYTES) if growth is None else growth * stored


def is_hardened(topic: Mapping[str, str]) -> bool:
    """Return whether no batch of a topic can be larger than HARDENED_BYTES once it is decompressed."""
    return largest_batch(topic) <= HARDENED_BYTES


def sealer_memory(events: Mapping[str, str]) -> int:
    """Return the bytes of memory that a sealer of one partition needs, whatever producers send.

    One batch is sealed while the next one is decompressed. A batch whose bytes are headers exists twice meanwhile:
    decompressed, and as the copies that librdkafka makes of headers.
    """
    return OWN_BYTES + 3 * largest_batch(events)


def fetch_bytes(topic: Mapping[str, str]) -> int:
    """Return how much to ask a broker for at once: a fetch has several batches, and all of them are decompressed.

    A zstd batch may grow 32,768 times, so that 32 KiB of such batches have at most 1 GiB. A broker sends at least one
    batch, however large.
    """
    return _MANY if is_hardened(topic) else _FEW
