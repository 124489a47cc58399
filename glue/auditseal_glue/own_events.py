"""The events by which auditseal records what people and daemons of its own do: the explorer, holds, drills, checks."""

from collections.abc import Callable
from typing import Unpack
from uuid import uuid4

from auditseal_producer.errors import PublishError
from auditseal_producer.recorder import Recorder
from auditseal_schemas.errors import AuditsealError, EventError
from auditseal_schemas.event import EventFields
from auditseal_schemas.event_parts import Outcome, Reason

_SECONDS = 10.0
"""How long `record_first` waits for the brokers' answer."""
_BEFORE = Reason(text="this is recorded before it is done; another event says what came of it")


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


def record_or_tell(
    recorder: Recorder, on_lost: Callable[[BaseException], object], **fields: Unpack[EventFields]
) -> None:
    """Do as `record_in_background`, and call a function with the reason only if the event was not recorded."""

    def tell(error: BaseException | None) -> None:
        if error:
            on_lost(error)

    record_in_background(recorder, tell, **fields)


class RecordedAction:
    """An action with two events of one correlation id: UNKNOWN before it is done, and its outcome afterwards.

    An event that was recorded before cannot say SUCCESS: the action may fail, and the brokers may get the event after
    its action was given up.

    Args:
        recorder: The producer.
        on_lost: Called, from another thread, with the reason why the second event was not recorded.
        **fields: The event of the action when it has succeeded.
    """

    def __init__(
        self, recorder: Recorder, on_lost: Callable[[BaseException], object], **fields: Unpack[EventFields]
    ) -> None:
        self._recorder, self._on_lost = recorder, on_lost
        self._fields: EventFields = {**fields, "correlation_id": uuid4().hex}

    def begin(self) -> None:
        """Record that the action begins, and return when the brokers have it.

        Raises:
            NotRecordedError: It was not recorded, so the action must not be done.
        """
        before: EventFields = {**self._fields, "outcome": Outcome.UNKNOWN, "reason": _BEFORE}
        try:
            record_first(self._recorder, **before)
        except NotRecordedError as error:
            if error.may_arrive:
                self.fail(str(error))
            raise

    def succeed(self) -> None:
        """Hand the event of the action to the recorder: it is done."""
        record_or_tell(self._recorder, self._on_lost, **self._fields)

    def fail(self, problem: str, outcome: Outcome = Outcome.FAILURE) -> None:
        """Hand the event of an action that was not done to the recorder; UNKNOWN where it may have been done."""
        fields: EventFields = {**self._fields, "outcome": outcome, "reason": Reason(text=problem)}
        record_or_tell(self._recorder, self._on_lost, **fields)
