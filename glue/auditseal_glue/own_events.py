"""The events by which auditseal records what people and daemons of its own do: the explorer, holds, drills, checks."""

from collections.abc import Callable
from typing import Unpack

from auditseal_producer.errors import PublishError
from auditseal_producer.recorder import Recorder
from auditseal_schemas.errors import AuditsealError, EventError
from auditseal_schemas.event import EventFields

_SECONDS = 10.0
"""How long `record_first` waits for the brokers' answer."""


class NotRecordedError(AuditsealError):
    """An event was not recorded. An action that waits for its event must not be done.

    Attributes:
        may_arrive: Whether the brokers may have the event, or get it later: they did not answer.
    """

    def __init__(self, problem: str, *, may_arrive: bool = False) -> None:
        super().__init__(problem)
        self.may_arrive = may_arrive


def record_first(recorder: Recorder, seconds: float = _SECONDS, **fields: Unpack[EventFields]) -> None:
    """Record an event, and return when the brokers have it: call it before the action.

    Args:
        recorder: The producer.
        seconds: How long to wait.
        **fields: The event.

    Raises:
        NotRecordedError: It was not recorded, or no broker answered in time.
    """
    try:
        pending = recorder.record(**fields)
    except (PublishError, EventError) as error:
        raise NotRecordedError(str(error)) from error
    try:
        pending.result(seconds)
    except (PublishError, TimeoutError) as error:
        raise NotRecordedError(str(error), may_arrive=True) from error


def record_in_background(
    recorder: Recorder, on_end: Callable[[BaseException | None], object], **fields: Unpack[EventFields]
) -> None:
    """Hand an event to a recorder and return at once; what happened must not wait for it.

    Args:
        recorder: The producer.
        on_end: Called once, from another thread: with None if the brokers have it, else with the reason.
        **fields: The event.
    """
    try:
        pending = recorder.record(**fields)
    except (PublishError, EventError) as error:
        on_end(error)
        return
    pending.add_done_callback(lambda done: on_end(done.exception()))
