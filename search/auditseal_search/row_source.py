"""Where an answer's rows come from: the index as far as it covers a log, and the vault for the rest.

Without an index all rows come from the vault. Then the signed times of the blocks rule most of them out unread.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from math import inf
from time import monotonic

import pyarrow as pa
import pyarrow.compute as pc

from auditseal_schemas.block import Block
from auditseal_schemas.errors import UnavailableError, VerificationError
from auditseal_schemas.limits import MAX_HEIGHT
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import PinnedLog
from auditseal_schemas.verdict import Verdict
from auditseal_search.answer import Coverage, Gap
from auditseal_search.index_store import IndexStore
from auditseal_search.manifest import Manifest, Segment, read_manifest, segment_name
from auditseal_search.range_pool import RangePool
from auditseal_search.verified_range import ChainCheck, VerifiedRange
from auditseal_vault.errors import NotStoredError
from auditseal_vault.head import head_height
from auditseal_vault.log_reader import LogReader

OnBlock = Callable[[Origin, int, int], None]
"""Called with a log, the blocks of it that were read, and those that will be."""
Keep = Callable[[Origin, pa.Table], pa.Table]
"""Returns the rows of a log's table that are worth keeping."""
CLOCK_MARGIN_MS = 600_000
"""How far a broker's clock may run back between two blocks, in ms, before a search by time alone could miss one."""


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """Times of the broker, in ms since the epoch, that matches can have; None for no bound."""

    least: int | None = None
    greatest: int | None = None

    def may_hold(self, low: int | None, high: int | None) -> bool:
        """Return whether a range of times has anything in common with this one; a range without times may."""
        if low is None or high is None:
            return True
        return not (
            (self.least is not None and high < self.least) or (self.greatest is not None and low > self.greatest)
        )


@dataclass(frozen=True, slots=True)
class IndexedFile:
    """A Parquet file of an index.

    Attributes:
        location: Its place, as DuckDB takes it.
        heights: The heights that it covers.
        rows: How many rows it has.
        sha256: Its SHA-256, as the manifest has it.
        least: The earliest time of the broker in ms since the epoch, None where no row has one.
        greatest: The latest.
    """

    location: str
    heights: range
    rows: int
    sha256: str
    least: int | None
    greatest: int | None

    def may_hold_before(self, time: int | None) -> bool:
        """Return whether a row can have a time up to this one; None is after all times."""
        return self.least is not None and (time is None or self.least <= time)

    def has_one_of(self, heights: Iterable[int]) -> bool:
        """Return whether it covers one of some heights."""
        return any(height in self.heights for height in heights)


@dataclass(frozen=True, slots=True)
class LogRows:
    """The rows of one log that can match.

    Attributes:
        origin: The log.
        files: Files of the index, in the order of their heights.
        tables: Rows that were read from the vault.
        coverage: The heights that these account for.
    """

    origin: Origin
    files: tuple[IndexedFile, ...]
    tables: tuple[pa.Table, ...]
    coverage: Coverage


class LogReading:
    """The rows of one log that can match, of which those of the vault are read while they are taken.

    Attributes:
        origin: The log.
        files: Files of the index, in the order of their heights.
    """

    def __init__(
        self, origin: Origin, files: tuple[IndexedFile, ...], tail: Generator[pa.Table, None, Coverage]
    ) -> None:
        self.origin, self.files = origin, files
        self._tail = tail
        self._coverage: Coverage | None = None

    def tables(self) -> Iterator[pa.Table]:
        """Yield the rows of the vault's blocks that the index doesn't cover; once."""
        self._coverage = yield from self._tail

    @property
    def coverage(self) -> Coverage:
        """The heights that the rows account for, which is known once all tables were taken."""
        assert self._coverage is not None, "some of the vault's rows were not read"
        return self._coverage


