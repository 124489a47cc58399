"""Plain records, read and linked in one loop: no headers, nothing oversize, no salt, short enough. Nearly all are.

Every test here is exact, so what is taken is what `scan_record` would have found; anything else, and all that is wrong,
is left to it. A verifier spends most of its time here.
"""

from collections.abc import Iterable
from hashlib import sha256

from auditseal_schemas.errors import MalformedError
from auditseal_schemas.varint import decode_long, encode_long, long_runs

# How many bytes a part takes, by the bytes that it begins with. Looking them up is quicker than decoding a length.
_SHORT_KEYS = {b"\x00\x02": 1} | {b"\x02" + encode_long(length): 2 + length for length in range(64)}
_KEYS = {b"\x02" + encode_long(length): 3 + length for length in range(64, 1 << 13)}
# No headers, and a value. Five bytes are looked up: after a null value two of them are a plain record's end.
_VALUES = {b"\x02\x00" + key: 2 + size for key, size in _KEYS.items()} | {b"\x02\x00\x00\x00\x00": 3}
_SHORT_VALUES = {b"\x02\x00\x02" + encode_long(length): 4 + length for length in range(64)}
_PLAIN_END = b"\x00\x00"  # no oversize, no salt
_NOTHING: tuple[bytes, ...] = ()  # of no prefixes none ever matches, while any bytes may come
_begin_leaf = sha256(b"\x00").copy  # a copy takes less time than another object and a joined text


def link_plain(content: bytes, position: int, offset: int, count: int, links: list[bytes], timestamps: set[int]) -> int:
    """Link plain records of contiguous offsets up to the first that isn't one, and return the position after them.

    Args:
        content: The encoded records of a chunk.
        position: Where the first one begins.
        offset: The offset that it must have.
        count: How many there may be.
        links: The links so far, at least the one before; each record's is appended.
        timestamps: Each record's is added, and that of a record that is not plain if it can be read.
    """
    for length, heads, tail in long_runs(offset, count):  # comparing is quicker than decoding
        wanted = len(links) + length
        position = _link_run(content, position, heads, tail, links, timestamps)
        if len(links) < wanted:
            break
    return position


def _link_run(
    content: bytes, position: int, heads: Iterable[bytes], tail: bytes, links: list[bytes], timestamps: set[int]
) -> int:
    """Link plain records whose offsets are encoded as a head each, all of one length, and the same tail."""
    link = links[-1]
    known, known_size = b"", 0  # the tail and the timestamp of the record before, and their size with a head
    rest: bytes | tuple[bytes, ...] = _NOTHING
    high = 0
    try:
        for head in heads:
            if known and content.startswith(head + known, position):
                at = position + known_size
            elif content.startswith(head + tail, position):
                at = start = position + len(head) + len(tail)
                if (
                    content.startswith(rest, at + 2)
                    and (first := content[at]) > 0x7F
                    and (second := content[at + 1]) > 0x7F
                ):
                    zigzag = high | second << 7 & 0x3F80 | first & 0x7F
                    timestamps.add((zigzag >> 1) ^ -(zigzag & 1))
                    at += 2 + len(rest)
                else:
                    value, at = decode_long(content, at)
                    timestamps.add(value)
                    rest = content[start + 2 : at] or _NOTHING
                    high = ((value << 1) ^ (value >> 63)) & ~0x3FFF
                known, known_size = tail + content[start:at], at - position
            else:
                break
            size = _SHORT_KEYS.get(content[at : at + 2]) or _KEYS.get(content[at : at + 3])
            if size is None:
                break
            at += size
            size = _VALUES.get(content[at : at + 5]) or _SHORT_VALUES.get(content[at : at + 4])
            if size is None or not content.startswith(_PLAIN_END, at + size):
                break
            at += size + 2
            leaf = _begin_leaf()
            leaf.update(link)
            leaf.update(content[position:at])
            link = leaf.digest()
            links.append(link)
            position = at
    except (IndexError, MalformedError):
        pass  # the record is cut or broken: its finder says how
    return position
