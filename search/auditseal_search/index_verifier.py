"""Compares an index with the vault that it was made from, row by row."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from auditseal_schemas.errors import VerificationError
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import PinnedLog
from auditseal_schemas.verdict import Verdict
from auditseal_search.columns import ROW
from auditseal_search.errors import BrokenIndexError
from auditseal_search.index_builder import fetch_segment
from auditseal_search.index_store import IndexStore
from auditseal_search.manifest import Manifest, Segment, read_manifest
from auditseal_search.range_pool import RangePool
from auditseal_search.segment_file import Extremes, RowSums, read_rows
from auditseal_search.verified_range import ChainCheck
from auditseal_vault.errors import NotStoredError
from auditseal_vault.head import head_height

OnBlocks = Callable[[int, int | None], None]
"""Called with the number of blocks that were compared, and that of all."""


@dataclass(frozen=True, slots=True)
class IndexFinding:
    """One thing that is wrong with an index, or with the vault that it is compared with.

    Attributes:
        origin: The log.
        height: The first block concerned, None where it is the whole index.
        problem: What is wrong.
        verdict: What `verify` says of the vault's block, None where the index is at fault.
    """

    origin: Origin
    height: int | None
    problem: str
    verdict: Verdict | None = None

    def __str__(self) -> str:
        place = "" if self.height is None else f", block {self.height}"
        return f"{self.verdict or 'INDEX'}: log {self.origin}{place}: {self.problem}"


def verify_index(
    index: IndexStore, pool: RangePool, pinned: PinnedLog, on_blocks: OnBlocks = lambda _compared, _all: None
) -> Iterator[IndexFinding]:
    """Yield what is wrong with a log's index; nothing where it is what the vault's blocks make it.

    Raises:
        UnavailableError: The index or the vault can't be read.
    """
    origin = pinned.origin
    try:
        manifest = read_manifest(index, pinned)
    except BrokenIndexError as error:
        yield IndexFinding(origin, None, str(error))
        return
    yield from _check_extent(pool, pinned, manifest)
    for segment in manifest.segments:
        yield from _verify_segment(index, pool, pinned, segment)
        on_blocks(segment.last_height + 1, manifest.size)


def _check_extent(pool: RangePool, pinned: PinnedLog, manifest: Manifest) -> Iterator[IndexFinding]:
    """Compare the heights that the index covers with those of the vault."""
    head = head_height(pool.vault, pinned.origin)
    size = 0 if head is None else head + 1
    if manifest.size < size:
        yield IndexFinding(
            pinned.origin, manifest.size, f"the index is stale: it covers {manifest.size} of {size} blocks; build it on"
        )
    elif manifest.size > size:
        problem = f"the index covers {manifest.size} blocks, and the vault has {size}"
        yield IndexFinding(pinned.origin, size, problem, Verdict.TRUNCATED)
    first = pinned.start.height if pinned.start else 0
    if manifest.segments and manifest.segments[0].first_height != first:
        found = manifest.segments[0].first_height
        yield IndexFinding(pinned.origin, first, f"the index begins at block {found}, and should begin at {first}")


def _verify_segment(index: IndexStore, pool: RangePool, pinned: PinnedLog, segment: Segment) -> Iterator[IndexFinding]:
    origin = pinned.origin
    derived = _Derived(pool, pinned, segment)
    try:
        with TemporaryDirectory(prefix="auditseal-index-") as folder:
            path = Path(folder, "segment.parquet")
            stored = read_rows(path, fetch_segment(index, origin, segment, path))
            difference = first_difference(stored, derived.tables())
    except BrokenIndexError as error:
        yield IndexFinding(origin, segment.first_height, str(error))
        return
    except NotStoredError as error:
        yield IndexFinding(origin, segment.first_height, str(error), Verdict.BROKEN_CHAIN)
        return
    except VerificationError as error:
        yield IndexFinding(origin, segment.first_height, str(error), error.verdict)
        return
    if difference:
        height, problem = difference
        yield IndexFinding(origin, segment.last_height if height is None else height, problem)
        return
    if derived.root != segment.root:
        yield IndexFinding(origin, segment.last_height, "the manifest names another root than the vault's history has")
    yield from _compare_sums(origin, segment, derived)


class _Derived:
    """The rows that the vault's blocks make of a segment, a few blocks at a time, and their sums.

    Attributes:
        sums: The sums of the tables so far.
        root: The root after the blocks so far, in hexadecimal digits; empty at a start in the middle.
    """

    def __init__(self, pool: RangePool, pinned: PinnedLog, segment: Segment) -> None:
        self._pool, self._pinned, self._segment = pool, pinned, segment
        self.sums, self.root = RowSums(), ""

    def tables(self) -> Iterator[pa.Table]:
        """Yield the rows.

        Raises:
            VerificationError: A block is at fault.
            NotStoredError: The block before the segment is missing.
        """
        segment = self._segment
        chain = ChainCheck(self._pool.vault, self._pinned, segment.first_height)
        for found in self._pool.ranges(segment.first_height, segment.last_height, self._pinned):
            for block in found.heads:
                chain.accept(block)
            if found.fault:
                problem = f"block {found.fault.height}: {found.fault.problem}"
                raise VerificationError(found.fault.verdict, "block", problem)
            self.sums.take(found.rows)
            self.root = chain.root.hex() if chain.root else ""
            yield found.rows


def _compare_sums(origin: Origin, segment: Segment, derived: _Derived) -> Iterator[IndexFinding]:
    """Compare what the manifest says of rows that are right."""
    sums = derived.sums
    found = (sums.rows, sums.problems, sums.timestamps, sums.occurred)
    timestamps = Extremes(segment.min_timestamp, segment.max_timestamp)
    if found != (
        segment.rows,
        segment.problems,
        timestamps,
        Extremes(segment.min_occurred_at, segment.max_occurred_at),
    ):
        yield IndexFinding(origin, segment.first_height, "the manifest's sums are not those of the vault's records")
    elif sums.offsets and not segment.first_offset <= sums.offsets[0] <= sums.offsets[1] <= segment.last_offset:
        yield IndexFinding(origin, segment.first_height, "the manifest's offsets are not those of the vault's records")


def first_difference(stored: Iterator[pa.Table], derived: Iterator[pa.Table]) -> tuple[int | None, str] | None:
    """Return the height and a description of the first row that differs, None where all are equal.

    Rows are compared a piece at a time; the pieces of the two sides end where they will. The height is None where one
    side has more rows than the other.
    """
    one = other = ROW.empty_table()
    count = 0
    while True:
        one = one if len(one) else next(filter(len, stored), ROW.empty_table())
        other = other if len(other) else next(filter(len, derived), ROW.empty_table())
        both = min(len(one), len(other))
        if not both:
            break
        if not one.slice(0, both).equals(other.slice(0, both)):
            return _differing_row(one.slice(0, both), other.slice(0, both))
        one, other, count = one.slice(both), other.slice(both), count + both
    if not len(one) and not len(other):
        return None
    more = count + sum(map(len, [one, *stored])), count + sum(map(len, [other, *derived]))
    return None, f"the index has {more[0]} rows, and the vault's blocks make {more[1]}"


def _differing_row(stored: pa.Table, derived: pa.Table) -> tuple[int, str]:
    """Return the height and a description of the first row that differs, found by halving."""
    low, high = 0, len(derived)
    while high - low > 1:
        middle = (low + high) // 2
        same = stored.slice(low, middle - low).equals(derived.slice(low, middle - low))
        low, high = (middle, high) if same else (low, middle)
    height, number = derived["height"][low].as_py(), derived["index"][low].as_py()
    one, other = stored.slice(low, 1), derived.slice(low, 1)
    names = [name for name in derived.column_names if not one[name].equals(other[name])]
    return height, f"row {number} of the block differs in {', '.join(names)}: it was changed, removed or put in"
