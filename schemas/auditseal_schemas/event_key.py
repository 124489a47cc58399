"""The Kafka key of an event: one actor's events keep their order under it (docs/reference/events.md, Ordering)."""

from hashlib import sha256

from auditseal_schemas.event_parts import Actor

LANE_BYTES = 2
"""65,536 lanes: enough to spread over any number of partitions. Many actors share one, so that a key, which outlives
the erasure of an encrypted event, doesn't single out a person as a whole hash of a guessable id would."""


def event_key(tenant: str | None, actor: Actor) -> bytes:
    """Return the first LANE_BYTES of SHA-256(tenant ‖ 00 ‖ actor type ‖ 00 ‖ actor id) in UTF-8, no tenant as empty."""
    return sha256(f"{tenant or ''}\0{actor.type}\0{actor.id}".encode()).digest()[:LANE_BYTES]
