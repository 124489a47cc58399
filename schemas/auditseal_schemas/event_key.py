"""The Kafka key of an event: one actor's events keep their order under it (docs/reference/events.md, Ordering)."""

from hashlib import sha256

from auditseal_schemas.event import AuditEvent

LANE_BYTES = 2
"""65,536 lanes: enough to spread over any number of partitions. Many actors share one, so that a key, which outlives
the erasure of an encrypted event, doesn't single out a person as a whole hash of a guessable id would."""


def event_key(event: AuditEvent) -> bytes:
    """Return the first LANE_BYTES of SHA-256(tenant ‖ 00 ‖ actor type ‖ 00 ‖ actor id) in UTF-8, no tenant as empty."""
    # By the method of str: a subclass, such as an enum of texts, may format itself as something else.
    texts = ("" if event.tenant is None else event.tenant, event.actor.type, event.actor.id)
    return sha256(b"\0".join(map(str.encode, texts))).digest()[:LANE_BYTES]
