"""Event values are checked when made, and can't be changed afterwards."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from auditseal_schemas.errors import EventError
from auditseal_schemas.event import AuditEvent
from auditseal_schemas.event_check import MAX_ITEMS, MAX_TEXT_BYTES
from auditseal_schemas.event_parts import (
    Actor,
    Authorization,
    Category,
    Change,
    Outcome,
    Reason,
    Resource,
    Source,
    Stream,
)

EVENT_ID = "0191e3a0-7b6c-7def-8123-456789abcdef"
NOON = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)


def make_event(**changed: Any) -> AuditEvent:
    fields: dict[str, Any] = {
        "event_id": EVENT_ID,
        "occurred_at": NOON,
        "source": Source(service="billing", environment="test"),
        "actor": Actor("user", "u-1"),
        "action": "approve",
        "resources": [Resource("invoice", "inv-1")],
        "outcome": Outcome.SUCCESS,
        "stream": Stream("s-1", 0),
    }
    return AuditEvent(**(fields | changed))


def test_the_least_event_has_only_what_every_event_must_state() -> None:
    event = make_event()
    assert event.category is Category.OTHER
    assert (event.tenant, event.reason, event.changes, dict(event.attributes)) == (None, None, (), {})
    assert event.resources == (Resource("invoice", "inv-1"),)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"event_id": EVENT_ID.upper()}, "event_id"),
        ({"event_id": "0191e3a0-7b6c-4def-8123-456789abcdef"}, "event_id"),
        ({"event_id": None}, "event_id"),
        ({"schema_version": 0}, "schema_version"),
        ({"schema_version": True}, "schema_version"),
        ({"action": ""}, "action"),
        ({"action": None}, "action"),
        ({"action": 7}, "action"),
        ({"tenant": 7}, "tenant"),
        ({"tenant": "\ud800"}, "tenant"),
        ({"trace_id": "x" * (MAX_TEXT_BYTES + 1)}, "trace_id"),
        ({"trace_id": "é" * (MAX_TEXT_BYTES // 2 + 1)}, "trace_id"),
        ({"occurred_at": datetime(2026, 11, 21)}, "occurred_at"),  # noqa: DTZ001
        ({"occurred_at": 1_763_719_922}, "occurred_at"),
        ({"occurred_at": datetime.min.replace(tzinfo=timezone(timedelta(hours=1)))}, "occurred_at"),
        ({"category": "DATA"}, "category"),
        ({"source": None}, "source"),
        ({"actor": "u-1"}, "actor"),
        ({"outcome": "SUCCESS"}, "outcome"),
        ({"stream": 1}, "stream"),
        ({"reason": "because"}, "reason"),
        ({"authorization": True}, "authorization"),
        ({"resources": []}, "resources"),
        ({"resources": None}, "resources"),
        ({"resources": "invoice/inv-1"}, "resources"),
        ({"resources": [Resource("r", "1"), "invoice/inv-1"]}, "resources[1]"),
        ({"resources": [Resource("r", "1")] * (MAX_ITEMS + 1)}, "resources"),
        ({"changes": None}, "changes"),
        ({"changes": ["name"]}, "changes[0]"),
        ({"changes": [Change("f")] * (MAX_ITEMS + 1)}, "changes"),
        ({"attributes": [("k", "v")]}, "attributes"),
        ({"attributes": {"": "v"}}, "attributes (a key)"),
        ({"attributes": {7: "v"}}, "attributes (a key)"),
        ({"attributes": {"k": None}}, "attributes (a value)"),
        ({"attributes": {str(index): "v" for index in range(MAX_ITEMS + 1)}}, "attributes"),
    ],
)
def test_a_bad_field_is_named(changed: dict[str, Any], field: str) -> None:
    with pytest.raises(EventError) as refusal:
        make_event(**changed)
    assert refusal.value.field == field
    assert str(refusal.value).startswith(f"{field}: ")


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Actor("", "u-1"), "actor.type"),
        (lambda: Actor("user", ""), "actor.id"),
        (lambda: Actor("user", "u-1", user_agent=b"curl"), "actor.user_agent"),  # type: ignore[arg-type]
        (lambda: Resource("invoice", ""), "resources[].id"),
        (lambda: Resource("invoice", "1", parent=2), "resources[].parent"),  # type: ignore[arg-type]
        (Reason, "reason"),
        (lambda: Reason(code=403), "reason.code"),  # type: ignore[arg-type]
        (lambda: Authorization(1), "authorization.granted"),  # type: ignore[arg-type]
        (lambda: Authorization(True, policy="\udfff"), "authorization.policy"),
        (lambda: Change(""), "changes[].field"),
        (lambda: Change("total", before=5), "changes[].before"),  # type: ignore[arg-type]
        (lambda: Source(service="", environment="test"), "source.service"),
        (lambda: Source(service="billing", environment="test", region=1), "source.region"),  # type: ignore[arg-type]
        (lambda: Stream("", 0), "stream.id"),
        (lambda: Stream("s", -1), "stream.sequence"),
        (lambda: Stream("s", True), "stream.sequence"),
        (lambda: Stream("s", 1 << 63), "stream.sequence"),
    ],
)
def test_a_bad_part_is_named(make: Any, field: str) -> None:
    with pytest.raises(EventError) as refusal:
        make()
    assert refusal.value.field == field


def test_evidence_is_not_refused_for_being_odd() -> None:
    actor = Actor("user", "bob\n\x1b[31m'; --", ip="not an address", user_agent="")
    assert make_event(actor=actor, status_code="é" * (MAX_TEXT_BYTES // 2)).actor is actor


def test_a_time_of_any_zone_becomes_utc() -> None:
    event = make_event(occurred_at=NOON.astimezone(timezone(timedelta(hours=5, minutes=30))))
    assert event.occurred_at == NOON
    assert event.occurred_at.tzinfo is UTC


def test_what_the_caller_keeps_can_not_change_the_event() -> None:
    resources, changes, attributes = [Resource("r", "1")], [Change("f")], {"b": "2", "a": "1"}
    event = make_event(resources=resources, changes=changes, attributes=attributes)
    resources.clear()
    changes.clear()
    attributes.clear()
    assert (event.resources, event.changes) == ((Resource("r", "1"),), (Change("f"),))
    assert list(event.attributes.items()) == [("a", "1"), ("b", "2")]
    with pytest.raises(TypeError):
        event.attributes["c"] = "3"  # type: ignore[index]


def test_equal_events_hash_alike() -> None:
    assert hash(make_event(attributes={"a": "1"})) == hash(make_event(attributes={"a": "1"}))
    assert make_event(attributes={"a": "1"}) != make_event(attributes={"a": "2"})
