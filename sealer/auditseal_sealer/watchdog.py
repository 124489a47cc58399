"""Ends the process when a call does not return: librdkafka's transactional calls can hang beyond their own timeouts.

`send_offsets_to_transaction` may ignore its timeout (librdkafka#5456) and hang (librdkafka#5511). A thread
can't be ended from outside, and one that may still commit must not be left behind.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from auditseal_schemas.halt import Halt, HaltError

_LOOK_EVERY = 0.25  # s


class Watchdog:
    """Watches calls, from any thread. Its own thread is a daemon and lives as long as the process."""

    def __init__(self, bound: float, expire: Callable[[HaltError], None]) -> None:
        """Let each call last `bound` seconds; `expire` must end the process."""
        self._bound, self._expire = bound, expire
        self._calls: dict[object, tuple[float, str]] = {}
        self._lock = threading.Lock()
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    @contextmanager
    def over(self, call: str) -> Iterator[None]:
        """Watch a call while the context lasts."""
        token = object()
        with self._lock:
            self._calls[token] = (time.monotonic(), call)
        try:
            yield
        finally:
            with self._lock:
                del self._calls[token]

    def _watch(self) -> None:
        while True:
            time.sleep(_LOOK_EVERY)
            now = time.monotonic()
            with self._lock:
                late = [call for begun, call in self._calls.values() if now - begun > self._bound]
            if late:
                problem = f"{', '.join(late)} did not return in {self._bound:g} s; starting again recovers the head"
                self._expire(HaltError(Halt.TRANSACTION_STUCK, problem))
                return
