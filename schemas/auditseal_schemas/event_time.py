"""The times of events: RFC 3339 text and Python's datetimes, both as exact datetimes in UTC."""

import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta, timezone

from auditseal_schemas.errors import EventError, quoted

_DATE_TIME = re.compile(
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})[Tt ]"
    r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]+))?"
    r"(?:[Zz]|(?P<sign>[+-])(?P<offset_hour>[0-9]{2}):(?P<offset_minute>[0-9]{2}))"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FORMAT = "2026-11-21T12:00:00Z"


def utc_time(field: str, time: object) -> datetime:
    """Return an aware datetime as an exact one in UTC.

    Raises:
        EventError: It has no time zone, or is outside the years 1 to 9999 in UTC, or isn't a datetime.
    """
    if type(time) is datetime and time.tzinfo is UTC:
        return time
    if not isinstance(time, datetime):
        raise EventError(field, f"must be a datetime, not {type(time).__name__}")
    exact = datetime(
        time.year,
        time.month,
        time.day,
        time.hour,
        time.minute,
        time.second,
        time.microsecond,
        time.tzinfo,
        fold=time.fold,
    )
    if exact.utcoffset() is None:
        raise EventError(field, "has no time zone: use datetime.now(UTC) or set tzinfo")
    try:
        return exact.astimezone(UTC)
    except OverflowError as error:
        raise EventError(field, "is outside the years 1 to 9999 in UTC: correct it") from error


def parse_time(field: str, text: str) -> datetime:
    """Read an RFC 3339 date-time (section 5.6), with a space for the `T` as its note allows.

    What a datetime can't hold is cut: digits of the second's fraction after the sixth. A leap second, which only the
    end of a month in UTC can have (section 5.7), becomes the last microsecond before it ended.

    Raises:
        EventError: The text isn't a date-time, or its year is 0.
    """
    found = _DATE_TIME.fullmatch(text)
    if found is None:
        raise EventError(field, f"{quoted(text)} is not an RFC 3339 time: write it as {_FORMAT}")
    leap = found["second"] == "60"
    try:
        time = datetime(
            int(found["year"]),
            int(found["month"]),
            int(found["day"]),
            int(found["hour"]),
            int(found["minute"]),
            59 if leap else int(found["second"]),
            999_999 if leap else int((found["fraction"] or "")[:6].ljust(6, "0")),
            _offset(found),
        )
    except ValueError as error:
        raise EventError(field, f"{quoted(text)} is not an RFC 3339 time: {error}: correct it") from error
    utc = utc_time(field, time)
    if leap and not _ends_a_month(utc):
        raise EventError(
            field, f"{quoted(text)}: only the last minute of a month in UTC can have a second 60: correct it"
        )
    return utc


def parse_milliseconds(field: str, text: str) -> int:
    """Read an RFC 3339 date-time as whole milliseconds since the epoch.

    Raises:
        EventError: As `parse_time`.
    """
    return (parse_time(field, text) - _EPOCH) // timedelta(milliseconds=1)


def format_milliseconds(milliseconds: int) -> str:
    """Return a time since the epoch as RFC 3339 writes it in UTC, with milliseconds; the number where it has no year.

    >>> format_milliseconds(1_795_867_200_000)
    '2026-11-28T12:00:00.000Z'
    """
    try:
        time = _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return str(milliseconds)
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _offset(found: re.Match[str]) -> timezone:
    if found["sign"] is None:
        return UTC
    hours, minutes = int(found["offset_hour"]), int(found["offset_minute"])
    if hours > 23 or minutes > 59:
        raise ValueError("the offset must be within 23:59")
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if found["sign"] == "-" else offset)


def _ends_a_month(time: datetime) -> bool:
    # Not by the day after it, which the year 9999 doesn't have.
    return (time.hour, time.minute) == (23, 59) and time.day == monthrange(time.year, time.month)[1]
