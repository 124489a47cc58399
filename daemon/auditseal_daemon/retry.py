"""Retries of calls to Kafka and to a store: a little longer between two of them each time, up to a bound."""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

import structlog
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    sleep_using_event,
    stop_after_delay,
    stop_never,
    stop_when_event_set,
    wait_random_exponential,
)

from auditseal_schemas.errors import UnavailableError

LONGEST_WAIT = 15.0
"""Seconds between two calls to a store, at most."""
T = TypeVar("T")


def retrying(
    stop: threading.Event,
    is_passing: Callable[[BaseException], bool],
    *,
    multiplier: float = 0.5,
    longest: float = LONGEST_WAIT,
    give_up_after: float | None = None,
    before_sleep: Callable[[RetryCallState], None] | None = None,
) -> Callable[..., Any]:
    """Return what repeats a call while its errors are passing ones, and raises the last error where it gives up.

    Args:
        stop: Ends all waiting; the last error is raised then.
        is_passing: Whether an error may pass by itself.
        multiplier: Seconds of the first wait, at most; each later wait may take twice as long as the one before.
        longest: Seconds of any wait, at most.
        give_up_after: Seconds after which no further call is made; None to continue until `stop` is set.
        before_sleep: Called before each wait.
    """
    bound = stop_never if give_up_after is None else stop_after_delay(give_up_after)

    def repeat(call: Callable[..., T], *arguments: Any, **named: Any) -> T:
        try:  # a call that succeeds has no need of tenacity, which takes longer than a signature
            return call(*arguments, **named)
        except BaseException as error:
            if not is_passing(error):
                raise
            failures = [error]

        def again() -> T:
            if failures:
                raise failures.pop()
            return call(*arguments, **named)

        return Retrying(
            retry=retry_if_exception(is_passing),
            wait=wait_random_exponential(multiplier=multiplier, max=longest),
            stop=stop_when_event_set(stop) | bound,
            sleep=sleep_using_event(stop),
            before_sleep=before_sleep,
            reraise=True,
        )(again)

    return repeat


class StoreRetry:
    """Repeats calls to a store until it answers, or until `stop` is set.

    Attributes:
        problem: Why the store didn't answer the last call; None where it did.
    """

    def __init__(self, stop: threading.Event, on_failure: Callable[[UnavailableError], None]) -> None:
        """Take the event that ends all waiting, and the function to call with each failure."""
        self.problem: str | None = None
        self._on_failure, self._stop = on_failure, stop
        self._log: Any = structlog.get_logger(__name__)

    def run(self, call: Callable[[], T]) -> T:
        """Return the call's result once the store answers.

        Raises:
            UnavailableError: `stop` was set before the store answered.
        """
        result: T = retrying(self._stop, _is_unavailable, before_sleep=self._report)(call)
        self.problem = None
        return result

    def _report(self, attempt: RetryCallState) -> None:
        error = attempt.outcome.exception() if attempt.outcome else None
        if isinstance(error, UnavailableError):
            self.problem = str(error)
            self._log.warning(
                "the store is unreachable, trying again", problem=str(error), attempt=attempt.attempt_number
            )
            self._on_failure(error)


def _is_unavailable(error: BaseException) -> bool:
    return isinstance(error, UnavailableError)
