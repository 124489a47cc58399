"""Terms: the pairs of a field and a value by which an index finds a record (docs/reference/absence.md).

An index commits to all terms of a segment, so that it can prove which records have one, and that no other has.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256

from auditseal_schemas.errors import DecodeError, MalformedError, quoted
from auditseal_schemas.event import AuditEvent
from auditseal_schemas.event_codec import decode_event
from auditseal_schemas.limits import MAX_CONTENT_BYTES
from auditseal_schemas.record import SealedRecord

EXTRACTOR = 1
"""The version of the rules by which a record gives its terms."""
KEY_PREFIX = b"\x02"
"""What a term's hash begins with, as 00 and 01 begin those of leaves and nodes (RFC 6962 section 2.1)."""

Values = Iterable[str | None]

_FIELDS: Mapping[str, Callable[[AuditEvent], Values]] = {
    "event_id": lambda event: (event.event_id,),
    "event_type": lambda event: (event.event_type,),
    "tenant": lambda event: (event.tenant,),
    "category": lambda event: (event.category,),
    "service": lambda event: (event.source.service,),
    "environment": lambda event: (event.source.environment,),
    "region": lambda event: (event.source.region,),
    "actor.type": lambda event: (event.actor.type,),
    "actor.id": lambda event: (event.actor.id,),
    "actor.name": lambda event: (event.actor.name,),
    "session": lambda event: (event.actor.session_id,),
    "on_behalf_of": lambda event: (event.actor.on_behalf_of,),
    "ip": lambda event: (event.actor.ip,),
    "action": lambda event: (event.action,),
    "resource.type": lambda event: (resource.type for resource in event.resources),
    "resource.id": lambda event: (resource.id for resource in event.resources),
    "resource.parent": lambda event: (resource.parent for resource in event.resources),
    "outcome": lambda event: (event.outcome,),
    "status": lambda event: (event.status_code,),
    "reason": lambda event: (event.reason.code if event.reason else None,),
    "granted": lambda event: (str(event.authorization.granted).lower() if event.authorization else None,),
    "change": lambda event: (change.field for change in event.changes),
    "trace": lambda event: (event.trace_id,),
    "correlation": lambda event: (event.correlation_id,),
    "stream": lambda event: (event.stream.id,),
}
PROBLEM = "problem"
"""The field of a record that is not a readable event; its values are those of an index's column of that name."""
TERM_FIELDS = (*_FIELDS, PROBLEM)
"""The names of all fields that give terms, as a filter of a search names them."""


@dataclass(frozen=True, slots=True, order=True)
class Term:
    """A field and a value.

    Raises:
        MalformedError: The field is not one of `TERM_FIELDS`, or the value is longer than a record can be.
    """

    field: str
    value: str

    def __post_init__(self) -> None:
        if self.field not in TERM_FIELDS:
            raise MalformedError("term.field", f"{quoted(self.field)} does not give terms")
        if len(self.value) > MAX_CONTENT_BYTES:
            raise MalformedError("term.value", f"it exceeds {MAX_CONTENT_BYTES} characters")

    @property
    def key(self) -> bytes:
        """The 32 bytes by which terms are sorted: SHA-256(02 ‖ field ‖ 00 ‖ value)."""
        return sha256(KEY_PREFIX + self.field.encode() + b"\x00" + self.value.encode()).digest()


def terms_of(record: SealedRecord) -> frozenset[Term]:
    """Return the terms of a sealed record: those of its event, and its problem if it has one."""
    if record.oversize is not None:
        return frozenset({Term(PROBLEM, "oversize")})
    unreadable = [Term(PROBLEM, "unreadable headers")] if record.headers is None else []
    if record.value is None:
        return frozenset(unreadable or {Term(PROBLEM, "no value")})
    try:
        event = decode_event(record.value)
    except DecodeError:
        return frozenset(unreadable or {Term(PROBLEM, "undecodable")})
    found = (Term(name, value) for name, read in _FIELDS.items() for value in read(event) if value is not None)
    return frozenset((*found, *unreadable))
