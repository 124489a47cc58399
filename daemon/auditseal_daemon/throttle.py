"""Repeated messages: the first of a kind is logged at once, and its repetitions now and then."""

import threading
import time

QUIET_SECONDS = 10.0
"""From one message of a kind to the next: a client repeats its errors several times a second while a broker is away."""


class Throttle:
    """Decides which repetitions are logged. Safe to use from any thread."""

    def __init__(self, seconds: float = QUIET_SECONDS) -> None:
        """Take the seconds from one message of a kind to the next."""
        self._seconds = seconds
        self._logged: dict[str, float] = {}
        self._lock = threading.Lock()

    def allows(self, kind: str) -> bool:
        """Return whether a message of a kind may be logged now; if so, the next one has to wait."""
        now = time.monotonic()
        with self._lock:
            if now - self._logged.get(kind, -self._seconds) < self._seconds:
                return False
            self._logged[kind] = now
        return True

    def forget(self) -> None:
        """Let the next message of every kind be logged at once: the trouble is over."""
        with self._lock:
            self._logged.clear()
