"""The sealed record: one Kafka record, raw, in canonical Avro, and the chain through all of them.

The schema is `avro/sealed_record.avsc`; hand-written since sealer and verifier do this for every record.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

from auditseal_schemas.errors import MalformedError
from auditseal_schemas.limits import MAX_CONTENT_BYTES
from auditseal_schemas.varint import (
    LOW_14_BITS,
    SHORT_VARINTS,
    decode_length,
    decode_long,
    encode_long,
    encode_unsigned,
)

Contents = bytes | memoryview
"""A key or a value as it was read: contents that are long need not be copied."""

RecordHeaders = Sequence[tuple[str, Contents | None]]

_NULL = b"\x00"
_NO_HEADERS = b"\x02\x00"
_PLAIN_END = b"\x00\x00"  # no oversize, no salt
_SALT_SIZES = (0, 16)
_LONGS = tuple(encode_long(value) for value in range(1 << 13))
_BRANCHES = tuple(b"\x02" + length for length in _LONGS)
_AFTER_KEY = tuple(_NO_HEADERS + branch for branch in _BRANCHES)


class Oversize(NamedTuple):
    """Replaces a record's key, headers and value where they exceed MAX_CONTENT_BYTES."""

    length: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class SealedRecord:
    """A record as stored in a block; `timestamp` in ms as the broker reports it, -1 where there is none.

    A producer may stamp any 64-bit number, and brokers take it: none is refused.

    `headers` is None where the sealer couldn't read them, and empty where there are none.
    """

    offset: int
    timestamp: int
    key: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] | None
    value: bytes | None
    oversize: Oversize | None = None
    salt: bytes = b""


class RecordSpan(NamedTuple):
    """The places of the parts of an encoded record: each ends where the next begins."""

    offset: int
    timestamp: int
    key: int
    headers: int
    value: int
    oversize: int
    salt: int
    end: int


def next_link(link: bytes, record: bytes) -> bytes:
    """Return the link after a record: an RFC 6962 leaf hash of the previous link and the encoded record."""
    return sha256(b"\x00" + link + record).digest()


class RecordEncoder:
    """Encodes records in Kafka's order, caching what changes seldom: the offset's high bits and the timestamp.

    The sealer does this for every record, so what is usual (no headers, contents of less than 8 KiB) takes one lookup a
    part and no further call; anything else leaves by the IndexError of a table that is too short, or by the branch.
    """

    def __init__(self) -> None:
        self._high, self._lows = 0, SHORT_VARINTS
        self._timestamp, self._middle = -1, encode_long(-1)

    def encode(
        self, offset: int, timestamp: int, key: Contents | None, headers: RecordHeaders | None, value: Contents | None
    ) -> bytes:
        """Return the canonical encoding; contents beyond MAX_CONTENT_BYTES become their length and SHA-256."""
        zigzag = offset << 1
        if zigzag >> 14 != self._high or timestamp != self._timestamp:
            self._turn(zigzag >> 14, timestamp)
        low = self._lows[zigzag & 0x3FFF]
        if headers == () and key is not None and value is not None:
            try:
                return b"".join(
                    (low, self._middle, _BRANCHES[len(key)], key, _AFTER_KEY[len(value)], value, _PLAIN_END)
                )
            except IndexError:
                pass
        content = [*encode_optional(key), *_header_parts(headers), *encode_optional(value)]
        if sum(map(len, content)) > MAX_CONTENT_BYTES:
            return b"".join((low, self._middle, *_limit_content(content)))
        return b"".join((low, self._middle, *content, _PLAIN_END))

    def _turn(self, high: int, timestamp: int) -> None:
        """Remember what follows an offset's low 14 bits: its high bits, and the timestamp."""
        self._high, self._timestamp = high, timestamp
        self._lows = LOW_14_BITS if high else SHORT_VARINTS
        self._middle = (encode_unsigned(high) if high else b"") + encode_long(timestamp)


def encode_optional(data: Contents | None) -> tuple[bytes, Contents]:
    """Return the union branch and length, and the bytes, of a `["null", "bytes"]`."""
    if data is None:
        return _NULL, b""
    length = len(data)
    return (_BRANCHES[length] if length < len(_BRANCHES) else b"\x02" + encode_long(length)), data


def encode_headers(headers: RecordHeaders | None) -> bytes:
    """Return the encoded union of headers, as one Avro array block."""
    return b"".join(_header_parts(headers))


def _header_parts(headers: RecordHeaders | None) -> list[Contents]:
    """Return the parts of the encoded union of headers.

    A record may have 100,000 headers, so the loop uses lookups. Values are not copied: one may have a gigabyte.
    """
    if not headers:
        return [_NULL if headers is None else _NO_HEADERS]
    parts: list[Contents] = [b"\x02", encode_long(len(headers))]
    add, longs, branches, bound = parts.append, _LONGS, _BRANCHES, len(_LONGS)
    for name, value in headers:
        encoded = name.encode()
        length = len(encoded)
        add(longs[length] if length < bound else encode_long(length))
        add(encoded)
        if value is None:
            add(_NULL)
        else:
            length = len(value)
            add(branches[length] if length < bound else b"\x02" + encode_long(length))
            add(value)
    add(_NULL)
    return parts


