"""Appends a record that no client library would write: header names of any bytes, by Kafka's protocol itself.

Produce version 3 with one record batch of magic 2: https://kafka.apache.org/protocol and
https://kafka.apache.org/documentation/#recordbatch.
"""

import socket
import struct
import time

from auditseal_schemas.varint import encode_long

_CRC32C = 0x82F63B78


def produce_raw(port: int, topic: str, partition: int, value: bytes, headers: list[tuple[bytes, bytes]]) -> int:
    """Append one record with acks=all; return its offset."""
    batch = _batch(value, headers)
    name = topic.encode()
    body = struct.pack(">hhih4sh", 0, 3, 1, 4, b"test", -1)  # api, version, id, client, no transaction
    body += struct.pack(">hii", -1, 10_000, 1) + struct.pack(">h", len(name)) + name
    body += struct.pack(">iii", 1, partition, len(batch)) + batch
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection, connection.makefile("rb") as stream:
        connection.sendall(struct.pack(">i", len(body)) + body)
        answer = stream.read(int.from_bytes(stream.read(4), "big"))
    # correlation id, topics, name, partitions, partition, error, base offset
    error, offset = struct.unpack_from(">hq", answer, 4 + 4 + 2 + len(name) + 4 + 4)
    assert error == 0, f"the broker refuses the record: error {error}"
    return int(offset)


def _batch(value: bytes, headers: list[tuple[bytes, bytes]]) -> bytes:
    record = b"\0" + encode_long(0) + encode_long(0) + encode_long(-1) + encode_long(len(value)) + value
    record += encode_long(len(headers))
    for name, content in headers:
        record += encode_long(len(name)) + name + encode_long(len(content)) + content
    now = int(time.time() * 1000)
    records = encode_long(len(record)) + record
    after_crc = struct.pack(">hiqqqhii", 0, 0, now, now, -1, -1, -1, 1) + records
    return struct.pack(">qiibI", 0, len(after_crc) + 9, -1, 2, _crc32c(after_crc)) + after_crc


def _crc32c(data: bytes) -> int:
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (_CRC32C if value & 1 else 0)
    return value ^ 0xFFFFFFFF
