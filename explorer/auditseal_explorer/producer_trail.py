"""The trail of auditors, recorded by our own producer."""

import logging
from functools import partial

from auditseal_explorer.errors import UnrecordedError
from auditseal_explorer.trail import Look
from auditseal_glue.own_events import NotRecordedError, RecordedAction, record_first, record_or_tell
from auditseal_producer.recorder import Recorder
from auditseal_schemas.event import EventFields
from auditseal_schemas.event_parts import Outcome, Reason

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
        record_or_tell(self._recorder, partial(_log_lost, look), **_fields(look))


class StrictTrail:
    """Records by a producer, and waits until the brokers have it: nothing is shown that was not recorded.

    A look that is to be answered has two events with the same correlation id. The first one is recorded before the
    answer is sent, and its outcome is UNKNOWN: the brokers may get it after the explorer gave up waiting for them. The
    second one says whether the look was answered.

    Args:
        recorder: The producer.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def record(self, look: Look) -> None:
        """Record one look, or refuse it."""
        try:
            if look.outcome is not Outcome.SUCCESS:
                record_first(self._recorder, **_fields(look))
                return
            action = RecordedAction(self._recorder, partial(_log_lost, look), **_fields(look))
            action.begin()
        except NotRecordedError as error:
            raise UnrecordedError(f"the look was not recorded, so nothing is shown (--strict): {error}") from error
        action.succeed()


def _log_lost(look: Look, error: BaseException) -> None:
    _log.error("%s of %s was not recorded: %s", look.action, look.actor.id, error)


def _fields(look: Look) -> EventFields:
    return {
        "actor": look.actor,
        "action": look.action,
        "resources": [look.resource],
        "outcome": look.outcome,
        "reason": Reason(text=look.problem) if look.problem else None,
        "category": look.category,
        "attributes": dict(look.attributes),
    }
