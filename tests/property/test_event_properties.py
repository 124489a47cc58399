"""Over all events: one encoding, which decodes to the same; over all bytes: an event or a DecodeError."""

import tracemalloc
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditseal_schemas.errors import DecodeError
from auditseal_schemas.event import AuditEvent
from auditseal_schemas.event_codec import MAX_EVENT_BYTES, PREFIX_BYTES, decode_event, encode_event
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
from auditseal_schemas.varint import encode_long
from tests.factory import events as events_of_tests

texts = st.text(st.characters(codec="utf-8"), max_size=40)
names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)
maybe = st.none() | texts
events = st.builds(
    AuditEvent,
    event_id=st.uuids(version=4).map(lambda given: f"{str(given)[:14]}7{str(given)[15:]}"),
    event_type=maybe,
    occurred_at=st.datetimes(timezones=st.just(UTC)),
    tenant=maybe,
    category=st.sampled_from(Category),
    source=st.builds(Source, service=names, version=maybe, instance=maybe, environment=names, region=maybe),
    actor=st.builds(Actor, names, names, maybe, maybe, maybe, maybe, maybe, maybe),
    action=names,
    resources=st.lists(st.builds(Resource, names, names, maybe, maybe), min_size=1, max_size=3),
    outcome=st.sampled_from(Outcome),
    status_code=maybe,
    reason=st.none() | st.builds(Reason, texts, maybe) | st.builds(Reason, maybe, texts),
    authorization=st.none() | st.builds(Authorization, st.booleans(), maybe, maybe),
    changes=st.lists(st.builds(Change, names, maybe, maybe), max_size=3),
    trace_id=maybe,
    span_id=maybe,
    correlation_id=maybe,
    stream=st.builds(Stream, names, st.integers(0, (1 << 63) - 1)),
    attributes=st.dictionaries(names, texts, max_size=4),
)
LEAST = encode_event(events_of_tests.LEAST)


@given(events)
def test_an_event_survives_its_encoding(event: AuditEvent) -> None:
    """Decoding encodes again by fastavro and compares: so this also holds our encoder against fastavro's."""
    assert decode_event(encode_event(event)) == event


@given(events)
def test_an_event_survives_json(event: AuditEvent) -> None:
    shown = event_to_json(event)
    stated = {name: value for name, value in shown.items() if name not in {"schema_version", "source", "stream"}}
    assert AuditEvent(source=event.source, stream=event.stream, **fields_from_json(stated)) == event


@given(events, st.data())
def test_a_changed_byte_is_another_event_or_none(event: AuditEvent, data: st.DataObject) -> None:
    encoded = bytearray(encode_event(event))
    at = data.draw(st.integers(0, len(encoded) - 1))
    encoded[at] ^= data.draw(st.integers(1, 255))
    try:
        changed = decode_event(bytes(encoded))
    except DecodeError:
        return
    assert changed != event
    assert encode_event(changed) == bytes(encoded)


@given(st.binary(max_size=400))
def test_any_bytes_are_an_event_or_a_decode_error(body: bytes) -> None:
    encoded = LEAST[:PREFIX_BYTES] + body
    try:
        event = decode_event(encoded)
    except DecodeError:
        return
    assert encode_event(event) == encoded


def test_every_single_bit_and_every_cut_of_a_small_event() -> None:
    original = decode_event(LEAST)
    for at in range(len(LEAST)):
        with pytest.raises(DecodeError):
            decode_event(LEAST[:at])
        for bit in range(8):
            flipped = LEAST[:at] + bytes([LEAST[at] ^ 1 << bit]) + LEAST[at + 1 :]
            try:
                event = decode_event(flipped)
            except DecodeError:
                continue
            assert event != original
            assert encode_event(event) == flipped


RESOURCES_AT = LEAST.index(bytes.fromhex("0261 02 0272")) + 2
TAIL = LEAST[RESOURCES_AT + 7 :]
CHANGES_AT = len(LEAST) - 8


@pytest.mark.parametrize(
    ("head", "item", "tail"),
    [
        (LEAST[:RESOURCES_AT], b"\x00\x00\x00\x00", b"\x00" + TAIL),
        (LEAST[:RESOURCES_AT], b"\x02a\x02b\x00\x00", b"\x00" + TAIL),
        (LEAST[:CHANGES_AT], b"\x00\x00\x00", b"\x00" + LEAST[CHANGES_AT + 1 :]),
        (LEAST[:CHANGES_AT], b"\x02f\x00\x00", b"\x00" + LEAST[CHANGES_AT + 1 :]),
        (LEAST[:-1], b"\x02k\x00", b"\x00"),
    ],
    ids=["empty resources", "resources", "empty changes", "changes", "attributes"],
)
def test_tiny_items_take_at_most_80_bytes_for_each_of_theirs(head: bytes, item: bytes, tail: bytes) -> None:
    count = (MAX_EVENT_BYTES - len(head) - len(tail) - 4) // len(item)
    encoded = head + encode_long(count) + item * count + tail
    tracemalloc.start()
    try:
        with pytest.raises(DecodeError):
            decode_event(encoded)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 80 * len(encoded)


@pytest.mark.parametrize("length", [1 << 20, 1 << 31, (1 << 63) - 1, -1, -(1 << 63)])
def test_a_claimed_length_allocates_nothing(length: int) -> None:
    encoded = LEAST[:PREFIX_BYTES] + encode_long(length) + LEAST[PREFIX_BYTES + 1 :]
    tracemalloc.start()
    try:
        with pytest.raises(DecodeError):
            decode_event(encoded)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1024 * 1024
