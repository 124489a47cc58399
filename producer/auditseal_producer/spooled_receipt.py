"""The handle of an event that goes by a spool, and the wait until the event is on disk."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from auditseal_producer.pending import PendingReceipt
from auditseal_producer.receipt import Receipt
from auditseal_producer.waiters import Waiters
from auditseal_schemas.errors import AuditsealError

_ENDLESS = float("inf")
writing_threads: set[int] = set()
"""The threads that write spools, by `threading.get_ident()`: a finalizer there can't wait for a write."""

_awaited: set["SpooledReceipt"] = set()
"""Handles with a callback; all others live as long as the service holds them, so that a full spool costs no memory."""


class SpooledReceipt(PendingReceipt):
    """A handle that is written first: `written` or `refused` once, then settled as any other.

    Attributes:
        written_or_refused: Whether the file has answered.
        waiters: Those who wait for that.
    """

    def __init__(self, *of_event: Any) -> None:
        super().__init__(*of_event)
        self.written_or_refused = False
        self.waiters = Waiters()
        self._refusal: AuditsealError | None = None

    def finish_write(self, refusal: AuditsealError | None) -> None:
        """Say that the event is on disk, or why it isn't: for the thread that writes."""
        self._refusal = refusal
        self.written_or_refused = True
        self.waiters.wake()
        if refusal is not None:
            self.settle(None, refusal)

    def wait_until_accepted(self) -> None:
        """Wait until the event is on disk; in the thread that writes return at once, which writes it next.

        Raises:
            AuditsealError: It is refused.
        """
        if threading.get_ident() not in writing_threads:
            self.waiters.wait(lambda: self.written_or_refused, _ENDLESS)
        self.check_written()

    def check_written(self) -> None:
        """Check that the event was not refused.

        Raises:
            AuditsealError: It was.
        """
        if self._refusal is not None:
            raise self._refusal

    def settle(self, receipt: Receipt | None, failure: BaseException | None) -> None:
        """End the handle, as that of any other event."""
        super().settle(receipt, failure)
        _awaited.discard(self)

    def add_done_callback(self, fn: Callable[[Future[Receipt]], object]) -> None:
        """Call a function when the handle is done, and keep the handle until then."""
        if not self.done():
            _awaited.add(self)
        super().add_done_callback(fn)
        if self.done():
            _awaited.discard(self)