def _limit_content(content: Iterable[Contents]) -> tuple[bytes, ...]:
    """Return the length and SHA-256 that stand for contents above the limit, in a record's encoding after its start."""
    digest, length = sha256(), 0
    for part in content:
        digest.update(part)
        length += len(part)
    return (_NULL * 3, b"\x02", encode_long(length), encode_long(32), digest.digest(), _NULL)


def scan_record(data: bytes, position: int) -> RecordSpan:
    """Find the parts of the record at a position and check that its encoding is the canonical one.

    Raises:
        MalformedError: It is not canonical, exceeds a limit, or runs past the end of the data.
    """
    try:
        offset, after = decode_long(data, position)
        timestamp, key = decode_long(data, after)
        headers = _skip_optional(data, key)
        value = headers + 2 if data[headers : headers + 2] == _NO_HEADERS else _skip_headers(data, headers)
        oversize = _skip_optional(data, value)
        if data[oversize : oversize + 2] == _PLAIN_END:
            salt, end = oversize + 1, oversize + 2
        else:
            salt = _skip_oversize(data, oversize, content=data[key:oversize])
            end = _skip_salt(data, salt)
    except IndexError as error:
        raise MalformedError("record", f"the data end within the record at byte {position}") from error
    except MalformedError as error:
        if error.field.startswith("record"):
            raise
        raise MalformedError("record", error.problem) from error  # a long or a length
    if offset < 0 or oversize - key > MAX_CONTENT_BYTES:
        problem = f"offset {offset} or {oversize - key} bytes of contents are out of range"
        raise MalformedError("record", problem)
    return RecordSpan(offset, timestamp, key, headers, value, oversize, salt, end)


def _skip_optional(data: bytes, position: int) -> int:
    branch = data[position]
    if branch == 2:
        length = data[position + 1]
        if length < 0x80:
            if length & 1:
                raise MalformedError("record", "a length is negative")
            return position + 2 + (length >> 1)
        length, position = decode_length(data, position + 1)
        return position + length
    if branch:
        raise MalformedError("record", f"{branch:#04x} is not a branch of a union")
    return position + 1


def _skip_headers(data: bytes, position: int) -> int:
    """Skip headers that are null, or at least one: the empty array has been seen to by then."""
    if data[position] == 0:
        return position + 1
    if data[position] != 2:
        raise MalformedError("record.headers", f"{data[position]:#04x} is not a branch of a union")
    count, position = decode_length(data, position + 1)
    for _ in range(count):
        length, position = decode_length(data, position)
        try:
            data[position : position + length].decode()
        except UnicodeDecodeError as error:
            raise MalformedError("record.headers", "a name is not UTF-8") from error
        position = _skip_optional(data, position + length)
    if data[position] != 0:
        raise MalformedError("record.headers", "the array has more than one block")
    return position + 1


def _skip_oversize(data: bytes, position: int, content: bytes) -> int:
    if data[position] == 0:
        return position + 1
    if data[position] != 2 or content != _NULL * 3:
        raise MalformedError("record.oversize", "it accompanies contents, or is not a branch of a union")
    length, position = decode_long(data, position + 1)
    size, position = decode_long(data, position)
    if length <= MAX_CONTENT_BYTES or size != 32:
        raise MalformedError("record.oversize", f"{length} bytes are not oversize, or {size} bytes no SHA-256")
    return position + size


def _skip_salt(data: bytes, position: int) -> int:
    size, position = decode_long(data, position)
    if size not in _SALT_SIZES or position + size > len(data):
        raise MalformedError("record.salt", f"{size} bytes are neither none nor 16, or past the end")
    return position + size


def parse_record(data: bytes) -> SealedRecord:
    """Read one encoded record, which must be the whole of the data.

    Raises:
        MalformedError: See `scan_record`; or something follows the record.
    """
    span = scan_record(data, 0)
    if span.end != len(data):
        raise MalformedError("record", f"{len(data) - span.end} bytes follow it")
    return SealedRecord(
        span.offset,
        span.timestamp,
        _read_optional(data[span.key : span.headers]),
        _read_headers(data[span.headers : span.value]),
        _read_optional(data[span.value : span.oversize]),
        _read_oversize(data[span.oversize : span.salt]),
        data[span.salt + 1 : span.end],
    )


def _read_optional(data: bytes) -> bytes | None:
    if data == _NULL:
        return None
    length, position = decode_length(data, 1)
    return data[position : position + length]


def _read_headers(data: bytes) -> tuple[tuple[str, bytes | None], ...] | None:
    if data == _NULL:
        return None
    headers = []
    count, position = decode_length(data, 1)
    for _ in range(count):
        length, start = decode_length(data, position)
        value = start + length
        position = _skip_optional(data, value)
        headers.append((data[start:value].decode(), _read_optional(data[value:position])))
    return tuple(headers)


def _read_oversize(data: bytes) -> Oversize | None:
    if data == _NULL:
        return None
    length, _ = decode_long(data, 1)
    return Oversize(length, data[-32:])