class RowSource:
    """Gathers the rows of logs for one answer.

    Args:
        pool: Reads and verifies blocks of the vault.
        index: The index, None to search without one.
        span: The times that matches can have.
        keep: Drops the rows that don't match, so that memory holds the others alone.
        on_block: Called after each block that was read.
        most_blocks: The most blocks of one log that are read from the vault. Those after them are a gap.
        most_seconds: How long blocks are read, for all logs together. Those that are left then are a gap.
    """

    def __init__(
        self,
        pool: RangePool,
        index: IndexStore | None,
        span: TimeSpan,
        keep: Keep,
        on_block: OnBlock = lambda _origin, _read, _all: None,
        *,
        most_blocks: int = MAX_HEIGHT + 1,
        most_seconds: float = inf,
    ) -> None:
        self._pool, self._index, self._span, self._keep, self._on_block = pool, index, span, keep, on_block
        self._most_blocks, self._until = most_blocks, monotonic() + most_seconds

    def gather(self, pinned: PinnedLog) -> LogRows:
        """Return the rows of a log that can match, verified up to the vault's head; errors as `read`."""
        reading = self.read(pinned)
        tables = tuple(reading.tables())
        return LogRows(pinned.origin, reading.files, tables, reading.coverage)

    def read(self, pinned: PinnedLog) -> LogReading:
        """Return the rows of a log that can match, of which those of the vault are yet to be read.

        Raises:
            BrokenIndexError: The index is damaged or of another log.
            UnavailableError: The index can't be read. A vault that can't be read is a gap.
        """
        manifest = read_manifest(self._index, pinned) if self._index else Manifest(pinned.origin)
        segments = [one for one in manifest.segments if self._span.may_hold(one.min_timestamp, one.max_timestamp)]
        files = tuple(self._file(pinned.origin, segment) for segment in segments)
        return LogReading(pinned.origin, files, self._read_tail(pinned, manifest))

    def _file(self, origin: Origin, segment: Segment) -> IndexedFile:
        assert self._index is not None
        heights = range(segment.first_height, segment.last_height + 1)
        location = self._index.location(segment_name(origin, heights.start, segment.last_height))
        times = segment.min_timestamp, segment.max_timestamp
        return IndexedFile(location, heights, segment.rows, segment.sha256, *times)

    def _read_tail(self, pinned: PinnedLog, manifest: Manifest) -> Generator[pa.Table, None, Coverage]:
        """Yield the rows that the index doesn't cover yet, as far as they can match; return what they account for."""
        size, head = manifest.size, None
        try:
            head = head_height(self._pool.vault, pinned.origin)
            if head is None or head < size - 1:
                return _shorter(manifest, head)
            first, last = self._heights_in_span(pinned, size, head)
            chain = ChainCheck(self._pool.vault, pinned, first)
            self._check_index(pinned, manifest, chain)
        except (VerificationError, NotStoredError, UnavailableError) as error:
            return _indexed_alone(manifest, Gap(size, head, str(error), _verdict(error)))
        return (yield from self._read_heights(pinned, manifest, chain, range(first, last + 1), head))

    def _check_index(self, pinned: PinnedLog, manifest: Manifest, chain: ChainCheck) -> None:
        """Check that the index was made from the history that the vault holds; `chain` is where reading begins."""
        if manifest.size:
            at_index = chain if chain.height == manifest.size else ChainCheck(self._pool.vault, pinned, manifest.size)
            root = at_index.root
            if root is not None and root.hex() != manifest.segments[-1].root:
                problem = f"the index covers {manifest.size} blocks of another history than the vault's"
                raise VerificationError(Verdict.BAD_ROOT, "index", problem)

    def _read_heights(
        self, pinned: PinnedLog, manifest: Manifest, chain: ChainCheck, heights: range, head: int
    ) -> Generator[pa.Table, None, Coverage]:
        near = heights[: self._most_blocks]
        first, gap = chain.height, None
        try:
            for found in self._pool.ranges(near.start, near.stop - 1, pinned) if near else ():
                gap = self._accept(pinned.origin, chain, found, head, near)
                rows = found.rows.filter(pc.field("height") < gap.first) if gap else found.rows
                yield self._keep(pinned.origin, rows)
                if gap or monotonic() >= self._until:
                    break
        except UnavailableError as error:
            gap = Gap(chain.height, head, str(error))
        read = chain.height - first
        if gap is None and chain.height < heights.stop:
            gap = Gap(chain.height, heights[-1], self._why_not_read(manifest.size, read))
        root, size = self._head(pinned, chain, head, gap)
        return Coverage(pinned.origin, size, root, manifest.size, read, (gap,) if gap else ())

    def _why_not_read(self, indexed: int, read: int) -> str:
        """Return why blocks that can be read were not."""
        number = f"{read:,} {'block' if read == 1 else 'blocks'}"
        if self._index is None:
            return f"this answer read {number} and no more: narrow the time, or search an index"
        return f"the index ends at block {indexed:,}, and this answer read {number} after it: build the index on"

    def _accept(self, origin: Origin, chain: ChainCheck, found: VerifiedRange, head: int, heights: range) -> Gap | None:
        """Continue with a run of blocks; return the gap that begins at the first one that is at fault, if any is."""
        for block in found.heads:
            try:
                chain.accept(block)
            except VerificationError as error:
                return Gap(chain.height, head, str(error), error.verdict)
            self._on_block(origin, chain.height - heights.start, len(heights))
        fault = found.fault
        return Gap(fault.height, head, fault.problem, fault.verdict) if fault else None

    def _head(self, pinned: PinnedLog, chain: ChainCheck, head: int, gap: Gap | None) -> tuple[str, int]:
        """Return root and size of the head that an answer accounts for."""
        if gap is not None or chain.height == head + 1:
            return chain.root.hex() if chain.root else "", chain.height
        last = ChainCheck(self._pool.vault, pinned, head + 1)
        return last.root.hex() if last.root else "", head + 1

    def _heights_in_span(self, pinned: PinnedLog, size: int, head: int) -> tuple[int, int]:
        """Return the first and the last height, from `size` to `head`, whose blocks can hold matches.

        Blocks follow each other in time, as the broker's clock does. So the ends are found by halving, with a margin
        for a clock that was set back.
        """
        first = max(size, pinned.start.height if pinned.start else 0)
        log, span = LogReader(self._pool.vault, pinned.origin), self._span
        last = head
        if span.least is not None:
            least = span.least - CLOCK_MARGIN_MS
            first = _first_height(log, first, head + 1, lambda block: _latest(block) >= least)
        if span.greatest is not None:
            greatest = span.greatest + CLOCK_MARGIN_MS
            last = _first_height(log, first, head + 1, lambda block: _earliest(block) > greatest) - 1
        return first, last


