"""Builds the index of a log: verifies the blocks that it doesn't cover yet, and adds their rows.

The manifest is written last, and names all that counts. So a build that is killed at any point leaves the old index
whole, and the next build ends with the same files as one that nothing disturbed.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from auditseal_schemas.errors import VerificationError
from auditseal_schemas.header import Header
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import PinnedLog
from auditseal_schemas.verdict import Verdict
from auditseal_search.errors import BrokenIndexError
from auditseal_search.index_store import IndexStore
from auditseal_search.manifest import (
    Manifest,
    Segment,
    entry_name,
    manifest_name,
    read_manifest,
    segment_name,
    terms_name,
)
from auditseal_search.range_pool import RangePool
from auditseal_search.segment_file import SegmentFile, digest, read_rows
from auditseal_search.verified_range import ChainCheck, Fault
from auditseal_vault.errors import NotStoredError
from auditseal_vault.head import head_height

OnBlock = Callable[[Header], None]


@dataclass(frozen=True, slots=True)
class Built:
    """What a build did to one log's index.

    Attributes:
        origin: The log.
        before: Blocks that the index covered before.
        size: Blocks that it covers now.
        rows: Rows that it has now.
        fault: Why it covers no more than that, None where it covers all that the vault holds.
    """

    origin: Origin
    before: int
    size: int
    rows: int
    fault: Fault | None


class IndexBuilder:
    """Adds to the index of one log.

    Args:
        index: Where the index is kept.
        pool: Reads, verifies and decodes runs of blocks.
        on_block: Called with the header of each block that was added.
    """

    def __init__(self, index: IndexStore, pool: RangePool, on_block: OnBlock = lambda _header: None) -> None:
        self._index, self._pool, self._on_block = index, pool, on_block

    def build(self, pinned: PinnedLog) -> Built:
        """Bring a log's index up to the vault's head, or to the first block that is at fault.

        Raises:
            BrokenIndexError: The index is damaged, or of another log than the vault's.
            UnavailableError: The vault or the index can't be reached.
        """
        manifest = read_manifest(self._index, pinned)
        before = manifest.size
        head = head_height(self._pool.vault, pinned.origin)
        if head is None or head + 1 < before:
            fault = _shorter(before, head) if before else None
            return Built(pinned.origin, before, before, manifest.rows, fault)
        try:
            chain = ChainCheck(self._pool.vault, pinned, before)
        except (VerificationError, NotStoredError) as error:
            verdict = error.verdict if isinstance(error, VerificationError) else Verdict.BROKEN_CHAIN
            return Built(pinned.origin, before, before, manifest.rows, Fault(before - 1, verdict, str(error)))
        _check_same_log(manifest, chain)
        with TemporaryDirectory(prefix="auditseal-index-") as folder:
            log = _LogBuild(self._index, manifest, chain, Path(folder))
            fault = log.run(self._pool, pinned, head, self._on_block)
        self._sweep(log.manifest)
        return Built(pinned.origin, before, log.manifest.size, log.manifest.rows, fault)

    def _sweep(self, manifest: Manifest) -> None:
        """Remove the files of this log that the manifest doesn't name: merged segments, and those of a killed build."""
        kept = {
            manifest_name(manifest.origin),
            *(
                name(manifest.origin, one.first_height, one.last_height)
                for one in manifest.segments
                for name in (segment_name, terms_name, entry_name)
            ),
        }
        for name in self._index.names(manifest_name(manifest.origin).rpartition("/")[0] + "/"):
            if name not in kept:
                self._index.remove(name)


class _LogBuild:
    """One build of one log: the segments that it writes.

    Attributes:
        manifest: What the index holds so far.
    """

    def __init__(self, index: IndexStore, manifest: Manifest, chain: ChainCheck, folder: Path) -> None:
        self.manifest = manifest
        self._index, self._chain, self._path = index, chain, folder / "segment.parquet"
        self._file: SegmentFile | None = None
        self._last: Header | None = None

    def run(self, pool: RangePool, pinned: PinnedLog, head: int, on_block: OnBlock) -> Fault | None:
        """Index all blocks up to a height, and return why it ended before, if it did."""
        for found in pool.ranges(self._chain.height, head, pinned):
            start = 0
            for block in found.heads:
                try:
                    self._chain.accept(block)
                except VerificationError as error:
                    self._publish()
                    return Fault(block.header.height, error.verdict, str(error))
                count = block.header.count
                self._take(block.header, found.rows.slice(start, count))
                start += count
                on_block(block.header)
            if found.fault:
                self._publish()
                return found.fault
        self._publish()
        return None

    def _take(self, header: Header, rows: pa.Table) -> None:
        if self._file is None:
            self._file = SegmentFile(self._path)
            tail = self.manifest.segments[-1] if self.manifest.segments else None
            if tail and not tail.is_full:
                self._file.take_segment(tail, self._rows_of(tail))
        self._file.take_block(header, rows)
        self._last = header
        if self._file.is_full:
            self._publish()

    def _rows_of(self, segment: Segment) -> Iterator[pa.Table]:
        before = self._path.with_name("before.parquet")
        return read_rows(before, fetch_segment(self._index, self.manifest.origin, segment, before))

    def _publish(self) -> None:
        """Store the open segment, and then the manifest that names it."""
        if self._file is None or self._last is None:
            return
        root = self._chain.root
        assert root is not None
        segment = self._file.close(self._last, root)
        self._file = None
        origin = self.manifest.origin
        self._index.store(segment_name(origin, segment.first_height, segment.last_height), self._path)
        self.manifest = self.manifest.with_segment(segment)
        self._index.write(manifest_name(origin), self.manifest.format())


def fetch_segment(index: IndexStore, origin: Origin, segment: Segment, path: Path) -> str:
    """Copy a segment's file, check that it has the SHA-256 that the manifest says, and return its name in the index.

    Raises:
        BrokenIndexError: It is gone or has other bytes.
        UnavailableError: The index can't be read.
    """
    name = segment_name(origin, segment.first_height, segment.last_height)
    if not index.fetch(name, path):
        raise BrokenIndexError(f"{name} is not in {index.url}, and the manifest names it: build the index again")
    if digest(path)[1] != segment.sha256:
        raise BrokenIndexError(f"{name} in {index.url} was changed after it was written: build the index again")
    return name


def _check_same_log(manifest: Manifest, chain: ChainCheck) -> None:
    """Check that the index was made from the blocks that the vault holds."""
    if manifest.segments and chain.root is not None and manifest.segments[-1].root != chain.root.hex():
        raise BrokenIndexError(
            f"the index of {manifest.origin} covers {manifest.size} blocks of another history than the vault's: verify"
            " the vault, and build the index again"
        )


def _shorter(size: int, head: int | None) -> Fault:
    has = "no block" if head is None else f"blocks up to {head}"
    problem = f"the index covers {size} blocks, and the vault has {has}: the end of the log was cut off"
    return Fault(0 if head is None else head + 1, Verdict.TRUNCATED, problem)
