"""Whether a block's records are those of its header: steps 10 to 14 of docs/reference/format.md, section 14.

Each record is parsed, linked and hashed again, as the sealer once did.
"""

from dataclasses import dataclass
from hashlib import sha256

from auditseal_schemas.block import LOCATOR_SIZE, Block, make_locators
from auditseal_schemas.errors import MalformedError, VerificationError
from auditseal_schemas.header import Header
from auditseal_schemas.merkle import tree_root
from auditseal_schemas.plain_records import link_plain
from auditseal_schemas.record import next_link, scan_record
from auditseal_schemas.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Contents:
    """The data that step 10 read from a block's records.

    Attributes:
        links: The link of each record, calculated from the header's `first_link` on.
        earliest: The smallest timestamp, None where there is no record.
        latest: The largest timestamp, None where there is no record.
        size: The encoded bytes of all records.
        next_offset: The offset after the last record or gap.
    """

    links: list[bytes]
    earliest: int | None
    latest: int | None
    size: int
    next_offset: int


def read_contents(block: Block) -> Contents:
    """Inflate, parse and link all records of a block: step 10.

    Raises:
        VerificationError: MALFORMED or BAD_RECORD; the first fault, with the record's offset where it is in one.
    """
    links = [block.header.first_link]
    timestamps: set[int] = set()
    offsets = _Offsets(block.header)
    size = 0
    for count, content in block.inflated_chunks():
        _check_chunk(content, count, offsets, links, timestamps)
        size += len(content)
    del links[0]
    earliest, latest = min(timestamps, default=None), max(timestamps, default=None)
    return Contents(links, earliest, latest, size, offsets.next)


def check_links(block: Block, contents: Contents) -> None:
    """Check step 11: the chain's end; where it differs, find the record where it departs from what was signed.

    Raises:
        VerificationError: BAD_RECORD; or BAD_ROOT where the locators are not the signed ones and can't name a record.
    """
    links = contents.links
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
    raise VerificationError(Verdict.BAD_RECORD, "record", problem, offset=block.header.offset_of(number))


def check_count(block: Block, contents: Contents) -> None:
    """Check step 12: the number of records, their bytes, and where they end.

    Raises:
        VerificationError: BAD_RECORD.
    """
    header, found = block.header, len(contents.links)
    if (found, contents.size, contents.next_offset) != (header.count, header.size, header.last_offset + 1):
        problem = f"{found} records of {contents.size} bytes up to offset {contents.next_offset - 1}"
        raise VerificationError(Verdict.BAD_RECORD, "count", f"{problem} are not what the header states")


def check_timestamps(block: Block, contents: Contents) -> None:
    """Check step 13: the smallest and the largest timestamp.

    Raises:
        VerificationError: BAD_RECORD.
    """
    for field, found, stated in (
        ("min_timestamp", contents.earliest, block.header.min_timestamp),
        ("max_timestamp", contents.latest, block.header.max_timestamp),
    ):
        if found != stated:
            raise VerificationError(Verdict.BAD_RECORD, field, f"the header states {stated}, the records have {found}")


def check_events_root(block: Block, contents: Contents) -> None:
    """Check step 14: the root over the links.

    Raises:
        VerificationError: BAD_ROOT.
    """
    if tree_root(contents.links) != block.header.events_root:
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


def _first_difference(left: bytes, right: bytes) -> int:
    pairs = zip(left, right, strict=False)
    shorter = min(len(left), len(right))
    return next((index for index, (one, other) in enumerate(pairs) if one != other), shorter)
