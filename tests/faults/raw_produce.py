"""Appends record batches that no client library would write, by Kafka's protocol itself.

Produce version 3 with one record batch of magic 2: https://kafka.apache.org/protocol and
https://kafka.apache.org/documentation/#recordbatch.
"""

import socket
import struct
import time
from collections.abc import Iterable
from itertools import chain

from auditseal_schemas.varint import encode_long

GZIP = 1
"""The codec's number in a batch's attributes."""


def produce_raw(port: int, topic: str, partition: int, value: bytes, headers: list[tuple[bytes, bytes]]) -> int:
    """Append one record with acks=all; return its offset. Header names may be any bytes."""
    return produce_batch(port, topic, partition, make_batch(encode_record(0, value, headers), 1))


def produce_batch(port: int, topic: str, partition: int, batch: bytes) -> int:
    """Append a batch with acks=all; return its first offset."""
    name = topic.encode()
    body = struct.pack(">hhih4sh", 0, 3, 1, 4, b"test", -1)  # api, version, id, client, no transaction
    body += struct.pack(">hii", -1, 60_000, 1) + struct.pack(">h", len(name)) + name
    body += struct.pack(">iii", 1, partition, len(batch)) + batch
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection, connection.makefile("rb") as stream:
        connection.sendall(struct.pack(">i", len(body)) + body)
        answer = stream.read(int.from_bytes(stream.read(4), "big"))
    # correlation id, topics, name, partitions, partition, error, base offset
    error, offset = struct.unpack_from(">hq", answer, 4 + 4 + 2 + len(name) + 4 + 4)
    assert error == 0, f"the broker refuses the batch: error {error}"
    return int(offset)


def encode_record(delta: int, value: bytes, headers: Iterable[tuple[bytes, bytes]] = ()) -> bytes:
    """Encode a record without a key at an offset relative to its batch's."""
    parts = [encode_long(len(part)) + part for part in chain.from_iterable(headers)]
    record = b"\0" + encode_long(0) + encode_long(delta) + encode_long(-1) + encode_long(len(value)) + value
    record += encode_long(len(parts) // 2) + b"".join(parts)
    return encode_long(len(record)) + record


def make_batch(content: bytes, count: int, codec: int = 0) -> bytes:
    """Make a batch of `count` records; `content` is their encoding, compressed by the codec."""
    now = int(time.time() * 1000)
    return seal_batch(struct.pack(">hiqqqhii", codec, count - 1, now, now, -1, -1, -1, count) + content)


def seal_batch(after_crc: bytes, *, magic: int = 2, base: int = 0) -> bytes:
    """Return a batch of the bytes that its CRC covers."""
    return struct.pack(">qiibI", base, len(after_crc) + 9, -1, magic, crc32c(after_crc)) + after_crc


def crc32c(data: bytes) -> int:
    """Return the CRC-32C of RFC 3720."""
    value = 0xFFFFFFFF
    for byte in data:
        value = (value >> 8) ^ _TABLE[(value ^ byte) & 0xFF]
    return value ^ 0xFFFFFFFF


def _entry(value: int) -> int:
    for _ in range(8):
        value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
    return value


_TABLE = tuple(map(_entry, range(256)))
