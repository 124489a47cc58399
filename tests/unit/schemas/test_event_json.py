"""Events from and to JSON objects."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from auditseal_schemas.errors import EventError
from auditseal_schemas.event import AuditEvent
from auditseal_schemas.event_json import event_to_json, fields_from_json
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

LEAST: dict[str, Any] = {
    "actor": {"type": "user", "id": "u-1"},
    "action": "approve",
    "resources": [{"type": "invoice", "id": "inv-1"}],
    "outcome": "SUCCESS",
}
FULL = LEAST | {
    "event_id": "0191e3a0-7b6c-7def-8123-456789abcdef",
    "event_type": "invoice.approved",
    "occurred_at": "2026-11-21T13:00:00.5+01:00",
    "tenant": "acme",
    "category": "DATA",
    "status_code": "200",
    "reason": {"code": "ok"},
    "authorization": {"granted": False, "policy": "role:clerk"},
    "changes": [{"field": "state", "before": "open", "after": None}],
    "correlation_id": None,
    "attributes": {"a": "1"},
}


def test_a_json_object_becomes_fields() -> None:
    assert fields_from_json(FULL) == {
        "actor": Actor("user", "u-1"),
        "action": "approve",
        "resources": [Resource("invoice", "inv-1")],
        "outcome": Outcome.SUCCESS,
        "event_id": "0191e3a0-7b6c-7def-8123-456789abcdef",
        "event_type": "invoice.approved",
        "occurred_at": datetime(2026, 11, 21, 12, 0, 0, 500_000, tzinfo=UTC),
        "tenant": "acme",
        "category": Category.DATA,
        "status_code": "200",
        "reason": Reason("ok"),
        "authorization": Authorization(False, policy="role:clerk"),
        "changes": [Change("state", "open")],
        "correlation_id": None,
        "attributes": {"a": "1"},
    }


@pytest.mark.parametrize("name", ["reason", "authorization"])
def test_null_stands_for_an_optional_part(name: str) -> None:
    assert fields_from_json(LEAST | {name: None})[name] is None  # type: ignore[literal-required]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ([], "an event must be a JSON object, not list"),
        (LEAST | {"colour": "red"}, "unknown field 'colour'; known: actor, action"),
        ({key: LEAST[key] for key in LEAST if key != "outcome"}, "outcome is missing"),
        (LEAST | {"actor": "u-1"}, "actor: must be a JSON object, not str"),
        (LEAST | {"actor": {"id": "u-1"}}, "actor: type is missing"),
        (LEAST | {"actor": {"type": "user", "id": "u-1", "age": "7"}}, "actor: unknown field 'age'"),
        (LEAST | {"resources": {}}, "resources: must be a JSON array, not dict"),
        (LEAST | {"resources": [{"type": "r", "id": "1"}, 7]}, "resources[1]: must be a JSON object, not int"),
        (LEAST | {"outcome": "success"}, "outcome: must be one of SUCCESS, FAILURE, DENIED, UNKNOWN"),
        (LEAST | {"category": None}, "category: must be one of ACCESS"),
        (LEAST | {"occurred_at": 1}, "occurred_at: must be an RFC 3339 time, not int"),
        (LEAST | {"occurred_at": "yesterday"}, "occurred_at: 'yesterday' is not an RFC 3339 time"),
        (LEAST | {"reason": "because"}, "reason: must be a JSON object, not str"),
    ],
)
def test_anything_else_is_refused_by_name(line: object, problem: str) -> None:
    with pytest.raises(EventError) as refusal:
        fields_from_json(line)
    assert problem in str(refusal.value)


def test_an_event_becomes_json_and_its_fields_come_back() -> None:
    fields = fields_from_json(FULL)
    event = AuditEvent(source=Source(service="s", environment="e"), stream=Stream("x", 0), **fields)
    shown = json.loads(json.dumps(event_to_json(event)))
    assert shown["occurred_at"] == "2026-11-21T12:00:00.500000Z"
    assert shown["changes"] == [{"field": "state", "before": "open"}]
    stamped = {"schema_version", "source", "stream"}
    stated = {name: value for name, value in shown.items() if name not in stamped}
    assert fields_from_json(stated) == {name: value for name, value in fields.items() if value is not None}


def test_what_says_nothing_is_left_out() -> None:
    event = AuditEvent(
        event_id="0191e3a0-7b6c-7def-8123-456789abcdef",
        occurred_at=datetime(2026, 11, 21, tzinfo=UTC),
        source=Source(service="s", environment="e"),
        stream=Stream("x", 0),
        **fields_from_json(LEAST),
    )
    assert event_to_json(event) == LEAST | {
        "event_id": "0191e3a0-7b6c-7def-8123-456789abcdef",
        "schema_version": 1,
        "occurred_at": "2026-11-21T00:00:00.000000Z",
        "category": "OTHER",
        "source": {"service": "s", "environment": "e"},
        "stream": {"id": "x", "sequence": 0},
    }
