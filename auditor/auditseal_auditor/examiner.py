"""Objects examined in order, one after the other or in several processes, never holding more than a few of them."""

import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from math import inf
from multiprocessing import get_context
from time import monotonic
from types import TracebackType
from typing import Self

from auditseal_auditor.examine import Examined, Task, examine
from auditseal_auditor.inventory import Slot
from auditseal_schemas.errors import AuditsealError
from auditseal_vault.interface import VaultReader

_AHEAD = 4
"""Tasks under way for each process: enough that none waits, few enough that memory stays flat."""
_PATIENCE = 0.5
"""Seconds of work after which other processes are worth their start."""

Todo = tuple[Slot, Task | None]
Done = tuple[Slot, Examined | None]
_reader: VaultReader


class Examiner:
    """Examines the objects of one vault; a context manager that ends its processes.

    Args:
        open_reader: Opens the vault; with more than one process it must be picklable, and each opens its own.
        jobs: How many processes; 1 for this one alone.
    """

    def __init__(self, open_reader: Callable[[], VaultReader], jobs: int) -> None:
        self._open, self._jobs = open_reader, jobs
        self._pool: ProcessPoolExecutor | None = None
        self.reader = open_reader()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool:
            self._pool.shutdown(cancel_futures=True)

    def examine(self, todo: Iterable[Todo]) -> Iterator[Done]:
        """Yield each slot with what its object turned out to be, in the order given.

        Raises:
            UnavailableError: The store can't be read.
            AuditsealError: A process died.
        """
        rest = iter(todo)
        if self._pool is None:
            yield from self._alone(rest)
        try:
            yield from self._in_pool(rest)
        except BrokenProcessPool as error:
            raise AuditsealError(
                "a process that checks blocks died (out of memory?): run again with --jobs 1"
            ) from error

    def _alone(self, todo: Iterator[Todo]) -> Iterator[Done]:
        """Examine in this process: everything, or until others are worth their start."""
        patience = _PATIENCE if self._jobs > 1 else inf
        began = monotonic()
        for slot, task in todo:
            yield slot, examine(self.reader, task) if task else None
            if monotonic() - began > patience:
                return

    def _in_pool(self, todo: Iterator[Todo]) -> Iterator[Done]:
        pending: deque[tuple[Slot, Future[Examined] | None]] = deque()
        for slot, task in todo:
            pending.append((slot, self._workers().submit(_examine, task) if task else None))
            if len(pending) > self._jobs * _AHEAD:
                yield _settled(*pending.popleft())
        while pending:
            yield _settled(*pending.popleft())

    def _workers(self) -> ProcessPoolExecutor:
        if self._pool is None:
            context = get_context("spawn")  # forking would copy threads' locks, of S3 clients and progress bars
            self._pool = ProcessPoolExecutor(self._jobs, context, _begin, (self._open,))
        return self._pool


def _settled(slot: Slot, future: Future[Examined] | None) -> Done:
    return slot, future.result() if future else None


def _begin(open_reader: Callable[[], VaultReader]) -> None:
    """Open the vault once in each process; an interrupt is for the parent to handle."""
    global _reader  # noqa: PLW0603  (a process of a pool has no other place)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _reader = open_reader()


def _examine(task: Task) -> Examined:
    return examine(_reader, task)
