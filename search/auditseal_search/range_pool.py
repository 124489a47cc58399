"""Runs of blocks read, verified and decoded ahead, in this process, in several or on several machines, in order."""

import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from types import TracebackType
from typing import Self

from auditseal_schemas.errors import AuditsealError
from auditseal_schemas.trust import PinnedLog
from auditseal_search.columns import ROW
from auditseal_search.free_memory import return_large_blocks
from auditseal_search.verified_range import VerifiedRange, read_range
from auditseal_vault.interface import VaultReader
from auditseal_vault.thread_reader import thread_reader

_MANY_BLOCKS = 512
_FEW_BLOCKS = 8  # that this process reads alone: others take longer to start
_RECORDS, _BYTES = 25_000, 16 << 20  # of a run at most, as far as the run before lets it be foreseen
_AHEAD = 2  # runs under way for each process
_SHARED = ["auditseal_search.verified_range", "auditseal_vault.open"]
"""Modules that the processes share in memory: the server that they are forked from imports them once."""

_vault: VaultReader


class RangePool:
    """Reads runs of blocks of one vault; a context manager that ends its processes.

    Args:
        open_vault: Opens the vault; with more than one process it must be picklable, and each opens its own.
        jobs: How many processes; 1 for this one alone.
        cluster: Reads the runs on other machines, where `open_vault` is a `ReaderAt`; `jobs` is how many at once.
        columns: The columns of the rows that are wanted: those that are left out need not pass between processes.

    Attributes:
        vault: The vault, for what this process itself reads.
    """

    def __init__(
        self,
        open_vault: Callable[[], VaultReader],
        jobs: int,
        cluster: Executor | None = None,
        columns: Sequence[str] = tuple(ROW.names),
    ) -> None:
        self.vault, self._cluster = open_vault(), cluster
        self._open, self._jobs, self._columns = open_vault, jobs, columns
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool:
            self._pool.shutdown(cancel_futures=True)

    def ranges(self, first: int, last: int, pinned: PinnedLog) -> Iterator[VerifiedRange]:
        """Yield the blocks from one height to another, in runs; the caller stops at the first run with a fault.

        Raises:
            UnavailableError: The vault can't be read.
            AuditsealError: A process died.
        """
        try:
            yield from self._ranges(first, last, pinned)
        except BrokenProcessPool as error:
            raise AuditsealError(
                "a process that reads blocks died (out of memory?): run again with --jobs 1"
            ) from error

    def _ranges(self, first: int, last: int, pinned: PinnedLog) -> Iterator[VerifiedRange]:
        pending: deque[Future[VerifiedRange]] = deque()
        length, following = 1, first
        is_alone = self._cluster is None and (self._jobs == 1 or last - first < _FEW_BLOCKS)
        ahead = 1 if is_alone else self._jobs * _AHEAD
        while pending or following <= last:
            while following <= last and len(pending) < ahead:
                heights = range(following, min(following + length, last + 1))
                pending.append(self._read(pinned, heights) if is_alone else self._submit(pinned, heights))
                following = heights.stop
            found = pending.popleft().result()
            yield found
            length = _length_after(found, length)

    def _read(self, pinned: PinnedLog, heights: range) -> Future[VerifiedRange]:
        done: Future[VerifiedRange] = Future()
        done.set_result(read_range(self.vault, pinned, heights, self._columns))
        return done

    def _submit(self, pinned: PinnedLog, heights: range) -> Future[VerifiedRange]:
        if self._cluster is None:
            return self._workers().submit(_read, pinned, heights, self._columns)
        return self._cluster.submit(_read_at, self._open, pinned, heights, self._columns)

    def _workers(self) -> ProcessPoolExecutor:
        if self._pool is None:
            context = get_context("forkserver")  # forking this process would copy the locks of its threads
            context.set_forkserver_preload(_SHARED)
            self._pool = ProcessPoolExecutor(self._jobs, context, _begin, (self._open,))
        return self._pool


def _length_after(found: VerifiedRange, length: int) -> int:
    """Return how many blocks the next run has, so that it holds about as many records and bytes as it may."""
    if not found.heads:
        return length
    records = max(1, sum(block.header.count for block in found.heads) // len(found.heads))
    size = max(1, sum(block.header.size for block in found.heads) // len(found.heads))
    return max(1, min(_MANY_BLOCKS, 2 * length, _RECORDS // records, _BYTES // size))


def _begin(open_vault: Callable[[], VaultReader]) -> None:
    """Open the vault once in each process; an interrupt is for the parent to handle."""
    global _vault  # noqa: PLW0603  (a process of a pool has no other place)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return_large_blocks()
    _vault = open_vault()


def _read(pinned: PinnedLog, heights: range, columns: Sequence[str]) -> VerifiedRange:
    return read_range(_vault, pinned, heights, columns)


def _read_at(at: Callable[[], VaultReader], pinned: PinnedLog, heights: range, columns: Sequence[str]) -> VerifiedRange:
    return read_range(thread_reader(at), pinned, heights, columns)
