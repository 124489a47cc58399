"""The vault and the index that answer questions, for many readers at once."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from queue import Empty, SimpleQueue
from threading import BoundedSemaphore, Timer
from typing import Any, Protocol, TypeVar

from auditseal_explorer.auditor import Auditor
from auditseal_explorer.counting import Counting
from auditseal_explorer.deadline import seconds_left
from auditseal_explorer.kept import Kept
from auditseal_schemas.errors import UnavailableError, VerificationError
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import PinnedLog, Trust
from auditseal_schemas.verdict import Verdict
from auditseal_search.answer import Account, Coverage, Gap
from auditseal_search.answering import answer_from
from auditseal_search.database import ONE_PASS, Database
from auditseal_search.gathered import Gathered
from auditseal_search.index_store import IndexStore
from auditseal_search.query import All, Condition
from auditseal_search.query_sql import time_bounds
from auditseal_search.range_pool import RangePool
from auditseal_search.row_filter import RowFilter
from auditseal_search.row_source import LogRows, RowSource, TimeSpan
from auditseal_search.searcher import Searcher
from auditseal_search.verified_range import ChainCheck
from auditseal_vault.errors import NotStoredError
from auditseal_vault.interface import VaultReader

MOST_BLOCKS = 1_000
"""Blocks that are read from the vault for one page: more would keep its reader waiting."""
READ_SECONDS = 20.0
"""In which they are read. Those that are left are not covered, and the page says so."""
_SEARCHES = 2
"""Searches at once: each may take all processors."""
_HITS_BYTES, _HIT_BYTES = 16 << 20, 4_000  # of all pages' hits that are kept, and of a hit next to its value
_SERVICES_BYTES, _SERVICE_BYTES = 4 << 20, 200  # of the services of all files, and of one next to its name
_Answer = TypeVar("_Answer")
Hits = Sequence[dict[str, Any]]
Latest = Sequence[tuple[str, int, int | None]]
"""Services with the number of their events and the latest of the broker's times in ms, None for none."""


class Interruptible(Protocol):
    """Runs queries."""

    def interrupt(self) -> None:
        """End the one that is under way, from another thread."""
        ...


