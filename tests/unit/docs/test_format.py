"""docs/reference/format.md says what the code does: its schemas, its limits, and its worked example made again."""

import re
from base64 import b64encode
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from fastavro.schema import fingerprint, to_parsing_canonical_form

from auditseal_schemas.block import Block
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
from auditseal_schemas.limits import (
    MAX_BLOCK_BYTES,
    MAX_CHUNK_BYTES,
    MAX_CONTENT_BYTES,
    MAX_EXTENSIONS,
    MAX_GAPS,
    MAX_HEADER_BYTES,
    MAX_HEIGHT,
    MAX_KEYS,
    MAX_NOTE_BYTES,
    MAX_NOTE_SIGNATURES,
    MAX_OBJECT_BYTES,
    MAX_RECORDS,
)
from auditseal_schemas.log import LogState
from auditseal_schemas.record import next_link
from auditseal_schemas.schema import parsed_schema, schema_text
from auditseal_schemas.trust import Trust
from auditseal_schemas.verdict import Verdict
from auditseal_schemas.verification import RECORDS, verify
from tests.oracle.reader import Refused, read_block, read_event
from tests.oracle.verifier import Log
from tests.vectors.example import MESSAGES, ORIGIN, example_block

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "format.md").read_text(encoding="utf-8")
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
    """Return the bytes that the page shows under a name; in the object a line may name other bytes of the page."""
    references = {
        "avsc": FENCES["avsc", "sealed_record"].rstrip("\n").encode(),
        "checkpoint": FENCES["text", "checkpoint"].encode(),
    }
    data = b""
    for line in FENCES["hex", name].splitlines():
        word = line.split(";")[0].strip()
        if word in {"header", "locators"}:
            data += b64encode(shown(word))
        elif word == "data_block":
            data += shown(word)
        else:
            data += references.get(word) or bytes.fromhex(word)
    return data


def trust() -> Trust:
    return Trust.parse(FENCES["text", "trust"].encode())


@pytest.mark.parametrize("name", ["sealed_record", "block_header"])
def test_the_schemas_on_the_page_are_those_of_the_package(name: str) -> None:
    assert FENCES["avsc", name].encode() == schema_text(name) + b"\n"


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


def test_the_events_limits_and_key_stand_on_the_page() -> None:
    section = PAGE[PAGE.index("## 3. ") : PAGE.index("## 4. ")]
    for limit in (MAX_EVENT_BYTES, MAX_TEXT_BYTES, MAX_ITEMS):
        assert re.search(rf"(?<![\d,]){limit:,}(?![\d,])", section)
    assert event_key(EVENT) == sha256(b"acme\x00user\x00u-1").digest()[:LANE_BYTES]
    assert f"first {LANE_BYTES} bytes of `SHA-256(tenant ‖ 00 ‖ actor.type ‖ 00 ‖ actor.id)`" in section


def test_the_core_makes_the_objects_bytes_that_the_page_shows() -> None:
    assert example_block().format() == shown("object")
    assert shown("object_sha256") == sha256(shown("object")).digest()


def test_the_core_makes_every_part_that_the_page_shows() -> None:
    block = example_block()
    first, second = block.encoded_records()
    link = next_link(ORIGIN.genesis_link, first)
    (chunk,) = block.chunks
    made = {
        "genesis_link": ORIGIN.genesis_link,
        "record_0": first,
        "record_1": second,
        "link_0": link,
        "link_1": next_link(link, second),
        "locators": block.locators,
        "events_root": block.header.events_root,
        "data_block": chunk.prefix + chunk.deflated,
        "header": block.header.format(),
        "leaf": block.leaf,
    }
    assert {name: shown(name).hex() for name in made} == {name: data.hex() for name, data in made.items()}


def test_the_formulas_on_the_page_give_what_it_shows() -> None:
    assert shown("genesis_link") == sha256(b"auditseal/v1\na.example/t/0/0\n").digest()
    assert shown("link_0") == sha256(b"\x00" + shown("genesis_link") + shown("record_0")).digest()
    assert shown("link_1") == sha256(b"\x00" + shown("link_0") + shown("record_1")).digest()
    assert shown("locators") == shown("link_0")[:2] + shown("link_1")[:2]
    assert shown("events_root") == sha256(b"\x01" + shown("link_0") + shown("link_1")).digest()
    assert shown("leaf") == sha256(b"\x00" + shown("header")).digest()
    for committed in ("data_block", "locators"):
        assert sha256(shown(committed)).digest() in shown("header")
    assert FENCES["text", "checkpoint"].startswith(f"{ORIGIN}\n1\n{b64encode(shown('leaf')).decode()}\n\n— {ORIGIN} ")


def test_the_core_verifies_the_object_on_the_page() -> None:
    (pinned,) = trust().logs
    block = Block.parse(shown("object"))
    state = LogState.genesis(pinned.origin, pinned.keys).accept(block)
    verify(block, RECORDS)
    assert (state.height, state.next_offset) == (1, 3)
    assert [record.value for record in block.records()] == [message.content for message in MESSAGES]


def test_the_second_reader_verifies_the_object_on_the_page() -> None:
    (pinned,) = trust().logs
    log = Log(str(pinned.origin), [str(key) for key in pinned.keys])
    records = log.accept(read_block(shown("object")))
    assert [(record["offset"], record["timestamp"], record["key"], record["value"]) for record in records] == [
        (0, 1000, b"k", b"one"),
        (2, 999, None, b"two"),
    ]
    assert records[0]["headers"] == [{"key": "h", "value": b"v"}, {"key": "n", "value": None}]


def test_every_limit_and_every_verdict_stands_on_the_page() -> None:
    limits = (
        *(MAX_BLOCK_BYTES, MAX_CHUNK_BYTES, MAX_CONTENT_BYTES, MAX_CONTENT_BYTES + 64, MAX_GAPS, MAX_HEADER_BYTES),
        *(MAX_NOTE_BYTES, MAX_OBJECT_BYTES, MAX_RECORDS, MAX_KEYS, MAX_EXTENSIONS, MAX_NOTE_SIGNATURES),
    )
    missing = [limit for limit in limits if not re.search(rf"(?<![\d,]){limit:,}(?![\d,])", PAGE)]
    assert not missing
    assert str(MAX_HEIGHT) in PAGE
    assert [verdict for verdict in Verdict if verdict not in PAGE] == []
