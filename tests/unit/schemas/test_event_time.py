"""RFC 3339, to the letter: what section 5.6 takes, what it doesn't, and what a datetime can't hold."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo

import pytest

from auditseal_schemas.errors import EventError
from auditseal_schemas.event_time import format_milliseconds, parse_milliseconds, parse_time, utc_time

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-11-21T12:00:00Z", NOON),
        ("2026-11-21t12:00:00z", NOON),
        ("2026-11-21 12:00:00Z", NOON),
        ("2026-11-21T13:30:00+01:30", NOON),
        ("2026-11-21T12:00:00-00:00", NOON),
        ("2026-11-22T11:59:00+23:59", NOON),
        ("2026-11-21T12:00:00.5Z", NOON.replace(microsecond=500_000)),
        ("2026-11-21T12:00:00.000001Z", NOON.replace(microsecond=1)),
        # Cut, not rounded: a time is never later than what was said.
        ("2026-11-21T12:00:00.1234569Z", NOON.replace(microsecond=123_456)),
        ("2026-11-21T12:00:00." + "9" * 5_000 + "Z", NOON.replace(microsecond=999_999)),
        # The examples of section 5.8.
        ("1985-04-12T23:20:50.52Z", datetime(1985, 4, 12, 23, 20, 50, 520_000, tzinfo=UTC)),
        ("1996-12-19T16:39:57-08:00", datetime(1996, 12, 20, 0, 39, 57, tzinfo=UTC)),
        ("1990-12-31T23:59:60Z", datetime(1990, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
        ("1990-12-31T15:59:60-08:00", datetime(1990, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
        ("1937-01-01T12:00:27.87+00:20", datetime(1937, 1, 1, 11, 40, 27, 870_000, tzinfo=UTC)),
        ("2016-06-30T23:59:60.25Z", datetime(2016, 6, 30, 23, 59, 59, 999_999, tzinfo=UTC)),
        ("9999-12-31T23:59:60Z", datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),  # no day comes after it
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("2024-02-29T00:00:00Z", datetime(2024, 2, 29, tzinfo=UTC)),
    ],
)
def test_what_the_rfc_takes(text: str, time: datetime) -> None:
    parsed = parse_time("occurred_at", text)
    assert (parsed, parsed.tzinfo) == (time, UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-11-21",
        "2026-11-21T12:00:00",  # whose noon?
        "2026-11-21T12:00Z",
        "2026-W47-6T12Z",
        "2026-325T12:00:00Z",
        "20261121T120000Z",
        "2026-11-21T12:00:00,5Z",
        "2026-11-21T12:00:00.Z",
        "2026-11-21T12:00:00+0100",
        "2026-11-21T12:00:00+01",
        "2026-11-21T12:00:00+24:00",
        "2026-11-21T12:00:00+01:60",
        "2026-11-21T12:00:00 Z",
        "2026-11-21T24:00:00Z",
        "2026-11-21T12:60:00Z",
        "2026-11-21T12:00:61Z",
        "2026-02-29T12:00:00Z",
        "2026-13-01T12:00:00Z",
        "0000-01-01T00:00:00Z",
        "+02026-11-21T12:00:00Z",
        " 2026-11-21T12:00:00Z",
        "2026-11-21T12:00:00Z\n",
        "\uff12\uff10\uff12\uff16-11-21T12:00:00Z",
        "2026-11-21T12:00:60Z",  # no leap second comes at noon
        "2026-11-29T23:59:60Z",
        "2026-11-30T23:59:60-01:00",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
    ],
)
def test_what_the_rfc_doesn_t_take(text: str) -> None:
    with pytest.raises(EventError) as refusal:
        parse_time("occurred_at", text)
    assert refusal.value.field == "occurred_at"
    assert str(refusal.value).isprintable()


class Odd(tzinfo):
    """A time zone of a service's own, whose offset changes with each question."""

    asked = 0

    def utcoffset(self, _: datetime | None) -> timedelta:
        self.asked += 1
        return timedelta(hours=self.asked)

    def dst(self, _: datetime | None) -> timedelta:
        return timedelta(0)

    def tzname(self, _: datetime | None) -> str:
        return "odd"


class Later(datetime):
    """A datetime with code of its own."""

    def __sub__(self, _: object) -> timedelta:  # type: ignore[override]
        raise AssertionError("an event's time must be a plain one by now")


def test_a_datetime_becomes_an_exact_one_in_utc() -> None:
    later = Later(2026, 11, 21, 13, tzinfo=timezone(timedelta(hours=1)))
    for time in (utc_time("t", later), utc_time("t", Later(2026, 11, 21, 12, tzinfo=UTC))):
        assert (type(time), time, time.tzinfo) == (datetime, NOON, UTC)
    odd = utc_time("t", datetime(2026, 11, 21, 12, tzinfo=Odd()))
    assert (type(odd), odd.tzinfo) == (datetime, UTC)
    assert utc_time("t", NOON) is NOON


@pytest.mark.parametrize(
    ("time", "problem"),
    [
        ("2026-11-21", "must be a datetime, not str"),
        (datetime(2026, 11, 21), "has no time zone"),  # noqa: DTZ001  (which is the case to be tested)
        (datetime.max.replace(tzinfo=timezone(-timedelta(hours=1))), "outside the years 1 to 9999"),
    ],
)
def test_anything_else_is_refused(time: object, problem: str) -> None:
    with pytest.raises(EventError, match=problem):
        utc_time("occurred_at", time)


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("1970-01-01T00:00:00.000Z", 0),
        ("1969-12-31T23:59:59.999Z", -1),
        ("2026-11-21T12:00:00.123Z", 1_795_262_400_123),
        ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
    ],
)
def test_milliseconds_are_written_as_they_are_read(text: str, milliseconds: int) -> None:
    assert parse_milliseconds("from", text) == milliseconds
    assert format_milliseconds(milliseconds) == text


def test_milliseconds_cut_what_is_less_than_one() -> None:
    assert parse_milliseconds("from", "1970-01-01T00:00:00.0019Z") == 1
    with pytest.raises(EventError, match=r"from: .* is not an RFC 3339 time"):
        parse_milliseconds("from", "yesterday")


@pytest.mark.parametrize("milliseconds", [253_402_300_800_000, -62_135_596_800_001, 10**30])
def test_milliseconds_without_a_year_are_written_as_their_number(milliseconds: int) -> None:
    assert format_milliseconds(milliseconds) == str(milliseconds)
