"""The quick encoder of plain events against `AuditEvent` and `encode_event`, over what a service may say.

`encode_event` in turn is held against fastavro by `test_event_properties`.
"""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from auditseal_schemas.errors import EventError
from auditseal_schemas.event import AuditEvent, EventFields
from auditseal_schemas.event_check import MAX_ITEMS
from auditseal_schemas.event_codec import MAX_EVENT_BYTES, decode_event, encode_event
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
from auditseal_schemas.event_plain import PlainEventEncoder

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EVENT_ID, OTHER_ID = "0191e3a0-7b6c-7def-8123-456789abcdef", "ffffffff-ffff-7fff-bfff-ffffffffffff"
SOURCE = Source(service="billing", instance="zoë", environment="t" * 70)
STREAM = Stream("s-1", 7)
ENCODER = PlainEventEncoder(SOURCE, STREAM)
LEAST: dict[str, Any] = {
    "actor": Actor("user", "u-1"),
    "action": "read",
    "resources": [Resource("invoice", "1")],
    "outcome": Outcome.SUCCESS,
}

lengths = st.sampled_from([0, 1, 2, 62, 63, 64, 65, 127, 128, 8_190, 8_191])
ascii_texts = lengths.map("x".__mul__) | st.text(st.characters(codec="ascii"), max_size=20)
ascii_names = ascii_texts.filter(bool)
maybe = st.none() | ascii_texts
plain_fields = st.fixed_dictionaries(
    {
        "actor": st.builds(Actor, ascii_names, ascii_names, maybe, maybe, maybe, maybe, maybe, maybe),
        "action": ascii_names,
        "resources": st.lists(st.builds(Resource, ascii_names, ascii_names, maybe, maybe), min_size=1, max_size=3)
        | st.builds(Resource, ascii_names, ascii_names).map(lambda resource: (resource,)),
        "outcome": st.sampled_from(Outcome),
    },
    optional={
        "category": st.sampled_from(Category),
        "event_type": maybe,
        "event_id": st.sampled_from([EVENT_ID, OTHER_ID]),
        "occurred_at": st.datetimes(timezones=st.just(UTC)),
        "tenant": maybe,
        "status_code": maybe,
        "reason": st.none() | st.builds(Reason, ascii_texts, maybe) | st.builds(Reason, maybe, ascii_texts),
        "authorization": st.none() | st.builds(Authorization, st.booleans(), maybe, maybe),
        "changes": st.lists(st.builds(Change, ascii_names, maybe, maybe), max_size=3),
        "trace_id": maybe,
        "span_id": maybe,
        "correlation_id": maybe,
        "attributes": st.dictionaries(ascii_names, ascii_texts, max_size=4),
    },
)


def encoded(fields: dict[str, Any], microseconds: int = 1, number: int = 0) -> bytes | None:
    unnumbered = ENCODER.encode(EVENT_ID, microseconds, cast("EventFields", fields))
    return None if unnumbered is None else unnumbered.numbered(number)


def expected(fields: dict[str, Any], microseconds: int = 1, number: int = 0) -> bytes:
    time, stream = EPOCH + timedelta(microseconds=microseconds), Stream(STREAM.id, number)
    stamped: dict[str, Any] = {"event_id": EVENT_ID, "occurred_at": time}
    return encode_event(AuditEvent(**(stamped | fields), source=SOURCE, stream=stream))


@given(plain_fields, st.integers(-(1 << 40), 1 << 54), st.integers(0, (1 << 63) - 1))
@example(LEAST, (1 << 13) - 1, (1 << 13) - 1)
@example(LEAST, 1 << 13, 1 << 13)
def test_a_plain_event_has_its_one_encoding(fields: dict[str, Any], microseconds: int, number: int) -> None:
    given_bytes = encoded(fields, microseconds, number)
    assert given_bytes == expected(fields, microseconds, number)
    assert given_bytes is not None
    assert decode_event(given_bytes).action == fields["action"]


anything = st.one_of(
    ascii_texts,
    st.text(max_size=5),
    st.text(st.characters(categories=["Cs"]), min_size=1, max_size=3),
    st.none(),
    st.integers(),
    st.sampled_from([*Outcome, *Category, b"bytes", (), [], {}, object()]),
    st.builds(Reason, st.just("é")),
    st.just("x" * 8_192),
    st.lists(st.builds(Change, st.just("zoë")) | st.builds(Resource, st.just("r"), st.just("1"))),
    st.dictionaries(st.none() | st.text(max_size=2), st.none() | st.text(max_size=2), max_size=3),
)


