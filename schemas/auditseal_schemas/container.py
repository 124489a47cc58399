"""The Avro object container file of a block, read strictly and with bounds (Avro 1.12, Object Container Files).

A wrapper isn't signed, and Avro's own readers are lenient: of two equal metadata keys they take the last, a schema with
two fields swapped reads happily. So what a container may look like is fixed here to the byte.
"""

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from auditseal_schemas.canonical_base64 import decode_base64
from auditseal_schemas.errors import MalformedError, quoted
from auditseal_schemas.limits import MAX_OBJECT_BYTES, MAX_RECORDS
from auditseal_schemas.schema import schema_text
from auditseal_schemas.varint import decode_length, encode_long

_MAGIC = b"Obj\x01"
_SYNC_SIZE = 16
_KEYS = (
    "avro.schema",
    "avro.codec",
    "auditseal.header",
    "auditseal.frontier",
    "auditseal.checkpoint",
    "auditseal.locators",
)
_BEGINNINGS = tuple(encode_long(len(key)) + key.encode() for key in _KEYS)
_CODEC = b"deflate"


@dataclass(frozen=True, slots=True)
class Chunk:
    """One Avro data block: the number of its records and their deflated bytes."""

    count: int
    deflated: bytes

    @property
    def prefix(self) -> bytes:
        """The two longs before the bytes."""
        return encode_long(self.count) + encode_long(len(self.deflated))


@dataclass(frozen=True, slots=True)
class Container:
    """What a block's file holds, parsed but not verified."""

    header: bytes
    frontier: bytes
    checkpoint: bytes
    locators: bytes
    chunks: tuple[Chunk, ...]

    @property
    def sync(self) -> bytes:
        """The sync marker: the first 16 bytes of the header's SHA-256."""
        return sha256(self.header).digest()[:_SYNC_SIZE]

    def format(self) -> bytes:
        """Return the file's bytes."""
        values = (
            schema_text("sealed_record"),
            _CODEC,
            b64encode(self.header),
            b64encode(self.frontier),
            self.checkpoint,
            b64encode(self.locators),
        )
        parts = [_MAGIC, encode_long(len(_KEYS))]
        for beginning, value in zip(_BEGINNINGS, values, strict=True):
            parts += (beginning, encode_long(len(value)), value)
        parts += (b"\x00", sync := self.sync)
        for chunk in self.chunks:
            parts += (chunk.prefix, chunk.deflated, sync)
        return b"".join(parts)

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a block's file; there is one spelling of each.

        Raises:
            MalformedError: Any byte of the wrapper is not as it must be, or the file exceeds the limit.
        """
        if len(data) > MAX_OBJECT_BYTES:
            raise MalformedError("container", f"it exceeds {MAX_OBJECT_BYTES} bytes")
        try:
            return cls._read(data)
        except IndexError as error:
            raise MalformedError("container", "it is cut") from error

    @classmethod
    def _read(cls, data: bytes) -> Self:
        if not data.startswith(_MAGIC):
            raise MalformedError("container", f"it doesn't begin with {_MAGIC!r}")
        values, position = _read_metadata(data, len(_MAGIC))
        if values[0] != schema_text("sealed_record") or values[1] != _CODEC:
            raise MalformedError("container.metadata", "avro.schema or avro.codec is not the normative one")
        header, frontier, locators = (decode_base64(f"container.{_KEYS[index]}", values[index]) for index in (2, 3, 5))
        sync, position = data[position : position + _SYNC_SIZE], position + _SYNC_SIZE
        container = cls(header, frontier, values[4], locators, _read_chunks(data, position, sync))
        if sync != container.sync:
            raise MalformedError("container.sync", "it is not the beginning of the header's SHA-256")
        return container


def payload_digest(chunks: Iterable[Chunk]) -> bytes:
    """Return what `header.payload` commits to: the SHA-256 of count, size and bytes of each data block."""
    digest = sha256()
    for chunk in chunks:
        digest.update(chunk.prefix)
        digest.update(chunk.deflated)
    return digest.digest()


def _read_metadata(data: bytes, position: int) -> tuple[list[bytes], int]:
    count, position = decode_length(data, position)
    if count != len(_KEYS):
        raise MalformedError("container.metadata", f"it has {count} keys in its first block, not {len(_KEYS)}")
    values = []
    for expected in _KEYS:
        key, position = _read_bytes(data, position)
        if key != expected.encode():
            raise MalformedError("container.metadata", f"{quoted(key)} stands where {expected} belongs")
        value, position = _read_bytes(data, position)
        values.append(value)
    if data[position] != 0:
        raise MalformedError("container.metadata", "it has more than one block")
    return values, position + 1


def _read_chunks(data: bytes, position: int, sync: bytes) -> tuple[Chunk, ...]:
    chunks, records = [], 0
    while position < len(data):
        count, position = decode_length(data, position)
        records += count
        if count == 0 or records > MAX_RECORDS:
            raise MalformedError("container", f"a data block makes the records {records}, of {MAX_RECORDS} at most")
        deflated, position = _read_bytes(data, position)
        if data[position : position + _SYNC_SIZE] != sync:
            raise MalformedError("container.sync", f"a data block before byte {position} isn't ended by it")
        position += _SYNC_SIZE
        chunks.append(Chunk(count, deflated))
    return tuple(chunks)


def _read_bytes(data: bytes, position: int) -> tuple[bytes, int]:
    length, position = decode_length(data, position)
    if position + length > len(data):
        raise MalformedError("container", f"{length} bytes at byte {position} run past its end")
    return data[position : position + length], position + length
