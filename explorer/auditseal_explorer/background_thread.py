"""A thread that works while the explorer runs."""

from abc import ABC, abstractmethod
from threading import Event, Thread
from typing import Self


class BackgroundThread(ABC):
    """Work in a thread of its own. A context manager that starts the thread, asks it to stop, and waits for its end.

    Args:
        name: The thread's name.
        seconds_to_end: The most seconds to wait for its end.
    """

    def __init__(self, name: str, seconds_to_end: float = 30.0) -> None:
        self._stop, self._seconds_to_end = Event(), seconds_to_end
        self._thread = Thread(target=self._run, name=name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(self._seconds_to_end)

    @abstractmethod
    def _run(self) -> None:
        """Do the work, and return soon after `_stop` is set."""