class Sources:
    """A vault, its trust file and its index.

    Args:
        trust: The trust file.
        open_vault: Opens the vault; each reader at a time has one of its own.
        index: The index, None to read the vault alone.

    Attributes:
        counting: Counts answers.
        hits: The hits of the last pages.
        services: The services of a file of the index.
    """

    def __init__(self, trust: Trust, open_vault: Callable[[], VaultReader], index: IndexStore | None) -> None:
        self.trust, self.index = trust, index
        self._open, self._idle = open_vault, SimpleQueue[RangePool]()
        self._database, self._searches = Database(index), BoundedSemaphore(_SEARCHES)
        self.counting, self.hits = Counting(self.searching), Kept[Hits](_HITS_BYTES, _hits_size)
        self.services = Kept[Latest](_SERVICES_BYTES, _services_size)

    @contextmanager
    def searching(self, found: Gathered) -> Iterator[Searcher]:
        """Give a searcher of some rows, when no more than one other search is under way.

        A search that is not done at the deadline is ended: others wait for its place, and its reader is gone.

        Raises:
            LateError: It could not begin until the deadline, or was ended.
        """
        while not self._searches.acquire(timeout=seconds_left()):
            pass  # the deadline has passed, which `seconds_left` says
        try:
            with found.searcher() as searcher, _in_time(searcher):
                yield searcher
        finally:
            self._searches.release()

    def slowly(self, found: Gathered) -> Gathered:
        """Return the same rows for a DuckDB of their own, which takes little memory."""
        return replace(found, database=Database(self.index, ONE_PASS))

    @contextmanager
    def reading(self) -> Iterator[RangePool]:
        """Give a reader of the vault. One that was used in vain is not used again."""
        try:
            pool = self._idle.get_nowait()
        except Empty:
            pool = RangePool(self._open, 1)
        yield pool
        self._idle.put(pool)

    def indexed(self, auditor: Auditor) -> Gathered:
        """Return the rows of the index that an auditor may see; the vault is not read.

        Raises:
            BrokenIndexError, UnavailableError: As `gather`.
        """
        with self.reading() as pool:
            source = RowSource(pool, self.index, TimeSpan(), lambda _origin, rows: rows)
            readings = [source.read(log) for log in self.trust.logs]
        logs = [LogRows(one.origin, one.files, (), Coverage(one.origin, 0, "", 0, 0)) for one in readings]
        return Gathered(self._database, auditor.within(All()), logs, Account(()))

    def gather(self, auditor: Auditor, condition: Condition, as_of: Sequence[tuple[Origin, int]]) -> Gathered:
        """Return the rows that can match and that an auditor may see, up to some heads.

        Args:
            auditor: The auditor.
            condition: The filter.
            as_of: The size of each log up to which the answer goes; empty for the heads of now.

        Raises:
            VerificationError: MISSING_LOG, the trust file does not pin a log of `as_of`.
            BrokenIndexError: The index is damaged, or of another log.
            UnavailableError: The index can't be read. A vault that can't be read is a gap.
        """
        wanted: dict[Origin, int | None] = dict(as_of) or dict.fromkeys(log.origin for log in self.trust.logs)
        pinned = [self.trust.log_of(origin) for origin in wanted]
        condition = auditor.within(condition)
        span = TimeSpan(*time_bounds(condition))
        with self.reading() as pool, RowFilter(self._database, condition) as keep, _in_time(keep):
            source = RowSource(pool, self.index, span, keep, most_blocks=MOST_BLOCKS, most_seconds=READ_SECONDS)
            logs = [_up_to(source.gather(log), wanted[log.origin], pool.vault, log) for log in pinned]
        return Gathered(self._database, condition, logs, Account(tuple(log.coverage for log in logs)))

    def answer(
        self,
        auditor: Auditor,
        condition: Condition,
        as_of: Sequence[tuple[Origin, int]],
        make: Callable[[Gathered], _Answer],
    ) -> _Answer:
        """Return what is made of the rows that `gather` gives; if the index is merged meanwhile, of those afterwards.

        Raises:
            VerificationError, BrokenIndexError, UnavailableError: As `gather`.
        """
        with self._database.held():
            return answer_from(partial(self.gather, auditor, condition, as_of), make)


@contextmanager
def _in_time(queries: Interruptible) -> Iterator[None]:
    """End some queries at the deadline."""
    left = seconds_left()
    if left is None:
        yield
        return
    timer = Timer(left, queries.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    except UnavailableError:
        seconds_left()  # says that the deadline ended the search
        raise
    finally:
        timer.cancel()
        timer.join()  # the connection is closed next


def _hits_size(hits: Hits) -> int:
    return sum(_HIT_BYTES + (hit["value_bytes"] or 0) for hit in hits)


def _services_size(services: Latest) -> int:
    return sum(_SERVICE_BYTES + len(name) for name, _, _ in services)


def _up_to(rows: LogRows, size: int | None, vault: VaultReader, pinned: PinnedLog) -> LogRows:
    """Return the rows with the coverage of a head that may be older than the vault's."""
    coverage = rows.coverage
    if size is None or size == coverage.size:
        return rows
    if size > coverage.size:
        why = "the vault has fewer blocks than the address names"
        gaps = coverage.gaps or (Gap(coverage.size, size - 1, why, Verdict.TRUNCATED),)
        return replace(rows, coverage=replace(coverage, size=size, gaps=gaps))
    gaps = tuple(gap for gap in coverage.gaps if gap.first < size)
    root, fault = _root_at(size, vault, pinned)
    return replace(
        rows,
        coverage=Coverage(coverage.origin, size, root, min(coverage.indexed, size), coverage.read, (*gaps, *fault)),
    )


def _root_at(size: int, vault: VaultReader, pinned: PinnedLog) -> tuple[str, tuple[Gap, ...]]:
    """Return the root of a log's first blocks, or the gap that a block which doesn't hold leaves."""
    try:
        root = ChainCheck(vault, pinned, size).root
    except (VerificationError, NotStoredError) as error:
        verdict = error.verdict if isinstance(error, VerificationError) else Verdict.BROKEN_CHAIN
        return "", (Gap(max(0, size - 1), size - 1, str(error), verdict),)
    return root.hex() if root else "", ()
