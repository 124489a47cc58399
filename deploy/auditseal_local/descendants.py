"""The end of all processes that a block of code started, also of one whose start was interrupted."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

from auditseal_local.errors import LocalStackError
from auditseal_local.process import alive

_SECONDS = 10.0
_POLL = 0.02  # s


@contextmanager
def leaving_no_process() -> Iterator[None]:
    """End, when the block ends, every descendant of this process that started within it.

    The code that starts a process also ends it, in order. This covers a Ctrl-C between fork and return.

    Raises:
        LocalStackError: The kernel does not release a process.
    """
    before = set(_descendants())
    try:
        yield
    finally:
        _end_all_but(before)


def _end_all_but(kept: set[psutil.Process]) -> None:
    deadline = time.monotonic() + _SECONDS
    while left := [process for process in _descendants() if process not in kept and alive(process)]:
        if time.monotonic() > deadline:
            raise LocalStackError(f"processes {[process.pid for process in left]} are still there after SIGKILL")
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        time.sleep(_POLL)


def _descendants() -> list[psutil.Process]:
    return list(psutil.Process().children(recursive=True))
