"""How the archiver waits for a store that is away: as long as it takes, a little longer each time, up to a bound."""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

import structlog
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    sleep_using_event,
    stop_when_event_set,
    wait_random_exponential,
)

from auditseal_archiver.vault import VaultError

LONGEST_WAIT = 15.0  # s
T = TypeVar("T")


class Patience:
    """Repeats calls to a store until it answers, or until it is told to stop.

    Attributes:
        trouble: Why the store didn't answer the last attempt; None where it did.
    """

    def __init__(self, stop: threading.Event, note: Callable[[VaultError], None]) -> None:
        """Take the event that ends all waiting, and what hears of each failure."""
        self.trouble: str | None = None
        self._note, self._stop = note, stop
        self._log: Any = structlog.get_logger(__name__)

    def repeat(self, call: Callable[[], T]) -> T:
        """Return what the call returns once the store answers.

        Raises:
            VaultError: Told to stop before the store answered.
        """
        retrying = Retrying(
            retry=retry_if_exception_type(VaultError),
            wait=wait_random_exponential(multiplier=0.5, max=LONGEST_WAIT),
            stop=stop_when_event_set(self._stop),
            sleep=sleep_using_event(self._stop),
            before_sleep=self._tell,
            reraise=True,
        )
        result = retrying(call)
        self.trouble = None
        return result

    def _tell(self, attempt: RetryCallState) -> None:
        error = attempt.outcome.exception() if attempt.outcome else None
        if isinstance(error, VaultError):
            self.trouble = str(error)
            self._log.warning("the store is away, trying again", problem=str(error), attempt=attempt.attempt_number)
            self._note(error)
