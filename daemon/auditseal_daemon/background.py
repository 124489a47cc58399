"""Calls in threads of their own. A thread here is a daemon: it doesn't keep a process alive that must end."""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

ResultT = TypeVar("ResultT")


class Background:
    """One thread that makes one call after the other, each with a future for its result or error."""

    def __init__(self, name: str) -> None:
        """Start the thread."""
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def submit(self, call: Callable[[], ResultT]) -> "Future[ResultT]":
        """Make a call after those before it."""
        future: Future[ResultT] = Future()

        def run() -> None:
            try:
                future.set_result(call())
            except BaseException as error:  # handed over whole: `future.result` raises it
                future.set_exception(error)

        self._calls.put(run)
        return future

    def close(self) -> None:
        """Let the thread end after the calls that it has."""
        self._calls.put(None)

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call()


def run_in_thread(name: str, call: Callable[[], ResultT]) -> "Future[ResultT]":
    """Make one call in a thread of its own. To abandon the call is as safe as to kill the process."""
    thread = Background(name)
    future = thread.submit(call)
    thread.close()
    return future
