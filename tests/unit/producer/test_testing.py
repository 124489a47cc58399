"""The stand-ins for a service's own tests check and encode as the producers do."""

import asyncio
import inspect
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from auditseal import AsyncRecordedEvents, RecordedEvents
from auditseal_producer import (
    Actor,
    AsyncAuditProducer,
    AuditProducer,
    BrokerUnavailableError,
    BufferFullError,
    DecodeError,
    DeliveryError,
    EventError,
    Outcome,
    ProducerClosedError,
    Recorder,
    Resource,
    UndeliveredError,
)

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


def test_it_has_what_a_producer_has() -> None:
    with RecordedEvents() as audit:
        audit.check_broker(5)
        audit.record(**FIELDS)
        audit.flush(5)
        assert audit.counts == (1, 0, 0, 0)
    audit.close(5)
    with pytest.raises(ProducerClosedError):
        audit.record(**FIELDS)
    assert audit.counts == (1, 0, 1, 0)


def test_a_service_can_be_tried_with_a_full_buffer() -> None:
    audit = RecordedEvents()
    with audit.buffer_full(), pytest.raises(BufferFullError):
        audit.record(**FIELDS)
    assert audit.record(**FIELDS).stream.sequence == 0
    assert audit.counts == (1, 0, 1, 0)


def test_a_service_can_be_tried_without_brokers() -> None:
    saved: list[DeliveryError] = []
    audit = RecordedEvents(on_error=saved.append)
    with audit.brokers_down():
        with pytest.raises(BrokerUnavailableError):
            audit.check_broker(5)
        pending = audit.record(**FIELDS)
    assert pending.exception(0) is saved[0] is audit.failures[0]
    assert (audit.events, audit.counts) == ([], (0, 1, 0, 0))
    with pytest.raises(UndeliveredError, match="1 failed"):
        audit.flush(5)
    audit.flush(5)
    receipt = audit.republish(saved[0].encoded).result(0)
    assert (receipt.event_id, receipt.stream) == (pending.event_id, pending.stream)
    assert audit.record(**FIELDS).stream.sequence == 1
    with pytest.raises(DecodeError):
        audit.republish(b"")


def test_the_end_of_a_block_raises_what_failed() -> None:
    with pytest.raises(UndeliveredError), RecordedEvents() as audit, audit.brokers_down():
        audit.record(**FIELDS)


def test_coroutines_have_all_of_it() -> None:
    async def run() -> AsyncRecordedEvents:
        async with AsyncRecordedEvents() as audit:
            await audit.check_broker(5)
            with audit.buffer_full(), pytest.raises(BufferFullError):
                await audit.record(**FIELDS)
            with audit.brokers_down(), pytest.raises(DeliveryError):
                await audit.record(**FIELDS)
            with pytest.raises(UndeliveredError):
                await audit.flush(5)
            await audit.republish(audit.failures[0].encoded)
        await audit.close(5)
        return audit

    assert asyncio.run(run()).counts == (1, 1, 1, 0)


def test_a_pause_is_recorded_as_in_production() -> None:
    audit = RecordedEvents(service="billing")
    receipt = audit.pause(datetime(2026, 11, 29, 1, tzinfo=timezone(timedelta(hours=1)))).result(0)
    event = audit.only_event()
    assert (event.event_type, event.action, event.actor) == (
        "auditseal.stream.paused",
        "paused",
        Actor("service", "billing"),
    )
    assert event.resources == (Resource("stream", receipt.stream.id),)
    assert event.attributes["until"] == "2026-11-29T00:00:00Z"
    with pytest.raises(EventError, match="until: has no time zone"):
        audit.pause(datetime(2026, 11, 29))  # noqa: DTZ001  (which is the case to be tested)


@pytest.mark.parametrize("kinds", [(AuditProducer, RecordedEvents), (AsyncAuditProducer, AsyncRecordedEvents)])
def test_nothing_public_is_missing(kinds: tuple[type, type]) -> None:
    real, recorded = ({name for name in dir(kind) if not name.startswith("_")} for kind in kinds)
    assert real <= recorded
    for name in real:
        if callable(getattr(kinds[0], name)):
            assert inspect.signature(getattr(kinds[0], name)) == inspect.signature(getattr(kinds[1], name))
