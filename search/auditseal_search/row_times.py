"""Times of a row, as other formats write them."""

from datetime import datetime


def rfc3339(time: datetime) -> str:
    """Return a time in UTC as RFC 3339 writes it."""
    return time.isoformat().replace("+00:00", "Z")


def epoch_ms(time: datetime | None) -> int | None:
    """Return a time in ms since the epoch, None where there is none."""
    return None if time is None else int(time.timestamp() * 1000)
