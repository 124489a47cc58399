"""Plain records, read and linked in one loop: no headers, nothing oversize, no salt, short enough. Nearly all are.

Every test here is exact, so what is taken is what `scan_record` would have found; anything else, and all that is wrong,
is left to it. A verifier spends most of its time here.
"""

from collections.abc import Iterable
from hashlib import sha256

from auditseal_schemas.errors import MalformedError
from auditseal_schemas.varint import decode_long, long_runs

_NO_HEADERS_VALUE = b"\x02\x00\x02"  # no headers; a value, whose length follows
_NO_HEADERS_NULL = b"\x02\x00\x00"
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


def _link_run(  # noqa: C901, PLR0912, PLR0915  (a function for each part would take half as long again)
    content: bytes, position: int, heads: Iterable[bytes], tail: bytes, links: list[bytes], timestamps: set[int]
) -> int:
    """Link plain records whose offsets are encoded as a head each and the same tail; see `link_plain`."""
    link = links[-1]
    known: bytes | tuple[bytes, ...] = _NOTHING  # the tail, and the timestamp of the record before
    rest: bytes | tuple[bytes, ...] = _NOTHING
    high = 0
    try:
        for head in heads:
            if not content.startswith(head, position):
                break
            at = position + len(head)
            if content.startswith(known, at):
                at += len(known)
            else:
                if not content.startswith(tail, at):
                    break
                at += len(tail)
                if (
                    content.startswith(rest, at + 2)
                    and (first := content[at]) > 0x7F
                    and (second := content[at + 1]) > 0x7F
                ):
                    zigzag = high | second << 7 & 0x3F80 | first & 0x7F
                    timestamps.add((zigzag >> 1) ^ -(zigzag & 1))
                    after = at + 2 + len(rest)
                else:
                    value, after = decode_long(content, at)
                    timestamps.add(value)
                    rest = content[at + 2 : after] or _NOTHING
                    high = ((value << 1) ^ (value >> 63)) & ~0x3FFF
                known = tail + content[at:after]
                at = after
            if content[at] == 2:
                length = content[at + 1]
                if length > 0x7F:
                    more = content[at + 2]
                    if more > 0x7F or not more:
                        break
                    length = length & 0x7F | more << 7
                    at += 1
                if length & 1:
                    break
                at += 2 + (length >> 1)
            elif content[at]:
                break
            else:
                at += 1
            if content.startswith(_NO_HEADERS_VALUE, at):
                length = content[at + 3]
                if length > 0x7F:
                    more = content[at + 4]
                    if more > 0x7F or not more:
                        break
                    length = length & 0x7F | more << 7
                    at += 1
                if length & 1:
                    break
                at += 4 + (length >> 1)
            elif content.startswith(_NO_HEADERS_NULL, at):
                at += 3
            else:
                break
            if not content.startswith(_PLAIN_END, at):
                break
            at += 2
            leaf = _begin_leaf()
            leaf.update(link)
            leaf.update(content[position:at])
            link = leaf.digest()
            links.append(link)
            position = at
    except (IndexError, MalformedError):
        pass  # the record is cut or broken: its finder says how
    return position
