"""Calls from other threads into a loop: all that come in one pass of the loop cost one wake-up.

`call_soon_threadsafe` writes to a socket each time, and gives up Python's lock to do so. The producer's thread would
then wait for its next turn after each receipt.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial

from auditseal_producer.pending import PendingReceipt
from auditseal_producer.receipt import Receipt


class LoopCalls:
    """The calls into one loop. Any thread may make one."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: deque[Callable[[], object]] = deque()
        self._scheduled = False

    def call(self, function: Callable[[], object]) -> None:
        """Call a function in the loop soon, in the order of these calls; never if the loop is closed."""
        self._waiting.append(function)
        if not self._scheduled:
            self._scheduled = True
            try:
                self._loop.call_soon_threadsafe(self._run)
            except RuntimeError:  # the loop is closed
                self._scheduled = False
                self._waiting.clear()

    def make_wake(self) -> "tuple[asyncio.Future[None], Callable[[], object]]":
        """Return a future of this loop, and the function by which any thread ends it."""
        woken: asyncio.Future[None] = self._loop.create_future()
        return woken, partial(self.call, partial(_wake, woken))

    def receipt_of(self, handle: PendingReceipt) -> "asyncio.Future[Receipt]":
        """Return a future of this loop that ends as a handle does: as `asyncio.wrap_future`, but for the wake-ups.

        If it is cancelled, the event stays recorded.
        """
        future: asyncio.Future[Receipt] = self._loop.create_future()
        end = partial(_end, future, handle)
        if handle.done():
            end()
        else:
            handle.add_done_callback(lambda _: self.call(end))
        return future

    def _run(self) -> None:
        self._scheduled = False  # first: a call that comes from here on schedules another turn
        while self._waiting:
            self._waiting.popleft()()


def _wake(woken: "asyncio.Future[None]") -> None:
    if not woken.done():  # it may be cancelled
        woken.set_result(None)


def _end(future: "asyncio.Future[Receipt]", handle: PendingReceipt) -> None:
    if future.done():  # it was cancelled
        return
    failure = handle.exception(0)
    if failure is None:
        future.set_result(handle.result(0))
    else:
        future.set_exception(failure)