def _first_height(log: LogReader, low: int, high: int, is_late: Callable[[Block], bool]) -> int:
    """Return the lowest height below `high` whose block is late, `high` where none is."""
    while low < high:
        middle = (low + high) // 2
        if is_late(log.block(middle)):
            high = middle
        else:
            low = middle + 1
    return low


def _latest(block: Block) -> int:
    """Return the latest time of a block's records in ms; of a block without records, when it was sealed."""
    header = block.header
    return header.sealed_at // 1000 if header.max_timestamp is None else header.max_timestamp


def _earliest(block: Block) -> int:
    header = block.header
    return header.sealed_at // 1000 if header.min_timestamp is None else header.min_timestamp


def _shorter(manifest: Manifest, head: int | None) -> Coverage:
    """Return what an answer covers where the vault has fewer blocks than the index, or none at all."""
    if not manifest.size:
        return Coverage(manifest.origin, 0, "", 0, 0)
    first = 0 if head is None else head + 1
    gap = Gap(first, manifest.size - 1, "the vault lost these blocks", Verdict.TRUNCATED)
    return _indexed_alone(manifest, gap)


def _indexed_alone(manifest: Manifest, gap: Gap) -> Coverage:
    """Return what an answer covers that has no block above the index."""
    root = manifest.segments[-1].root if manifest.segments else ""
    return Coverage(manifest.origin, manifest.size, root, manifest.size, 0, (gap,))


def _verdict(error: Exception) -> Verdict | None:
    """Return what `verify` would say of a block that can't be used, None where the store can't be read."""
    if isinstance(error, VerificationError):
        return error.verdict
    return Verdict.BROKEN_CHAIN if isinstance(error, NotStoredError) else None
