"""A call in a thread of its own, whose error is raised where its end is looked at."""

import threading
from collections.abc import Callable


class Task:
    """A running call. Its thread doesn't keep the process alive: to abandon it is no worse than to be killed."""

    def __init__(self, name: str, call: Callable[[], None]) -> None:
        """Start the call."""
        self._call = call
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._call()
        except BaseException as error:  # handed over whole: `check` raises it
            self._error = error

    @property
    def done(self) -> bool:
        """Whether the call has ended."""
        return not self._thread.is_alive()

    def wait(self, seconds: float) -> None:
        """Wait for the end, at most so long."""
        self._thread.join(max(0.0, seconds))

    def check(self) -> None:
        """Raise the error that the call ended with, if it did."""
        if self._error is not None:
            raise self._error
