"""Events from log lines: those that carry an event, and no others."""

import logging
from typing import Any

import pytest

from auditseal_glue import AuditHandler, audit_context
from auditseal_producer import Actor, AuditsealError, BufferFullError, EventError, Outcome, Resource
from auditseal_producer.testing import RecordedEvents

FIELDS: dict[str, Any] = {"action": "approve", "resources": [Resource("invoice", "7")], "outcome": Outcome.SUCCESS}


def logger_to(handler: logging.Handler) -> logging.Logger:
    logger = logging.Logger("billing", logging.INFO)  # noqa: LOG001  (of this test alone)
    logger.addHandler(handler)
    return logger


def test_a_line_with_an_event_is_recorded() -> None:
    audit = RecordedEvents()
    log = logger_to(AuditHandler(audit))
    log.info("not an event")
    with audit_context(actor=Actor("user", "u-1"), correlation_id="c-1"):
        log.warning("approved %s", 7, extra={"audit": {**FIELDS, "attributes": {"a": "b"}}})
    event = audit.only_event()
    assert (event.event_type, event.action, event.actor.id, event.correlation_id) == ("log", "approve", "u-1", "c-1")
    assert dict(event.attributes) == {
        "a": "b",
        "log.level": "WARNING",
        "log.logger": "billing",
        "log.message": "approved 7",
    }


def test_an_event_that_cannot_be_recorded_is_raised_or_handed_over() -> None:
    audit = RecordedEvents()
    told: list[Any] = []
    extra = {"audit": {**FIELDS, "actor": Actor("user", "u-1")}}
    with audit.buffer_full():
        with pytest.raises(BufferFullError):
            logger_to(AuditHandler(audit)).info("approved", extra=extra)
        handler = AuditHandler(audit, on_failure=lambda error, record: told.append((type(error), record.getMessage())))
        logger_to(handler).info("approved", extra=extra)
    assert told == [(BufferFullError, "approved")]


def test_text_that_is_not_utf_8_loses_no_event() -> None:
    audit = RecordedEvents()
    logger_to(AuditHandler(audit)).info("a\ud800", extra={"audit": {**FIELDS, "actor": Actor("user", "u-1")}})
    assert audit.only_event().attributes["log.message"] == "a?"


@pytest.mark.parametrize(("template", "arguments"), [("%s %s", ("a",)), ("%d", ("x",)), ("no place", ("a",))])
def test_arguments_that_do_not_fit_lose_no_event(template: str, arguments: tuple[str, ...]) -> None:
    audit = RecordedEvents()
    logger_to(AuditHandler(audit)).info(template, *arguments, extra={"audit": {**FIELDS, "actor": Actor("user", "u")}})
    assert audit.only_event().attributes["log.message"] == template


@pytest.mark.parametrize("given", ["x", [1], 0, {1: 2}, {**FIELDS, "attributes": "x"}, {**FIELDS, "attributes": None}])
def test_what_is_not_the_fields_of_an_event_is_an_error_that_says_so(given: Any) -> None:
    told: list[AuditsealError] = []
    log = logger_to(AuditHandler(RecordedEvents(), on_failure=lambda error, _: told.append(error)))
    log.info("x", extra={"audit": given})
    assert "must be a mapping" in str(told[0])
    with pytest.raises(EventError):
        logger_to(AuditHandler(RecordedEvents())).info("x", extra={"audit": given})
