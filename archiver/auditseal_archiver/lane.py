"""A lane: one partition's blocks on their way, in order, to a keeper in a thread of their own."""

import threading
import time
from collections import deque
from concurrent.futures import wait
from dataclasses import dataclass

from auditseal_archiver.keeper import Keeper, KeeperConfig, RewindNeededError
from auditseal_archiver.metrics import ArchiverMetrics
from auditseal_daemon.background import run_in_thread
from auditseal_daemon.retry import StoreRetry
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.halt import HaltError
from auditseal_vault.interface import Vault


@dataclass(frozen=True, slots=True)
class Handed:
    """A block as it was read: its offset, its bytes, and the broker's timestamp in s since the epoch."""

    offset: int
    data: bytes
    timestamp: float


class Lane:
    """The consumer's thread feeds it and looks at what came of it; the lane's thread archives.

    Attributes:
        position: The offset after the last block that is in the vault; None before the first.
    """

    def __init__(self, config: KeeperConfig, vault: Vault, metrics: ArchiverMetrics) -> None:
        """Start the thread, which first reads where the log stands."""
        self.position: int | None = None
        self._config, self._metrics = config, metrics
        self._labels = (config.topic, config.partition)
        self._inbox: deque[Handed] = deque()
        self._changed = threading.Condition()
        self._cancelled = threading.Event()
        self._end_seen = False
        self._retry = StoreRetry(self._cancelled, lambda _: metrics.put_failures.labels(*self._labels, "store").inc())
        self._keeper = Keeper(config, vault, metrics, self._retry)
        metrics.oldest_unarchived.labels(*self._labels).set_function(self._oldest_age)
        self._running = run_in_thread(f"lane-{config.partition}", self._run)

    @property
    def queued_bytes(self) -> int:
        """The bytes of the blocks that wait, the one under way included."""
        with self._changed:
            return sum(len(handed.data) for handed in self._inbox)

    @property
    def trouble(self) -> str | None:
        """Why the store didn't answer last, None where it did."""
        return self._retry.problem

    def offer(self, handed: Handed) -> None:
        """Append the partition's next block."""
        with self._changed:
            self._inbox.append(handed)
            self._changed.notify()

    def offer_end(self) -> None:
        """Say that the topic holds no more at present."""
        with self._changed:
            self._end_seen = True
            self._changed.notify()

    def check(self) -> None:
        """Raise what ended the lane, if something did.

        Raises:
            HaltError: The archiver must stop.
            RewindNeededError: A lane that is fed from the topic's beginning must take this one's place.
        """
        if not self._cancelled.is_set() and self._running.done():
            self._running.result()

    def cancel(self) -> None:
        """Ask the thread to end after the block that it is at; what waits is dropped."""
        self._cancelled.set()
        with self._changed:
            self._changed.notify()

    def wait(self, seconds: float) -> None:
        """Wait for the thread's end, at most so long: beyond it the write under way is abandoned, which is safe."""
        wait([self._running], max(0.0, seconds))

    def _run(self) -> None:
        try:
            self._keeper.recover()
            while (handed := self._next()) is not None:
                where = f"offset {handed.offset} of {self._config.topic}/{self._config.partition}"
                self._keeper.take(handed.data, where)
                self.position = handed.offset + 1
                with self._changed:
                    self._inbox.popleft()
        except HaltError as error:
            self._metrics.count_halt(self._labels, error)
            raise
        except UnavailableError:
            if not self._cancelled.is_set():
                raise

    def _next(self) -> Handed | None:
        """Return the next block, None when cancelled."""
        with self._changed:
            while not (self._inbox or self._cancelled.is_set()):
                if self._end_seen and self.position is None and not self._config.from_start:
                    raise RewindNeededError
                self._changed.wait()
            return None if self._cancelled.is_set() else self._inbox[0]

    def _oldest_age(self) -> float:
        with self._changed:
            return max(0.0, time.time() - self._inbox[0].timestamp) if self._inbox else 0.0
