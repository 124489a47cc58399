"""Audit events from Python's logging: lines that carry the fields of an event.

    logging.getLogger("billing").addHandler(AuditHandler(audit))
    log.info("approved", extra={"audit": {"action": "approve", "resources": [...], "outcome": Outcome.SUCCESS}})

Lines without these fields are left alone: a line of text says too little for an audit event.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from auditseal_glue.context import with_context
from auditseal_glue.http_event import clean
from auditseal_producer import AuditsealError, EventError, Recorder

OnLogFailure = Callable[[AuditsealError, logging.LogRecord], object]
"""Takes a line whose event could not be recorded."""


class AuditHandler(logging.Handler):
    """Records the event of each line that has an `audit` in its `extra`.

    The context of `audit_context` is added. The line's text, logger and level become attributes `log.message`,
    `log.logger` and `log.level`, its time the event's.

    Args:
        recorder: Takes the events.
        on_failure: Called where an event can't be recorded. Without it the logging call raises the error, since a line
            that is lost in silence is what an audit log must not have.
    """

    def __init__(self, recorder: Recorder, *, on_failure: OnLogFailure | None = None) -> None:
        super().__init__()
        self._recorder = recorder
        self._on_failure = on_failure

    def emit(self, record: logging.LogRecord) -> None:
        """Record a line's event.

        Raises:
            AuditsealError: It can't be recorded, and `on_failure` isn't set.
        """
        given: object = getattr(record, "audit", None)
        if given is None:
            return
        try:
            self._recorder.record(**with_context(_fields(record, _checked(given))))
        except AuditsealError as error:
            if self._on_failure is None:
                raise
            self._on_failure(error, record)


def _checked(given: object) -> Mapping[str, Any]:
    """Return the fields that a line has.

    Raises:
        EventError: They are not fields.
    """
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise EventError("audit", f"must be a mapping of fields by their names, not {type(given).__name__}")
    if not isinstance(given.get("attributes", {}), Mapping):
        raise EventError("attributes", f"must be a mapping of text to text, not {type(given['attributes']).__name__}")
    return given


def _message(record: logging.LogRecord) -> str:
    """Return the line's text; the template alone where its arguments don't fit: the event is not lost for it."""
    try:
        return record.getMessage()
    except Exception:  # __str__ of an argument may raise anything
        return str(record.msg)


def _fields(record: logging.LogRecord, given: Mapping[str, Any]) -> dict[str, Any]:
    attributes = {
        "log.logger": clean(record.name),
        "log.level": clean(record.levelname),
        "log.message": clean(_message(record)),
        **given.get("attributes", {}),
    }
    return {
        "event_type": "log",
        "occurred_at": datetime.fromtimestamp(record.created, UTC),
        **given,
        "attributes": attributes,
    }
