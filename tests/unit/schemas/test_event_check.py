"""An event's limits to the byte and to the item (docs/reference/events.md, Limits), made, encoded and decoded."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from auditseal_schemas.errors import DecodeError, EventError, MalformedError
from auditseal_schemas.event_check import MAX_ITEMS, MAX_TEXT_BYTES, check_names
from auditseal_schemas.event_codec import MAX_EVENT_BYTES, decode_event, encode_event, schema_name
from auditseal_schemas.event_parts import Authorization, Change, Reason, Resource, Stream
from auditseal_schemas.event_skim import check_counts
from tests.factory.events import LEAST

LENGTHS = [1, 63, 64, 511, 512, 1_022, 1_023, 1_024, 1_025, 8_191, 8_192, MAX_TEXT_BYTES]


def test_the_limits_are_those_of_the_page() -> None:
    assert (MAX_TEXT_BYTES, MAX_ITEMS, MAX_EVENT_BYTES) == (262_144, 1_000, 1_000_000)


@pytest.mark.parametrize("length", LENGTHS)
def test_texts_of_any_length_survive(length: int) -> None:
    for text in ("x" * length, "é" * (length // 2) or "é"):
        event = replace(LEAST, action=text, tenant=text)
        assert decode_event(encode_event(event)) == event


@pytest.mark.parametrize("count", [1, 2, 63, 64, 511, 512, 999, MAX_ITEMS])
def test_any_number_of_parts_survives(count: int) -> None:
    event = replace(
        LEAST,
        resources=[Resource("r", str(number)) for number in range(count)],
        changes=[Change(str(number)) for number in range(count)],
        attributes={str(number): "" for number in range(count)},
    )
    assert decode_event(encode_event(event)) == event


@pytest.mark.parametrize(
    "time",
    [
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    ],
    ids=str,
)
def test_any_time_of_the_calendar_survives(time: datetime) -> None:
    event = replace(LEAST, occurred_at=time)
    assert decode_event(encode_event(event)) == event


@pytest.mark.parametrize("sequence", [0, 1, (1 << 63) - 1])
def test_any_sequence_survives(sequence: int) -> None:
    event = replace(LEAST, stream=Stream("x", sequence))
    assert decode_event(encode_event(event)) == event


@pytest.mark.parametrize("text", ["x" * MAX_TEXT_BYTES, "é" * (MAX_TEXT_BYTES // 2)], ids=["ASCII", "UTF-8"])
def test_a_text_may_be_as_long_as_the_limit_and_not_a_byte_longer(text: str) -> None:
    assert Change(text, text, text).after == text
    for make, field in (
        (lambda: Change(text + "x"), "changes[].field"),
        (lambda: Change("f", text + "x"), "changes[].before"),
        (lambda: replace(LEAST, attributes={text + "x": ""}), "attributes (a key)"),
        (lambda: replace(LEAST, attributes={"k": text + "x"}), "attributes (a value)"),
    ):
        with pytest.raises(EventError, match="takes 262145 bytes; at most 262144") as refusal:
            make()
        assert refusal.value.field == field


def test_an_optional_text_may_be_empty_and_a_stated_one_may_not() -> None:
    assert Change("f", "", "").before == ""
    for make in (lambda: Change(""), lambda: replace(LEAST, action=""), lambda: Resource("", "1")):
        with pytest.raises(EventError, match="must not be empty"):
            make()


def test_an_unpaired_surrogate_is_named_by_its_index() -> None:
    for make in (lambda: replace(LEAST, action="ab\ud800"), lambda: replace(LEAST, tenant="ab\ud800")):
        with pytest.raises(EventError, match="surrogate at index 2"):
            make()


@pytest.mark.parametrize(("count", "least"), [(0, 1), (MAX_ITEMS + 1, 1)])
def test_an_event_has_one_resource_at_least_and_a_thousand_at_most(count: int, least: int) -> None:
    with pytest.raises(EventError, match=f"resources: has {count} items; {least} to 1000 are allowed"):
        replace(LEAST, resources=[Resource("r", "1")] * count)


def test_parts_may_come_from_anything_that_yields_them() -> None:
    def resources() -> Iterator[Resource]:
        yield from LEAST.resources

    assert replace(LEAST, resources=resources(), changes=iter(())) == LEAST  # type: ignore[arg-type]
    for wrong in ("r", b"r", 7):
        with pytest.raises(EventError, match="must be a sequence of Resource"):
            replace(LEAST, resources=wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"actor": 1}, "actor: must be an Actor, not int"),
        ({"outcome": 1}, "outcome: must be an Outcome, not int"),
        ({"authorization": 1}, "authorization: must be an Authorization, not int"),
        ({"source": 1}, "source: must be a Source, not int"),
        ({"category": 1}, "category: must be a Category, not int"),
        ({"reason": 1}, "reason: must be a Reason, not int"),
        ({"changes": [Change("f"), 1]}, r"changes\[1\]: must be a Change, not int"),
    ],
)
def test_a_wrong_kind_is_named_in_words(changed: dict[str, object], words: str) -> None:
    with pytest.raises(EventError, match=words):
        replace(LEAST, **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize("field", ["name", "parent"])
@pytest.mark.parametrize("other", [None, "text"])
def test_either_optional_text_of_a_resource_is_checked(field: str, other: str | None) -> None:
    stated = {"name": other, "parent": other, field: 7}
    with pytest.raises(EventError, match="must be text") as refusal:
        Resource("r", "1", **stated)  # type: ignore[arg-type]
    assert refusal.value.field == f"resources[].{field}"


@pytest.mark.parametrize(
    "part",
    [Reason("c"), Reason(None, "t"), Reason("", None), Authorization(True), Authorization(False, "p", "q")],
)
def test_a_part_that_says_one_thing_is_enough(part: Reason | Authorization) -> None:
    event = replace(LEAST, **{type(part).__name__.lower(): part})  # type: ignore[arg-type]
    assert decode_event(encode_event(event)) == event


BODY = encode_event(LEAST)[10:]


def refused(body: bytes) -> str:
    with pytest.raises(MalformedError) as refusal:
        check_counts(schema_name(1), body)
    return str(refusal.value)


def test_counts_are_looked_at_to_the_end_of_the_value() -> None:
    check_counts(schema_name(1), BODY)
    check_counts(schema_name(1), BODY + b"anything")
    for length in range(len(BODY)):
        assert "cut" in refused(BODY[:length])


@pytest.mark.parametrize("items", [MAX_ITEMS, MAX_ITEMS + 1])
def test_a_thousand_items_and_not_one_more_are_looked_at(items: int) -> None:
    count = bytes((items * 2 & 0x7F | 0x80, items * 2 >> 7))
    body = BODY[:-1] + count + b"\x02k\x00" * items + b"\x00"
    if items == MAX_ITEMS:
        check_counts(schema_name(1), body)
    else:
        assert "it has 1001 items; at most 1000" in refused(body)


def test_a_branch_that_isnt_there_is_refused() -> None:
    tenant = BODY.index(b"\x02\x00") + 1
    assert "it has no branch 2" in refused(BODY[:tenant] + b"\x04" + BODY[tenant + 1 :])
    assert "negative" in refused(BODY[:tenant] + b"\x01" + BODY[tenant + 1 :])


def test_a_second_block_of_items_is_refused_and_so_it_is_by_the_decoder() -> None:
    body = BODY[:-1] + b"\x02\x02k\x00" + b"\x02\x02l\x00" + b"\x00"
    assert "in several blocks" in refused(body)
    with pytest.raises(DecodeError, match="in several blocks"):
        decode_event(encode_event(LEAST)[:10] + body)


def test_the_first_unknown_name_is_told_with_the_nearest_known_one() -> None:
    known = ("actor", "action", "actions")
    with pytest.raises(
        EventError, match=r"unknown field 'actr' \(did you mean actor\?\); known: actor, action, actions"
    ):
        check_names("", {"actr": 1, "zzz": 2}, (), known)
    with pytest.raises(EventError, match=r"unknown field 'yyy'; known"):
        check_names("", {"yyy": 1}, (), known)
