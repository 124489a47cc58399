"""Audit events: one with every field, and one with none that may be left out."""

from datetime import UTC, datetime

from auditseal_schemas.event import AuditEvent
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

FULL = AuditEvent(
    event_id="0191e3a0-7b6c-7def-8123-456789abcdef",
    event_type="invoice.approved",
    occurred_at=datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC),
    tenant="acme",
    category=Category.DATA,
    source=Source(service="billing", version="1.4.2", instance="pod-7", environment="production", region="eu-1"),
    actor=Actor("user", "u-1", "Zoë", "oidc", "s-9", "u-2", "192.0.2.7", "Mozilla/5.0"),
    action="approve",
    resources=(Resource("invoice", "inv-1", "Invoice 1", "folder-3"), Resource("ledger", "l-1")),
    outcome=Outcome.DENIED,
    status_code="403",
    reason=Reason("limit", "over the approver's limit"),
    authorization=Authorization(False, "invoice.approve", "role:clerk"),
    changes=(Change("state", "open", "open"), Change("note", None, "")),
    trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
    span_id="00f067aa0ba902b7",
    correlation_id="c-33",
    stream=Stream("0191e3a0-0000-7000-8000-000000000001", 1 << 40),
    attributes={"zeta": "1", "alpha": "ü" * 1000},
)
LEAST = AuditEvent(
    event_id="0191e3a0-7b6c-7def-8123-456789abcdef",
    occurred_at=datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
    source=Source(service="s", environment="e"),
    actor=Actor("t", "i"),
    action="a",
    resources=(Resource("r", "1"),),
    outcome=Outcome.SUCCESS,
    stream=Stream("x", 3),
)
