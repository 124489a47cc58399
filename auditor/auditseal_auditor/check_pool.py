"""Objects read and checked in order, in this process, in several or on several machines, a few of them at once."""

import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Self

from auditseal_auditor.errors import CheckProcessError
from auditseal_auditor.listing import ListedKey
from auditseal_auditor.object_check import CheckedObject, check_object, read_objects
from auditseal_schemas.errors import UnavailableError
from auditseal_vault.bulk_reader import UntilError
from auditseal_vault.interface import VaultReader
from auditseal_vault.thread_reader import thread_reader

_BATCH_KEYS, _BATCH_BYTES = 256, 4 << 20
"""Keys that a process takes at once, and the listed bytes of their objects: a tenth of a second of work."""
_AHEAD = 2
"""Batches under way for each process: enough that no process waits, few enough that memory stays flat."""
_SECONDS_BEFORE_SHARING, _SECONDS_BEFORE_SPAWN = 0.03, 1.0
"""Seconds of work in this process before others share it: about the work that it takes them to open the vault; and
before others are started anew, where they could not be forked at the start."""
_THREADS = Path("/proc/self/task")

Checked = tuple[ListedKey, CheckedObject | None]
"""A key, and the check of its object; None where the key has no object to check."""
_open: Callable[[], VaultReader]


@dataclass(frozen=True, slots=True)
class _CheckedBatch:
    """The result of one batch in a process.

    Attributes:
        checked: The check of each key's object, up to an error of the store.
        error: The error; None where all objects could be read.
    """

    checked: list[CheckedObject | None]
    error: UnavailableError | None


class CheckPool:
    """Checks the objects of one vault. A context manager that ends its processes.

    Args:
        open_reader: Opens the vault; with more than one process it must be picklable, and each opens its own.
        jobs: How many processes; 1 for this one alone.
        cluster: Runs the checks on other machines, where `open_reader` is a `ReaderAt`; `jobs` is how many at once.
    """

    def __init__(self, open_reader: Callable[[], VaultReader], jobs: int, cluster: Executor | None = None) -> None:
        self._open, self._jobs, self._cluster = open_reader, jobs, cluster
        self._pool: ProcessPoolExecutor | None = None
        self._starts: list[Future[None]] = []
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

        An error of `keys` itself is raised after all that came before it.

        Raises:
            UnavailableError: The store can't be read.
            CheckProcessError: A process died.
        """
        rest = UntilError(keys)
        try:
            if self._cluster is None:
                self._fork()
                yield from _check_all(self.reader, self._until_workers(rest), quick=quick)
            yield from self._check_in_workers(rest, quick=quick)
        except BrokenProcessPool as error:
            raise CheckProcessError(
                "a process that checks blocks died (out of memory?): run again with --jobs 1"
            ) from error
        if rest.error:
            raise rest.error

    def _fork(self) -> None:
        """Fork the workers now, before a listing starts a thread: forked later, they would have to start anew."""
        if self._jobs > 1 and self._pool is None and _may_fork():
            self._pool = self._make_pool("fork")
            wait([self._pool.submit(_do_nothing)])  # the first task forks all

    def _until_workers(self, keys: Iterator[ListedKey]) -> Iterator[ListedKey]:
        """Yield the keys for this process: all, or those until other processes have opened the vault."""
        began, bound = monotonic(), _SECONDS_BEFORE_SHARING if self._pool else _SECONDS_BEFORE_SPAWN
        while not self._starts or not all(start.done() for start in self._starts):
            listed = next(keys, None)
            if listed is None:
                return
            yield listed
            if self._jobs > 1 and monotonic() - began > bound:
                self._start_workers()

    def _check_in_workers(self, keys: Iterator[ListedKey], *, quick: bool) -> Iterator[Checked]:
        pending: deque[tuple[list[ListedKey], Future[_CheckedBatch]]] = deque()
        for batch in _batches(keys):
            pending.append((batch, self._submit(batch, quick=quick)))
            if len(pending) > self._jobs * _AHEAD:
                yield from _results(*pending.popleft())
        while pending:
            yield from _results(*pending.popleft())

    def _submit(self, batch: list[ListedKey], *, quick: bool) -> Future[_CheckedBatch]:
        if self._cluster is None:
            return self._start_workers().submit(_check_batch, batch, quick=quick)
        return self._cluster.submit(_check_batch_at, self._open, batch, quick=quick)

    def _start_workers(self) -> ProcessPoolExecutor:
        """Have the workers open the vault, unless they did."""
        if self._pool is None:
            self._pool = self._make_pool("fork" if _may_fork() else "spawn")
        if not self._starts:
            self._starts = [self._pool.submit(_open_vault) for _ in range(self._jobs)]
        return self._pool

    def _make_pool(self, method: str) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(self._jobs, get_context(method), _start_worker, (self._open,))


def _batches(keys: Iterator[ListedKey]) -> Iterator[list[ListedKey]]:
    """Yield the keys in batches, each with a bounded number of keys and of bytes."""
    batch, size = list[ListedKey](), 0
    for listed in keys:
        batch.append(listed)
        size += listed.block.size if listed.block else 0
        if len(batch) >= _BATCH_KEYS or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _results(batch: list[ListedKey], future: Future[_CheckedBatch]) -> Iterator[Checked]:
    result = future.result()
    yield from zip(batch, result.checked, strict=result.error is None)
    if result.error:
        raise result.error


def _may_fork() -> bool:
    """Return whether this process has a single thread: a fork would copy the locks that other threads hold.

    Threads of other libraries count, too. Where the system doesn't list them, the answer is no.
    """
    return _THREADS.is_dir() and len(list(_THREADS.iterdir())) == 1


def _start_worker(open_reader: Callable[[], VaultReader]) -> None:
    """Remember how to open the vault, and leave an interrupt to the parent."""
    global _open  # noqa: PLW0603  (a process of a pool has no other place)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _open = open_reader


@cache
def _reader() -> VaultReader:
    """Open the vault, once in each process."""
    return _open()


def _open_vault() -> None:
    """Open the vault, so that the first batch doesn't wait for it."""
    _reader()


def _do_nothing() -> None:
    """Be done when a process has started."""


def _check_batch(keys: list[ListedKey], *, quick: bool) -> _CheckedBatch:
    """Check the objects of a batch in a process of the pool."""
    return _check_batch_of(_reader(), keys, quick=quick)


def _check_batch_at(at: Callable[[], VaultReader], keys: list[ListedKey], *, quick: bool) -> _CheckedBatch:
    """Check the objects of a batch on another machine."""
    try:
        return _check_batch_of(thread_reader(at), keys, quick=quick)
    except UnavailableError as error:
        return _CheckedBatch([], error)


def _check_batch_of(reader: VaultReader, keys: list[ListedKey], *, quick: bool) -> _CheckedBatch:
    checked: list[CheckedObject | None] = []
    try:
        for _, found in _check_all(reader, keys, quick=quick):
            checked.append(found)
    except UnavailableError as error:
        return _CheckedBatch(checked, error)
    return _CheckedBatch(checked, None)


def _check_all(reader: VaultReader, keys: Iterable[ListedKey], *, quick: bool) -> Iterator[Checked]:
    for listed, read in read_objects(reader, keys):
        yield listed, check_object(read, quick=quick) if read else None