@given(plain_fields, st.sampled_from([*AuditEvent.__dataclass_fields__, "actr"]), anything)
def test_any_other_event_is_encoded_the_same_or_left_alone(fields: dict[str, Any], name: str, value: object) -> None:
    changed = {**fields, name: value}
    found = encoded(changed)
    if found is None:
        return
    assert name not in {"source", "stream", "schema_version", "actr"}
    assert found == expected(changed)


class Text(str):
    """A text with code of its own."""

    __slots__ = ()

    def __len__(self) -> int:
        return 1


class OwnActor(Actor):
    """An actor with code of its own."""


class OwnDict(dict[str, str]):
    """A mapping with code of its own."""


NOT_PLAIN: list[dict[str, Any]] = [
    {"action": Text("read")},
    {"action": ""},
    {"action": None},
    {"action": "é"},
    {"tenant": "x" * 8_192},
    {"actor": OwnActor("user", "u-1")},
    {"actor": Actor("user", "zoë")},
    {"actor": None},
    {"outcome": "SUCCESS"},
    {"category": "DATA"},
    {"resources": []},
    {"resources": (each for each in [Resource("a", "b")])},
    {"resources": [Change("f")]},
    {"resources": [Resource("a", "b")] * (MAX_ITEMS + 1)},
    {"changes": [Change("f")] * (MAX_ITEMS + 1)},
    {"reason": "text"},
    {"authorization": True},
    {"attributes": OwnDict(a="1")},
    {"attributes": {"": "1"}},
    {"attributes": {"a": 1}},
    {"attributes": {Text("a"): "1"}},
    {"attributes": {"a": "1", 2: "2"}},
    {"attributes": {"a": "\udc80"}},
    {"attributes": {str(number): "" for number in range(MAX_ITEMS + 1)}},
    {"resources": [Resource("r" * 1_000, str(number)) for number in range(MAX_ITEMS)]},
    {"actr": 1},
    {"event_id": None},
    {"event_id": EVENT_ID.upper()},
    {"event_id": Text(EVENT_ID)},
    {"occurred_at": None},
    {"occurred_at": datetime(2026, 1, 1)},  # noqa: DTZ001  (which is the case to be tested)
    {"occurred_at": datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=1)))},
]


@pytest.mark.parametrize("changed", NOT_PLAIN, ids=lambda changed: next(iter(changed)))
def test_what_is_not_plain_is_left_to_the_event(changed: dict[str, Any]) -> None:
    assert encoded(LEAST | changed) is None


def test_the_largest_event_and_one_byte_more() -> None:
    resources = [Resource("r" * 1_000, "1") for _ in range(990)]
    padding = MAX_EVENT_BYTES - len(expected({**LEAST, "resources": resources, "action": "a" * 64})) + 64
    largest = {**LEAST, "resources": resources, "action": "a" * padding}
    found = encoded(largest)
    assert found == expected(largest)
    assert found is not None
    assert len(found) == MAX_EVENT_BYTES
    assert encoded({**largest, "action": "a" * (padding + 1)}) is None


@pytest.mark.parametrize("wrong", ["\udc80", "a\ud800"])
def test_no_part_holds_a_surrogate_that_would_pass_for_a_length(wrong: str) -> None:
    for make in (Actor, Resource):
        for at in range(len(make.__dataclass_fields__)):
            texts = ["a", "b", *[None] * (len(make.__dataclass_fields__) - 2)]
            texts[at] = wrong
            with pytest.raises(EventError, match="surrogate"):
                make(*texts)
    for refused in (
        lambda: Change("f", wrong),
        lambda: Change("f", None, wrong),
        lambda: Change(wrong),
        lambda: Reason(wrong),
        lambda: Reason(None, wrong),
        lambda: Authorization(True, wrong),
        lambda: Authorization(True, None, wrong),
        lambda: Source(service="s", environment=wrong),
        lambda: Stream(wrong, 0),
    ):
        with pytest.raises(EventError, match="surrogate"):
            refused()
