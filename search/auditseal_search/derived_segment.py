"""A segment made again from the vault: what an honest owner of an index would have signed."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from auditseal_schemas.errors import VerificationError
from auditseal_schemas.index_segment import IndexSegment
from auditseal_schemas.postings import decode_postings
from auditseal_schemas.term import Term
from auditseal_schemas.trust import PinnedLog
from auditseal_search.index_signer import entry_of
from auditseal_search.range_pool import RangePool
from auditseal_search.segment_file import SegmentFile
from auditseal_search.terms_file import write_terms
from auditseal_search.terms_reader import TermsReader
from auditseal_search.verified_range import ChainCheck
from auditseal_vault.log_reader import LogReader


@dataclass(frozen=True, slots=True)
class DerivedSegment:
    """A run of verified blocks, as an index has it.

    Attributes:
        entry: The entry that is true of them.
        terms: Their terms.
        rows: Their Parquet file.
    """

    entry: IndexSegment
    terms: TermsReader
    rows: Path

    def offsets(self, term: Term) -> tuple[int, ...]:
        """Return the offsets of all records that have a term."""
        present, _ = self.terms.answer([term])
        return decode_postings(present[0].postings, self.entry.first_offset, self.entry.last_offset) if present else ()

    def place(self, offset: int) -> tuple[int, int] | None:
        """Return the height and the number in its block of the record at an offset, None where there is no record."""
        table = pq.read_table(self.rows, columns=["offset", "height", "index"])
        (rows,) = np.nonzero(np.asarray(table["offset"]) == offset)
        if not len(rows):
            return None
        return int(table["height"][rows[0]].as_py()), int(table["index"][rows[0]].as_py())


def derive_segment(pool: RangePool, pinned: PinnedLog, first: int, last: int, folder: Path) -> DerivedSegment:
    """Verify blocks of the vault, and make their segment in a folder.

    Args:
        pool: Reads, verifies and decodes runs of blocks.
        pinned: The log.
        first: The first height.
        last: The last height.
        folder: Where the segment's files are written.

    Raises:
        VerificationError: A block does not hold.
        NotStoredError: A block is missing.
        UnavailableError: The vault can't be read.
    """
    chain = ChainCheck(pool.vault, pinned, first)
    rows, terms, header = folder / f"{first}.parquet", folder / f"{first}.terms", None
    file = SegmentFile(rows)
    for found in pool.ranges(first, last, pinned):
        start = 0
        for block in found.heads:
            chain.accept(block)
            header = block.header
            file.take_block(header, found.rows.slice(start, header.count))
            start += header.count
        if found.fault:
            raise VerificationError(found.fault.verdict, "block", f"block {found.fault.height}: {found.fault.problem}")
    assert header is not None
    assert chain.root is not None
    segment = file.close(header, chain.root)
    checkpoint = LogReader(pool.vault, pinned.origin).block(last).note.format()
    entry = entry_of(segment, checkpoint, write_terms(rows, segment.first_offset, terms))
    return DerivedSegment(entry, TermsReader(rows, terms, entry.tree, (entry.first_offset, entry.last_offset)), rows)
