"""Objects read and checked in order, in this process or in several, with only a few of them in memory at once."""

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

from auditseal_auditor.errors import CheckProcessError
from auditseal_auditor.listing import ListedKey
from auditseal_auditor.object_check import CheckedObject, check_object, read_object
from auditseal_vault.interface import VaultReader

_AHEAD = 4
"""Objects under way for each process: enough that no process waits, few enough that memory stays flat."""
_SECONDS_ALONE = 0.5
"""Seconds of work in this process before others are started: a short check is over before they would be ready."""

Checked = tuple[ListedKey, CheckedObject | None]
"""A key, and the check of its object; None where the key has no object to check."""
_reader: VaultReader


class CheckPool:
    """Checks the objects of one vault. A context manager that ends its processes.

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

    def check(self, keys: Iterable[ListedKey], *, quick: bool) -> Iterator[Checked]:
        """Yield each key with the check of its object, in the order given.

        Raises:
            UnavailableError: The store can't be read.
            CheckProcessError: A process died.
        """
        rest = iter(keys)
        if self._pool is None:
            yield from self._check_alone(rest, quick=quick)
        try:
            yield from self._check_in_pool(rest, quick=quick)
        except BrokenProcessPool as error:
            raise CheckProcessError(
                "a process that checks blocks died (out of memory?): run again with --jobs 1"
            ) from error

    def _check_alone(self, keys: Iterator[ListedKey], *, quick: bool) -> Iterator[Checked]:
        """Check in this process: every key, or until other processes are worth their start."""
        most = _SECONDS_ALONE if self._jobs > 1 else inf
        began = monotonic()
        for listed in keys:
            yield listed, _check(self.reader, listed, quick=quick) if listed.has_block else None
            if monotonic() - began > most:
                return

    def _check_in_pool(self, keys: Iterator[ListedKey], *, quick: bool) -> Iterator[Checked]:
        pending: deque[tuple[ListedKey, Future[CheckedObject] | None]] = deque()
        for listed in keys:
            future = self._workers().submit(_check_in_worker, listed, quick=quick) if listed.has_block else None
            pending.append((listed, future))
            if len(pending) > self._jobs * _AHEAD:
                yield _awaited(*pending.popleft())
        while pending:
            yield _awaited(*pending.popleft())

    def _workers(self) -> ProcessPoolExecutor:
        if self._pool is None:
            context = get_context("spawn")  # forking would copy threads' locks, of S3 clients and progress bars
            self._pool = ProcessPoolExecutor(self._jobs, context, _start_worker, (self._open,))
        return self._pool


def _awaited(listed: ListedKey, future: Future[CheckedObject] | None) -> Checked:
    return listed, future.result() if future else None


def _start_worker(open_reader: Callable[[], VaultReader]) -> None:
    """Open the vault once in each process, and leave an interrupt to the parent."""
    global _reader  # noqa: PLW0603  (a process of a pool has no other place)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _reader = open_reader()


def _check_in_worker(listed: ListedKey, *, quick: bool) -> CheckedObject:
    return _check(_reader, listed, quick=quick)


def _check(reader: VaultReader, listed: ListedKey, *, quick: bool) -> CheckedObject:
    return check_object(read_object(reader, listed), quick=quick)
