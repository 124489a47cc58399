"""An outbox: an event is committed with the database transaction that it tells about, and published afterwards.

Neither is there without the other: a transaction that is rolled back leaves no event, and a crash after the commit
loses none. The relay publishes each event at least once, with the `event_id` that it got in the transaction.
"""

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, String, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from uuid_utils import uuid7

from auditseal import Recorder
from auditseal_schemas.event import AuditEvent
from auditseal_schemas.event_codec import encode_event
from auditseal_schemas.event_json import fields_from_json
from auditseal_schemas.event_parts import Source, Stream

_ANY_SOURCE, _ANY_STREAM = Source(service="invoices", environment="production"), Stream("outbox", 0)
_AT_ONCE = 500  # events that the relay reads and publishes together


class Base(DeclarativeBase):
    """The service's tables."""


class Invoice(Base):
    """What the service is about."""

    __tablename__ = "invoice"
    id: Mapped[str] = mapped_column(String, primary_key=True)
    status: Mapped[str] = mapped_column(String, default="open")


class OutboxEvent(Base):
    """An event that waits to be published: the fields of `record` as JSON."""

    __tablename__ = "audit_outbox"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    fields: Mapped[dict[str, Any]] = mapped_column(JSON)


def add_event(session: Session, **fields: Any) -> None:
    """Add an event to the transaction, with its id and time."""
    stamped = {"event_id": str(uuid7()), "occurred_at": datetime.now(UTC).isoformat(), **fields}
    # An event that can't be published fails the transaction: in the outbox it would keep all later ones from Kafka.
    encode_event(
        AuditEvent(source=_ANY_SOURCE, stream=_ANY_STREAM, **fields_from_json(json.loads(json.dumps(stamped))))
    )
    session.add(OutboxEvent(fields=stamped))


def approve(session: Session, invoice: str, user: str) -> None:
    """Approve an invoice: both rows are committed by the caller, or none."""
    found = session.get_one(Invoice, invoice)
    before, found.status = found.status, "approved"
    add_event(
        session,
        actor={"type": "user", "id": user},
        action="invoice.approve",
        resources=[{"type": "invoice", "id": invoice}],
        outcome="SUCCESS",
        changes=[{"field": "status", "before": before, "after": "approved"}],
    )


def relay(session: Session, audit: Recorder, timeout: float = 30) -> int:
    """Publish what is in the outbox, in order; delete what the brokers have, and return its number.

    One relay runs at a time. Where it ends in between, the next one publishes the rest, and perhaps some events twice.
    """
    published = 0
    while rows := session.scalars(select(OutboxEvent).order_by(OutboxEvent.number).limit(_AT_ONCE)).all():
        pending = [audit.record(**fields_from_json(row.fields)) for row in rows]
        for row, handle in zip(rows, pending, strict=True):
            handle.result(timeout)
            session.delete(row)
        session.commit()
        published += len(rows)
    return published
