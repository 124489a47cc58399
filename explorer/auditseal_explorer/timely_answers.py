"""Each request has an answer in time: one that is not ready is answered by a page that says so.

A thread can't be ended from outside. So one that waits for a store which answers nothing continues without its reader,
until the store's own deadlines end it. Too many of those at once are refused, so that threads are left for others.
"""

import asyncio
import logging
from collections.abc import Mapping

from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from auditseal_explorer import deadline
from auditseal_explorer.errors import LateError
from auditseal_explorer.login_pages import login_page

MOST_AT_ONCE = 150
"""Answers that are made at once, with those that continue without a reader."""
GRACE_SECONDS = 15.0
"""After the deadline, in which an answer records that it was late, and says so itself."""
READER_SECONDS = 60.0
"""For a reader to take the next part of an answer."""
RETRY: Mapping[str, str] = {"retry-after": "5"}
_LATE, _BUSY = "That takes too long just now", "Too many answers are being made just now"
_log = logging.getLogger(__name__)


class TimelyAnswers:
    """Gives each request an answer in time. ASGI middleware, outside everything that waits.

    Args:
        app: Answers requests.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app, self._tasks = app, set[asyncio.Task[None]]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or scope["path"].startswith("/static/"):
            await self._app(scope, receive, send)
            return
        if len(self._tasks) >= MOST_AT_ONCE:
            problem = f"{MOST_AT_ONCE} answers are being made, which is the most: try again in some seconds"
            await _refuse(scope, receive, send, _BUSY, problem)
            return
        seconds, answer = deadline.seconds_for(scope["path"]), _Answer(send)
        deadline.set_deadline(seconds)
        task = asyncio.ensure_future(self._app(scope, receive, answer.send))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            await asyncio.wait({task, answer.begun}, timeout=seconds + GRACE_SECONDS, return_when="FIRST_COMPLETED")
            if task.done() or answer.begun.done():
                await task
                return
        except ClientDisconnect:
            _log.warning(
                "an answer for %s was ended: its reader took nothing for %.0f s", scope["path"], READER_SECONDS
            )
            return
        except asyncio.CancelledError:
            task.cancel()
            raise
        answer.drop()
        task.add_done_callback(_log_failure)
        await _refuse(scope, receive, send, _LATE, str(LateError(seconds)))


class _Answer:
    """Passes an answer on.

    Attributes:
        begun: Done once the answer has begun.
    """

    def __init__(self, send: Send) -> None:
        self._send, self._is_dropped = send, False
        self.begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def send(self, message: Message) -> None:
        """Pass a part on, when the reader has taken those before it.

        Raises:
            ClientDisconnect: The reader takes nothing more.
        """
        if self._is_dropped:
            return
        if not self.begun.done():
            self.begun.set_result(None)
        try:
            async with asyncio.timeout(READER_SECONDS):
                await self._send(message)
        except TimeoutError as error:
            raise ClientDisconnect from error

    def drop(self) -> None:
        """Pass nothing on: the request has another answer."""
        self._is_dropped = True


async def _refuse(scope: Scope, receive: Receive, send: Send, title: str, problem: str) -> None:
    """Answer with a page that shows nothing of the vault: it can't be recorded just now."""
    answer = login_page(Request(scope), title, problem, 503)
    answer.headers.update(RETRY)
    await answer(scope, receive, send)


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        _log.error("an answer failed after its request was refused as late: %s", error)
