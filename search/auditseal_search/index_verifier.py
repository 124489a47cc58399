"""Compares an index with the vault that it was made from, row by row."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO

import pyarrow as pa

from auditseal_schemas.errors import VerificationError
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import PinnedLog
from auditseal_schemas.verdict import Verdict
from auditseal_search.errors import BrokenIndexError
from auditseal_search.index_builder import checked_file, read_manifest
from auditseal_search.index_store import IndexStore
from auditseal_search.manifest import Manifest, Segment, segment_name
from auditseal_search.range_pool import RangePool
from auditseal_search.segment_file import read_groups
from auditseal_search.verified_range import ChainCheck
from auditseal_vault.errors import NotStoredError
from auditseal_vault.head import head_height


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


def verify_index(index: IndexStore, pool: RangePool, pinned: PinnedLog) -> Iterator[IndexFinding]:
    """Yield what is wrong with a log's index; nothing where it is what the vault's blocks make it.

    Raises:
        UnavailableError: The index or the vault can't be read.
    """
    origin = pinned.origin
    try:
        manifest = read_manifest(index, origin)
    except BrokenIndexError as error:
        yield IndexFinding(origin, None, str(error))
        return
    yield from _check_extent(pool, pinned, manifest)
    for segment in manifest.segments:
        yield from _verify_segment(index, pool, pinned, segment)


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
    name = segment_name(origin, segment.first_height, segment.last_height)
    try:
        stored = pa.concat_tables(read_groups(BytesIO(checked_file(index, name, segment)), name))
        derived, root = _derive(pool, pinned, segment)
    except BrokenIndexError as error:
        yield IndexFinding(origin, segment.first_height, str(error))
        return
    except NotStoredError as error:
        yield IndexFinding(origin, segment.first_height, str(error), Verdict.BROKEN_CHAIN)
        return
    except VerificationError as error:
        yield IndexFinding(origin, segment.first_height, str(error), error.verdict)
        return
    if root != segment.root:
        yield IndexFinding(origin, segment.last_height, "the manifest names another root than the vault's history has")
    yield from _compare(origin, segment, stored, derived)


def _derive(pool: RangePool, pinned: PinnedLog, segment: Segment) -> tuple[pa.Table, str]:
    """Return the rows that the vault's blocks make, and the root after them.

    Raises:
        VerificationError: A block is at fault.
        NotStoredError: The block before the segment is missing.
    """
    chain, tables = ChainCheck(pool.vault, pinned, segment.first_height), list[pa.Table]()
    for found in pool.ranges(segment.first_height, segment.last_height, pinned.origin):
        for block in found.heads:
            chain.accept(block)
        if found.fault:
            raise VerificationError(found.fault.verdict, "block", f"block {found.fault.height}: {found.fault.problem}")
        tables.append(found.rows)
    return pa.concat_tables(tables), chain.root.hex() if chain.root else ""


def _compare(origin: Origin, segment: Segment, stored: pa.Table, derived: pa.Table) -> Iterator[IndexFinding]:
    """Compare rows, and what the manifest says of them."""
    if not stored.equals(derived):
        height, problem = _first_difference(segment, stored, derived)
        yield IndexFinding(origin, height, problem)
    problems = len(derived) - derived["problem"].null_count
    extremes = [*_extremes(derived["timestamp"]), *_extremes(derived["occurred_at"])]
    said = [segment.min_timestamp, segment.max_timestamp, segment.min_occurred_at, segment.max_occurred_at]
    offsets = derived["offset"]
    if (segment.rows, segment.problems) != (len(derived), problems) or said != extremes:
        yield IndexFinding(origin, segment.first_height, "the manifest's sums are not those of the vault's records")
    elif len(offsets) and not segment.first_offset <= offsets[0].as_py() <= offsets[-1].as_py() <= segment.last_offset:
        yield IndexFinding(origin, segment.first_height, "the manifest's offsets are not those of the vault's records")


def _extremes(column: pa.ChunkedArray) -> tuple[int | None, int | None]:
    found = pa.compute.min_max(column.cast(pa.int64()))
    return found["min"].as_py(), found["max"].as_py()


def _first_difference(segment: Segment, stored: pa.Table, derived: pa.Table) -> tuple[int, str]:
    """Return the height and a description of the first row that differs, found by halving."""
    low, high = 0, min(len(stored), len(derived))
    if stored.slice(0, high).equals(derived.slice(0, high)):
        return segment.last_height, f"the index has {len(stored)} rows, and the vault's blocks make {len(derived)}"
    while high - low > 1:
        middle = (low + high) // 2
        same = stored.slice(low, middle - low).equals(derived.slice(low, middle - low))
        low, high = (middle, high) if same else (low, middle)
    height, number = derived["height"][low].as_py(), derived["index"][low].as_py()
    one, other = stored.slice(low, 1), derived.slice(low, 1)
    names = [name for name in derived.column_names if not one[name].equals(other[name])]
    return height, f"row {number} of the block differs in {', '.join(names)}: it was changed, removed or put in"
