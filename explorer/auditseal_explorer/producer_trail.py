"""The trail of auditors, recorded by our own producer."""

import logging
from dataclasses import replace
from uuid import uuid4

from auditseal_explorer.errors import UnrecordedError
from auditseal_explorer.trail import Look
from auditseal_glue.own_events import NotRecordedError, record_first, record_in_background
from auditseal_producer.recorder import Recorder
from auditseal_schemas.event import EventFields
from auditseal_schemas.event_parts import Outcome, Reason

_BEFORE = "this is recorded before the answer is sent; another event says whether it was"
_log = logging.getLogger(__name__)


class ProducerTrail:
    """Records by a producer, and does not wait: a look that can't be recorded is logged, and answered.

    Args:
        recorder: The producer.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def record(self, look: Look) -> None:
        """Hand the event to the producer."""
        self._record_later(look)

    def _record_later(self, look: Look, correlation_id: str | None = None) -> None:
        def log_failure(error: BaseException | None) -> None:
            if error:
                _log.error("%s of %s was not recorded: %s", look.action, look.actor.id, error)

        record_in_background(self._recorder, log_failure, **_fields(look, correlation_id))


class StrictTrail(ProducerTrail):
    """Records by a producer, and waits until the brokers have it: nothing is shown that was not recorded.

    A look that is to be answered has two events with the same correlation id. The first one is recorded before the
    answer is sent, and its outcome is UNKNOWN: the brokers may get it after the explorer gave up waiting for them. The
    second one says whether the look was answered.
    """

    def record(self, look: Look) -> None:
        """Record one look, or refuse it."""
        if look.outcome is not Outcome.SUCCESS:
            self._record_first(look)
            return
        correlation_id = uuid4().hex
        try:
            self._record_first(replace(look, outcome=Outcome.UNKNOWN, problem=_BEFORE), correlation_id)
        except UnrecordedError as error:
            if error.may_arrive:
                self._record_later(replace(look, outcome=Outcome.FAILURE, problem=str(error)), correlation_id)
            raise
        self._record_later(look, correlation_id)

    def _record_first(self, look: Look, correlation_id: str | None = None) -> None:
        try:
            record_first(self._recorder, **_fields(look, correlation_id))
        except NotRecordedError as error:
            problem = f"the look was not recorded, so nothing is shown (--strict): {error}"
            raise UnrecordedError(problem, may_arrive=error.may_arrive) from error


def _fields(look: Look, correlation_id: str | None) -> EventFields:
    return {
        "actor": look.actor,
        "action": look.action,
        "resources": [look.resource],
        "outcome": look.outcome,
        "reason": Reason(text=look.problem) if look.problem else None,
        "category": look.category,
        "correlation_id": correlation_id,
        "attributes": dict(look.attributes),
    }
