"""One partition's queue of blocks, and the thread that archives them in order."""

import threading
import time
from collections import deque
from concurrent.futures import wait
from contextlib import suppress
from dataclasses import dataclass

from auditseal_archiver.archiving_state import ArchivingState
from auditseal_archiver.block_archiver import BlockArchiver, PartitionConfig
from auditseal_archiver.errors import RewindNeededError
from auditseal_archiver.metrics import ArchiverMetrics
from auditseal_daemon.background import run_in_thread
from auditseal_daemon.retry import StoreRetry
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.halt import HaltError
from auditseal_vault.interface import Vault


@dataclass(frozen=True, slots=True)
class ReceivedBlock:
    """A block as it was read: its offset, its bytes, and the broker's timestamp in s since the epoch."""

    offset: int
    data: bytes
    timestamp: float


class PartitionWorker:
    """Archives one partition's blocks in a thread of its own. The consumer's thread calls the methods.

    Attributes:
        position: The offset after the last block that is in the vault and checked to be the first object at its key;
            None before the first. The blocks after it are compared with the vault once more after a crash.
        is_new: Whether a `HaltError` that ended the thread is of a new partition, and no reason to stop the others.
    """

    def __init__(self, config: PartitionConfig, vault: Vault, metrics: ArchiverMetrics) -> None:
        """Start the thread, which first reads the log's state from the vault."""
        self.position: int | None = None
        self.is_new = False
        self._archived_to: int | None = None
        self._config, self._metrics = config, metrics
        self._labels = (config.topic, config.partition)
        self._queue: deque[ReceivedBlock] = deque()
        self._changed = threading.Condition()
        self._cancelled = threading.Event()
        self._end_reached = False
        self._recovered = False
        self._retry = StoreRetry(self._cancelled, lambda _: metrics.put_failures.labels(*self._labels, "store").inc())
        self._archiver = BlockArchiver(config, vault, metrics, self._retry)
        metrics.oldest_unarchived.labels(*self._labels).set_function(self._oldest_age)
        self._running = run_in_thread(f"partition-{config.partition}", self._run)

    @property
    def queued_bytes(self) -> int:
        """The bytes of the blocks in the queue, the one under way included."""
        with self._changed:
            return sum(len(block.data) for block in self._queue)

    @property
    def trouble(self) -> str | None:
        """Why the store didn't answer the last call, None where it did."""
        return self._retry.problem

    @property
    def state(self) -> ArchivingState:
        """The partition's state."""
        if self.trouble:
            return ArchivingState.WAITING
        return ArchivingState.ARCHIVING if self._recovered else ArchivingState.RECOVERING

    def offer(self, block: ReceivedBlock) -> None:
        """Append the partition's next block to the queue."""
        with self._changed:
            self._queue.append(block)
            self._changed.notify()

    def offer_end(self) -> None:
        """Say that the topic has no further block at present."""
        with self._changed:
            self._end_reached = True
            self._changed.notify()

    def check(self) -> None:
        """Raise the error that ended the thread, if one did.

        Raises:
            HaltError: The archiver must stop.
            RewindNeededError: A worker that reads from the topic's beginning must replace this one.
        """
        if not self._cancelled.is_set() and self._running.done():
            self._running.result()

    def cancel(self) -> None:
        """Ask the thread to end after the block that is under way; the rest of the queue is dropped."""
        self._cancelled.set()
        with self._changed:
            self._changed.notify()

    def wait(self, seconds: float) -> None:
        """Wait at most `seconds` for the thread's end. A write that is still under way then is safe to abandon."""
        wait([self._running], max(0.0, seconds))

    def _run(self) -> None:
        try:
            self._archiver.recover()
            self._recovered = True
            while not self._cancelled.is_set():
                if (block := self._next()) is not None:
                    self._archive(block)
                if self._archiver.check_due_in() == 0:
                    self._check_written()
            self._check_written()
        except HaltError as error:
            self._metrics.count_halt(self._labels, error)
            self._forget_all_but_first()
            with suppress(UnavailableError):  # cancelled, so that nobody looks at it any more
                self.is_new = self._archiver.is_new()
            raise
        except UnavailableError:
            if not self._cancelled.is_set():
                raise

    def _archive(self, block: ReceivedBlock) -> None:
        where = f"offset {block.offset} of {self._config.topic}/{self._config.partition}"
        self._archiver.archive(block.data, where)
        self._archived_to = block.offset + 1
        if self._archiver.check_due_in() is None:
            self.position = self._archived_to
        with self._changed:
            self._queue.popleft()

    def _check_written(self) -> None:
        self._archiver.check_written()
        self.position = self._archived_to

    def _next(self) -> ReceivedBlock | None:
        """Return the next block, None when cancelled and when the check of written blocks is due."""
        with self._changed:
            while not (self._queue or self._cancelled.is_set() or self._archiver.check_due_in() == 0):
                if self._end_reached and self._archived_to is None and not self._config.from_beginning:
                    raise RewindNeededError("the topic ends before a block that the vault lacks could be read")
                self._changed.wait(self._archiver.check_due_in())
            return self._queue[0] if self._queue and not self._cancelled.is_set() else None

    def _forget_all_but_first(self) -> None:
        """Free the queue's memory; the first block's age still shows for how long nothing was archived."""
        with self._changed:
            while len(self._queue) > 1:
                self._queue.pop()

    def _oldest_age(self) -> float:
        with self._changed:
            return max(0.0, time.time() - self._queue[0].timestamp) if self._queue else 0.0
