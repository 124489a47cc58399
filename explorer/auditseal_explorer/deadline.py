"""Until when an answer has to be ready. Each wait for other requests ends by then, with an error that says so."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic

from auditseal_explorer.errors import LateError

ANSWER_SECONDS = 60.0
"""For an answer."""
CASE_SECONDS = 600.0
"""For the files of a case, whose blocks are all read from the vault."""
_until: ContextVar[tuple[float, float] | None] = ContextVar("until", default=None)


def seconds_for(path: str) -> float:
    """Return how long the answer of an address may take."""
    return CASE_SECONDS if path in {"/case.zip", "/case.html"} else ANSWER_SECONDS


def set_deadline(seconds: float) -> None:
    """Begin an answer: all that this task and its threads do has to end within these seconds."""
    _until.set((monotonic() + seconds, seconds))


@contextmanager
def without_deadline() -> Iterator[None]:
    """Let the block take any time: it is of an answer that has begun, such as an export."""
    before = _until.set(None)
    try:
        yield
    finally:
        _until.reset(before)


def seconds_left() -> float | None:
    """Return the seconds until the deadline; None for background work, which may take any time.

    Raises:
        LateError: It has passed.
    """
    until = _until.get()
    if until is None:
        return None
    left = until[0] - monotonic()
    if left <= 0:
        raise LateError(until[1])
    return left
