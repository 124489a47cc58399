"""One thread that does one task after the other beside the chain's own: publishing a block while the next one fills."""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

ResultT = TypeVar("ResultT")


class Background:
    """A daemon thread: unlike an executor's, it doesn't keep a process alive that must end."""

    def __init__(self, name: str) -> None:
        self._tasks: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def submit(self, task: Callable[[], ResultT]) -> "Future[ResultT]":
        """Do a task after those before it; its result or error is the future's."""
        future: Future[ResultT] = Future()

        def run() -> None:
            try:
                future.set_result(task())
            except BaseException as error:
                future.set_exception(error)

        self._tasks.put(run)
        return future

    def close(self) -> None:
        """Let the thread end after the tasks that it has."""
        self._tasks.put(None)

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            task()
