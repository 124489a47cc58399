"""The stand-ins for a service's own tests check and encode as the producers do."""

import asyncio
from typing import Any

import pytest

from auditseal import AsyncRecordedEvents, RecordedEvents
from auditseal_producer import Actor, EventError, Outcome, Recorder, Resource

FIELDS: dict[str, Any] = {
    "actor": Actor("user", "u-1"),
    "action": "approve",
    "resources": [Resource("invoice", "inv-1")],
    "outcome": Outcome.DENIED,
}


def refuse(audit: Recorder, invoice: str) -> None:
    """Act as a service's code."""
    audit.record(**FIELDS | {"resources": [Resource("invoice", invoice)]})


def test_a_service_can_assert_on_what_it_recorded() -> None:
    audit = RecordedEvents(service="billing")
    refuse(audit, "inv-7")
    event = audit.only_event()
    assert (event.action, event.outcome, event.resources) == (
        "approve",
        Outcome.DENIED,
        (Resource("invoice", "inv-7"),),
    )
    assert (event.source.service, event.source.environment) == ("billing", "test")


def test_receipts_are_there_at_once_and_in_order() -> None:
    audit = RecordedEvents()
    receipts = [audit.record(**FIELDS).result(0) for _ in range(3)]
    assert [receipt.offset for receipt in receipts] == [0, 1, 2]
    assert [receipt.event_id for receipt in receipts] == [event.event_id for event in audit.events]


def test_what_production_would_refuse_is_refused() -> None:
    audit = RecordedEvents()
    with pytest.raises(EventError, match="attributes"):
        audit.record(**FIELDS, attributes={"k": 7})
    with pytest.raises(EventError, match="at most 1000000"):
        audit.record(**FIELDS, attributes={str(number): "x" * 250_000 for number in range(5)})
    assert audit.events == []


@pytest.mark.parametrize("count", [0, 2])
def test_one_event_means_one(count: int) -> None:
    audit = RecordedEvents()
    for _ in range(count):
        audit.record(**FIELDS)
    with pytest.raises(AssertionError, match=f"one event was expected, {count} were recorded"):
        audit.only_event()


def test_coroutines_have_one_too() -> None:
    audit = AsyncRecordedEvents()
    receipt = asyncio.run(audit.record(**FIELDS))
    assert (receipt.offset, audit.only_event().event_id, len(audit.events)) == (0, receipt.event_id, 1)
