"""Objects read and checked in order, in this process, in several or on several machines, a few of them at once."""

import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache
from itertools import chain
from multiprocessing import get_context
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Protocol, Self

from auditseal_auditor.errors import CheckProcessError
from auditseal_auditor.known_contents import KnownContents
from auditseal_auditor.listing import ListedKey
from auditseal_auditor.object_check import CheckedObject, ReadObject, check_object, read_objects
from auditseal_schemas.errors import UnavailableError
from auditseal_vault.bulk_reader import UntilError
from auditseal_vault.interface import VaultReader
from auditseal_vault.thread_reader import thread_reader

_BATCH_KEYS, _BATCH_BYTES = 256, 4 << 20
"""Keys that a process takes at once, and the listed bytes of their objects: a tenth of a second of work."""
_AHEAD = 2
"""Batches under way for each process: enough that no process waits, few enough that memory stays flat."""
_LAST_PIECES = 4
"""Pieces of each of the last batches: so all processes end at about the same time."""
_SECONDS_BEFORE_SHARING, _SECONDS_BEFORE_SPAWN = 0.03, 1.0
"""Seconds of work in this process before others share it: about the work that it takes them to open the vault; and
before others are started anew, where they could not be forked at the start."""
_BYTES_A_SECOND = 32 << 20
"""Listed bytes that a process checks in a second: by them it knows beforehand that one object takes long."""
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
        known: What this process knows of contents from its earlier checks; None to check all of them.
    """

    def __init__(
        self,
        open_reader: Callable[[], VaultReader],
        jobs: int,
        cluster: Executor | None = None,
        *,
        known: KnownContents | None = None,
    ) -> None:
        self._open, self._jobs, self._cluster = open_reader, jobs, cluster
        self._check: _Check = known.check_object if known else _check_alone
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
        rest, first_shared = UntilError(keys), list[ListedKey]()
        try:
            if self._cluster is None:
                self._fork()
                own = self._until_workers(rest, first_shared)
                yield from _check_all(self.reader, own, self._check, quick=quick)
            yield from self._check_in_workers(chain(first_shared, rest), quick=quick)
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

    def _until_workers(self, keys: Iterator[ListedKey], first_shared: list[ListedKey]) -> Iterator[ListedKey]:
        """Yield the keys for this process, and put the first one that is not into `first_shared`.

        Those are all keys; or those up to the time, or to the large object, from which others share the work; or,
        where the others have to start anew, those until they have opened the vault.
        """
        is_forked = self._pool is not None
        began, bound = monotonic(), _SECONDS_BEFORE_SHARING if is_forked else _SECONDS_BEFORE_SPAWN
        for listed in keys:
            if self._jobs > 1 and monotonic() - began + _size(listed) / _BYTES_A_SECOND > bound:
                self._start_workers()
            if self._starts and (is_forked or all(start.done() for start in self._starts)):
                first_shared.append(listed)
                return
            yield listed

    def _check_in_workers(self, keys: Iterator[ListedKey], *, quick: bool) -> Iterator[Checked]:
        pending: deque[tuple[list[ListedKey], Future[_CheckedBatch]]] = deque()
        for batch in _even_end(_batches(keys), self._jobs):
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
        size += _size(listed)
        if len(batch) >= _BATCH_KEYS or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _even_end(batches: Iterator[list[ListedKey]], jobs: int) -> Iterator[list[ListedKey]]:
    """Yield the batches, and the last one for each process in pieces."""
    last = deque[list[ListedKey]]()
    for batch in batches:
        last.append(batch)
        if len(last) > jobs:
            yield last.popleft()
    for batch in last:
        piece = -(-len(batch) // _LAST_PIECES)
        for start in range(0, len(batch), piece):
            yield batch[start : start + piece]


def _size(listed: ListedKey) -> int:
    return listed.block.size if listed.block else 0


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
        for _, found in _check_all(reader, keys, _check_alone, quick=quick):
            checked.append(found)
    except UnavailableError as error:
        return _CheckedBatch(checked, error)
    return _CheckedBatch(checked, None)


def _check_all(reader: VaultReader, keys: Iterable[ListedKey], check: "_Check", *, quick: bool) -> Iterator[Checked]:
    for listed, read in read_objects(reader, keys):
        yield listed, check(listed, read, quick=quick) if read else None


class _Check(Protocol):
    """The check of one object."""

    def __call__(self, listed: ListedKey, read: ReadObject, /, *, quick: bool) -> CheckedObject:
        """Check the content of one object; with `quick` its records are not hashed again."""
        ...


def _check_alone(_listed: ListedKey, read: ReadObject, *, quick: bool) -> CheckedObject:
    return check_object(read, quick=quick)
