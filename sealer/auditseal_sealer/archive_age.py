"""How long the oldest sealed block has been waiting for the vault. Safe to use from any thread."""

import threading
from collections import deque


class ArchiveAge:
    """Remembers when each block that may not be archived was sealed.

    Attributes:
        height: The highest block that the vault was last seen to have; None before the first look.
    """

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, int]] = deque()
        self.height: int | None = None
        self._lock = threading.Lock()

    def restart(self, height: int, since: int | None) -> None:
        """Begin again with the head at `height`; `since` is when the oldest waiting block was sealed, in µs.

        The blocks between that block and the head count as old as that block, because they are not read.
        """
        with self._lock:
            self._waiting.clear()
            if since is not None:
                self._waiting.append((height, since))

    def sealed(self, height: int, sealed_at: int) -> None:
        """Note that a block was committed."""
        with self._lock:
            self._waiting.append((height, sealed_at))

    def archived(self, height: int) -> None:
        """Note that the vault has all blocks up to a height."""
        with self._lock:
            self.height = height
            while self._waiting and self._waiting[0][0] <= height:
                self._waiting.popleft()

    def seconds(self, now: float) -> float:
        """Return the age of the oldest waiting block; `now` in seconds since the epoch. 0 if no block waits."""
        with self._lock:
            return max(0.0, now - self._waiting[0][1] / 1e6) if self._waiting else 0.0
