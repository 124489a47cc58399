"""How a partition is asked to end."""

import threading

from auditseal_schemas.block_draft import CloseReason


class Stop:
    """A request, made once; the first reason counts, but losing the log overrides finishing it.

    Attributes:
        event: Set when the request is made.
        reason: Why the last block closes.
        finishes: Whether records that were read are sealed first.
    """

    def __init__(self) -> None:
        self.event = threading.Event()
        self.reason = CloseReason.STOPPED
        self.finishes = True

    def finish(self, reason: CloseReason) -> None:
        """Ask to seal and publish the records that were read, and to end."""
        if not self.event.is_set():
            self.reason = reason
        self.event.set()

    def abandon(self) -> None:
        """Ask to end at once: the log is someone else's."""
        self.finishes = False
        self.event.set()

    def is_set(self) -> bool:
        """Return whether the request was made."""
        return self.event.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait for the request; return whether it came."""
        return self.event.wait(seconds)
