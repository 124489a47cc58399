"""Ids that are derived: the same for the same event, different for any other, and valid."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from auditseal_schemas.event_id import derive_event_id
from tests.factory.events import LEAST

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_it_is_the_documented_construction() -> None:
    # SHA-256 of 00..01 "a" 00..02 "bc", by `printf '\0\0\0\0\0\0\0\1a\0\0\0\0\0\0\0\2bc' | sha256sum`
    assert derive_event_id(NOON, "a", "bc") == "01a1fdfa-4600-7faf-a1cf-2f19a7c1129b"


def test_it_is_a_uuid7_with_the_events_time_and_an_event_takes_it() -> None:
    made = derive_event_id(NOON, "cluster", "audit")
    assert (UUID(made).version, UUID(made).variant) == (7, "specified in RFC 4122")
    assert UUID(made).int >> 80 == int(NOON.timestamp() * 1000)
    assert replace(LEAST, event_id=made).event_id == made


def test_other_texts_another_cut_and_another_time_give_another_id() -> None:
    made = {
        derive_event_id(NOON, "a", "bc"),
        derive_event_id(NOON, "ab", "c"),
        derive_event_id(NOON, "abc"),
        derive_event_id(NOON, "abc", ""),
        derive_event_id(NOON, "\ud800"),
        derive_event_id(NOON + timedelta(milliseconds=1), "a", "bc"),
    }
    assert len(made) == 6


def test_a_time_before_1970_is_taken_for_its_begin() -> None:
    made = derive_event_id(datetime(1969, 1, 1, tzinfo=UTC), "a")
    assert UUID(made).int >> 80 == 0
    assert replace(LEAST, event_id=made).event_id == made
