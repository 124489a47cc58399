"""Threads and coroutines that wait for something which the producer's own thread does.

A waiting thread holds nothing but a lock of the operating system that is its own. So a finalizer that records an event
while its thread is waiting meets no lock that this thread holds.
"""

from _thread import allocate_lock
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from time import monotonic

Wake = Callable[[], object]
"""Wakes one waiter; called once at most, by any thread. It must not raise."""


class Waiters:
    """Those who wait, in the order in which they came."""

    def __init__(self) -> None:
        self._wakes: deque[Wake] = deque()

    def add(self, wake: Wake) -> None:
        """Let a waiter in. It must look once more, after this, whether there is still something to wait for."""
        self._wakes.append(wake)

    def discard(self, wake: Wake) -> None:
        """Let a waiter go that no longer waits."""
        with suppress(ValueError):
            self._wakes.remove(wake)

    def wake(self, most: int | None = None) -> None:
        """Wake all who wait now, or the first ones."""
        for _ in range(len(self._wakes) if most is None else most):
            try:
                wake = self._wakes.popleft()
            except IndexError:
                return
            wake()

    def wait(self, is_over: Callable[[], bool], seconds: float) -> bool:
        """Wait in this thread until it is over, at most for some seconds; return whether it is."""
        deadline = monotonic() + seconds
        while not is_over():
            lock = allocate_lock()
            lock.acquire()
            wake = lock.release
            self.add(wake)
            try:
                # A minute at a time: a lock takes no endless wait.
                woken = is_over() or lock.acquire(timeout=max(0.0, min(deadline - monotonic(), 60.0)))
                if not woken and monotonic() >= deadline:
                    return is_over()
            finally:
                self.discard(wake)
        return True
