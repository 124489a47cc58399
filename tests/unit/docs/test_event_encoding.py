"""docs/reference/event-encoding.md says what the code does: schema, limits, key, and its example made again."""

import re
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from fastavro.schema import fingerprint, to_parsing_canonical_form

from auditseal_schemas.errors import DecodeError
from auditseal_schemas.event import SCHEMA_VERSION, AuditEvent
from auditseal_schemas.event_check import MAX_ITEMS, MAX_TEXT_BYTES
from auditseal_schemas.event_codec import MAX_EVENT_BYTES, decode_event, encode_event, schema_name
from auditseal_schemas.event_key import LANE_BYTES, event_key
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
from auditseal_schemas.schema import parsed_schema
from tests.oracle.reader import Refused, read_event

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "event-encoding.md").read_text(encoding="utf-8")
FENCES = {
    (kind, name): body
    for kind, name, body in re.findall(r"^```(\w+) (\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
}

EVENT = AuditEvent(
    event_id="0191e3a0-7b6c-7def-8123-456789abcdef",
    occurred_at=datetime(1970, 1, 1, 0, 0, 2, tzinfo=UTC),
    tenant="acme",
    category=Category.PERMISSION,
    source=Source(service="billing", environment="prod"),
    actor=Actor("user", "u-1", "Zoë"),
    action="grant",
    resources=(Resource("role", "r-7"),),
    outcome=Outcome.DENIED,
    reason=Reason("policy"),
    authorization=Authorization(granted=False),
    changes=(Change("member", None, "u-2"),),
    stream=Stream("s-1", 3),
    attributes={"a": "1", "b": ""},
)


def shown(name: str) -> bytes:
    """Return the bytes that the page shows under a name."""
    return b"".join(bytes.fromhex(line.split(";")[0]) for line in FENCES["hex", name].splitlines())


def test_the_events_schema_on_the_page_is_the_canonical_form_that_the_prefix_is_of() -> None:
    canonical = FENCES["avsc", "event"].replace("\n", "")
    assert canonical == to_parsing_canonical_form(parsed_schema(schema_name(SCHEMA_VERSION)))
    assert shown("event_prefix") == b"\xc3\x01" + bytes.fromhex(fingerprint(canonical, "CRC-64-AVRO"))


def test_the_core_makes_and_reads_the_event_that_the_page_shows() -> None:
    assert encode_event(EVENT).hex() == shown("event").hex()
    assert decode_event(shown("event")) == EVENT


def test_the_second_reader_decodes_the_event_from_the_page_alone() -> None:
    event = read_event(shown("event"))
    assert event["event_id"] == EVENT.event_id
    assert (event["schema_version"], event["occurred_at"], event["tenant"]) == (1, 2_000_000, "acme")
    assert (event["category"], event["outcome"]) == ("PERMISSION", "DENIED")
    assert event["actor"] == {name: getattr(EVENT.actor, name) for name in Actor.__dataclass_fields__}
    assert event["resources"] == [{"type": "role", "id": "r-7", "name": None, "parent": None}]
    assert event["authorization"] == {"granted": False, "permission": None, "policy": None}
    assert event["changes"] == [{"field": "member", "before": None, "after": "u-2"}]
    assert event["stream"] == {"id": "s-1", "sequence": 3}
    assert event["attributes"] == [{"key": "a", "value": "1"}, {"key": "b", "value": ""}]


def test_attributes_in_another_order_are_refused_by_both_readers() -> None:
    first, second = bytes.fromhex("02610231"), bytes.fromhex("026200")
    data = shown("event").replace(first + second, second + first)
    assert data != shown("event")
    with pytest.raises(DecodeError, match="order"):
        decode_event(data)
    with pytest.raises(Refused):
        read_event(data)


def test_the_page_has_the_limits_and_the_key() -> None:
    for limit in (MAX_EVENT_BYTES, MAX_TEXT_BYTES, MAX_ITEMS):
        assert re.search(rf"(?<![\d,]){limit:,}(?![\d,])", PAGE)
    assert event_key(EVENT.tenant, EVENT.actor) == sha256(b"acme\x00user\x00u-1").digest()[:LANE_BYTES]
    assert f"first {LANE_BYTES} bytes of `SHA-256(tenant ‖ 00 ‖ actor.type ‖ 00 ‖ actor.id)`" in " ".join(PAGE.split())
