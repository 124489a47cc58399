"""Signals that end a command in order: Ctrl-C, SIGTERM and SIGHUP."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, BinaryIO


class InterruptedWait(BaseException):
    """A signal came while the command waited."""


class Interruption:
    """Whether a signal came. It cuts short a wait and nothing else, so that nothing is done by half.

    Attributes:
        came: Whether one did.
    """

    def __init__(self) -> None:
        self.came = False
        self._waiting = False

    def take(self, _number: int, _frame: FrameType | None) -> None:
        """Take a signal, as its handler.

        Raises:
            InterruptedWait: The command waits.
        """
        self.came = True
        if self._waiting:
            self._waiting = False
            raise InterruptedWait

    @contextmanager
    def cuts_short(self) -> Iterator[None]:
        """Let a signal cut the block short, in which nothing can be left half done.

        Raises:
            InterruptedWait: A signal came, now or before.
        """
        self._waiting = True
        try:
            if self.came:
                raise InterruptedWait
            yield
        finally:
            self._waiting = False


class InterruptibleLines:
    """A stream of lines; a signal cuts short the wait for the next one."""

    def __init__(self, stream: BinaryIO, interruption: Interruption) -> None:
        self._stream = stream
        self._interruption = interruption

    def readline(self, size: int, /) -> bytes:
        """Return the next line, or a part of it.

        Raises:
            InterruptedWait: A signal came.
        """
        with self._interruption.cuts_short():
            return self._stream.readline(size)


@contextmanager
def interruption_by_signals() -> Iterator[Interruption]:
    """Yield an interruption that signals cause within the block. A signal that is ignored stays so, as under nohup."""
    interruption = Interruption()
    before: dict[signal.Signals, Any] = {}
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, interruption.take)
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
