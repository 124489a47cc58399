"""The full check of a block's records: each one parsed, linked and hashed again, as the sealer once did."""

from collections.abc import Sequence
from hashlib import sha256

from auditseal_schemas.block import LOCATOR_SIZE, Block, make_locators
from auditseal_schemas.errors import MalformedError, VerificationError
from auditseal_schemas.header import Header
from auditseal_schemas.merkle import tree_root
from auditseal_schemas.plain import link_plain
from auditseal_schemas.record import next_link, scan_record
from auditseal_schemas.verdict import Verdict


def check_records(block: Block) -> None:
    """Check a block's records against its header: canonical, contiguous, chained, under the root.

    Raises:
        VerificationError: MALFORMED, BAD_RECORD or BAD_ROOT; the first fault, with the record's offset where known.
    """
    links = [block.header.first_link]
    timestamps: set[int] = set()
    offsets = _Offsets(block.header)
    size = 0
    for count, content in block.inflated_chunks():
        _check_chunk(content, count, offsets, links, timestamps)
        size += len(content)
    del links[0]
    _check_links(block, links)
    header = block.header
    if offsets.next != header.last_offset + 1 or len(links) != header.count or size != header.size:
        problem = f"{len(links)} records of {size} bytes up to offset {offsets.next - 1} are not what the header says"
        raise VerificationError(Verdict.BAD_RECORD, "count", problem)
    if (min(timestamps, default=None), max(timestamps, default=None)) != (header.min_timestamp, header.max_timestamp):
        raise VerificationError(Verdict.BAD_RECORD, "min_timestamp", "the records have other extremes than the header")
    if tree_root(links) != header.events_root:
        raise VerificationError(Verdict.BAD_ROOT, "events_root", "the records' links have another root")


class _Offsets:
    """The offsets that a header promises a record at, one after the other."""

    def __init__(self, header: Header) -> None:
        self._gaps, self._end = list(reversed(header.gaps)), header.last_offset + 1
        self.next = header.first_offset
        self.take(0)

    def ahead(self, most: int) -> int:
        """Return how many offsets there are in a row, at most `most`; none past the end."""
        return min(most, (self._gaps[-1].first if self._gaps else self._end) - self.next)

    def take(self, count: int) -> None:
        """Take that many offsets in a row, and pass over the gaps that follow."""
        self.next += count
        while self._gaps and self._gaps[-1].first == self.next:
            self.next = self._gaps.pop().last + 1


def _check_chunk(content: bytes, count: int, offsets: _Offsets, links: list[bytes], timestamps: set[int]) -> None:
    """Parse and link the records of one chunk, appending to `links` and `timestamps`."""
    position, first = 0, len(links)
    while (left := count - len(links) + first) > 0:
        before, ahead = len(links), offsets.ahead(left)
        position = link_plain(content, position, offsets.next, ahead, links, timestamps)
        taken = len(links) - before
        offsets.take(taken)
        if taken < ahead or ahead <= 0:
            position = _check_record(content, position, offsets, links, timestamps)
    if position != len(content):
        raise MalformedError("record", f"{len(content) - position} bytes follow the last record of a data block")


def _check_record(content: bytes, position: int, offsets: _Offsets, links: list[bytes], timestamps: set[int]) -> int:
    """Parse and link a record that isn't plain, or wrong; return where it ends."""
    try:
        span = scan_record(content, position)
    except MalformedError as error:
        raise MalformedError(error.field, error.problem, offset=offsets.next) from error
    if span.offset != offsets.next:
        problem = f"a record of offset {span.offset} stands where {offsets.next} belongs"
        raise VerificationError(Verdict.BAD_RECORD, "record.offset", problem, offset=offsets.next)
    links.append(next_link(links[-1], content[position : span.end]))
    timestamps.add(span.timestamp)
    offsets.take(1)
    return span.end


def _check_links(block: Block, links: Sequence[bytes]) -> None:
    """Check the chain's end, and find the record where it departs from what was signed."""
    locators = make_locators(links)
    last_link = links[-1] if links else block.header.first_link
    if last_link == block.header.last_link and locators == block.locators:
        return
    if sha256(block.locators).digest() != block.header.locators:
        raise VerificationError(Verdict.BAD_ROOT, "locators", "they are not those that were signed")
    number = _first_difference(locators, block.locators) // LOCATOR_SIZE
    if number >= len(links):
        raise VerificationError(Verdict.BAD_RECORD, "last_link", "the chain through the records ends elsewhere")
    problem = f"record {number} of the block is not the one that was sealed: its link is not the signed one"
    raise VerificationError(Verdict.BAD_RECORD, "record", problem, offset=_offset_of(block.header, number))


def _first_difference(left: bytes, right: bytes) -> int:
    pairs = zip(left, right, strict=False)
    shorter = min(len(left), len(right))
    return next((index for index, (one, other) in enumerate(pairs) if one != other), shorter)


def _offset_of(header: Header, number: int) -> int:
    """Return the offset of a header's record by its number in the block."""
    offset = header.first_offset + number
    for gap in header.gaps:
        if gap.first > offset:
            break
        offset += gap.last - gap.first + 1
    return offset
