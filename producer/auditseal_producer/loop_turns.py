"""Turns for coroutines: some events for each pass of a loop, so that thousands at once don't block it."""

import asyncio
from collections import deque

_EVENTS = 32  # about a millisecond's


class LoopTurns:
    """The turns of one loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._left = _EVENTS
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._scheduled = False

    async def take(self) -> None:
        """Return at once where this pass of the loop has room for another event, otherwise in a later one, in order."""
        if not self._scheduled:
            self._scheduled = True
            self.loop.call_soon(self._next_pass)
        if self._left and not self._waiting:
            self._left -= 1
            return
        turn = self.loop.create_future()
        self._waiting.append(turn)
        await turn

    def _next_pass(self) -> None:
        self._left = _EVENTS
        while self._left and self._waiting:
            turn = self._waiting.popleft()
            if not turn.cancelled():
                turn.set_result(None)
                self._left -= 1
        self._scheduled = bool(self._waiting) or self._left < _EVENTS
        if self._scheduled:
            self.loop.call_soon(self._next_pass)
