"""Bounds how many logs of one sealer are recovered at once (ADR 0038)."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_AT_ONCE = 8
_PATIENCE = 4.0  # s


class RecoveryLimit:
    """Lets some recoveries go on and the others wait, since each has clients of its own meanwhile.

    It is a brake and no guarantee: one that has waited for `patience` seconds goes on anyway. So those of one broker
    that doesn't answer can't hold up the others for longer.
    """

    def __init__(self, at_once: int = _AT_ONCE, patience: float = _PATIENCE) -> None:
        """Let `at_once` recoveries go on at the same time."""
        self._places, self._patience = threading.BoundedSemaphore(at_once), patience

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a place, and keep it while the context lasts."""
        has_place = self._places.acquire(timeout=self._patience)
        try:
            yield
        finally:
            if has_place:
                self._places.release()
