"""The audit event: one audited action, as a frozen value that is checked when made (docs/reference/events.md)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Required, TypedDict

from auditseal_schemas.errors import EventError
from auditseal_schemas.event_attributes import NO_ATTRIBUTES, freeze_attributes
from auditseal_schemas.event_check import all_plain, check_kind, freeze_items, freeze_part, freeze_texts
from auditseal_schemas.event_id import is_event_id
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
from auditseal_schemas.event_time import utc_time

SCHEMA_VERSION = 1
"""The version that is written; `avro/audit_event.v<n>.avsc` are all that can be read."""

_OPTIONAL_TEXTS = ("event_type", "tenant", "status_code", "trace_id", "span_id", "correlation_id")
_NO_CHANGES: tuple[Change, ...] = ()


class EventFields(TypedDict, total=False):
    """What a service says of an event; the producer stamps the rest.

    `event_id` is for a retry of an event recorded before (a UUIDv7; stamped otherwise), `occurred_at` for an event that
    is recorded later than it happened (aware; now otherwise).
    """

    actor: Required[Actor]
    action: Required[str]
    resources: Required[Sequence[Resource]]
    outcome: Required[Outcome]
    category: Category
    event_type: str | None
    event_id: str
    occurred_at: datetime
    tenant: str | None
    status_code: str | None
    reason: Reason | None
    authorization: Authorization | None
    changes: Sequence[Change]
    trace_id: str | None
    span_id: str | None
    correlation_id: str | None
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """One audited action; the fields are those of `avro/audit_event.v1.avsc`.

    Sequences become tuples, `attributes` a read-only mapping in the order of its keys' UTF-8 bytes, `occurred_at` UTC.

    Raises:
        EventError: A field is of the wrong type or beyond its limit; `field` says which.
    """

    event_id: str
    schema_version: int = SCHEMA_VERSION
    event_type: str | None = None
    occurred_at: datetime
    tenant: str | None = None
    category: Category = Category.OTHER
    source: Source
    actor: Actor
    action: str
    resources: Sequence[Resource]
    outcome: Outcome
    status_code: str | None = None
    reason: Reason | None = None
    authorization: Authorization | None = None
    changes: Sequence[Change] = _NO_CHANGES
    trace_id: str | None = None
    span_id: str | None = None
    correlation_id: str | None = None
    stream: Stream
    # A mapping has no hash; the event's id tells events apart well enough.
    attributes: Mapping[str, str] = field(default_factory=lambda: NO_ATTRIBUTES, hash=False)

    def __post_init__(self) -> None:
        self._check_identity()
        self._check_parts()
        object.__setattr__(self, "occurred_at", utc_time("occurred_at", self.occurred_at))
        if self.attributes is not NO_ATTRIBUTES:
            object.__setattr__(self, "attributes", freeze_attributes(self.attributes))

    def _check_identity(self) -> None:
        if not (isinstance(self.event_id, str) and is_event_id(self.event_id)):
            raise EventError("event_id", "must be a UUIDv7 in lower case, such as auditseal stamps itself")
        if type(self.schema_version) is not int or self.schema_version < 1:
            raise EventError("schema_version", "must be a number from 1 up")
        if not (
            self.action
            and all_plain(
                self.action,
                self.event_type,
                self.tenant,
                self.status_code,
                self.trace_id,
                self.span_id,
                self.correlation_id,
            )
        ):
            freeze_texts("", self, ("action",), _OPTIONAL_TEXTS)

    def _check_parts(self) -> None:
        check_kind("category", self.category, Category)
        check_kind("outcome", self.outcome, Outcome)
        if type(self.source) is not Source:
            self._freeze_part("source", Source)
        if type(self.actor) is not Actor:
            self._freeze_part("actor", Actor)
        if type(self.stream) is not Stream:
            self._freeze_part("stream", Stream)
        if self.reason is not None and type(self.reason) is not Reason:
            self._freeze_part("reason", Reason)
        if self.authorization is not None and type(self.authorization) is not Authorization:
            self._freeze_part("authorization", Authorization)
        object.__setattr__(self, "resources", freeze_items("resources", self.resources, Resource, least=1))
        if self.changes is not _NO_CHANGES:
            object.__setattr__(self, "changes", freeze_items("changes", self.changes, Change, least=0))

    def _freeze_part(self, name: str, kind: type) -> None:
        object.__setattr__(self, name, freeze_part(name, getattr(self, name), kind))
