"""Times of a row, as other formats write them."""

from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

_DATE, _SECONDS, _NO_FRACTION = len("2026-11-21"), len("2026-11-21T08:30:00"), ".000000"


def rfc3339(time: datetime) -> str:
    """Return a time in UTC as RFC 3339 writes it."""
    return time.isoformat().replace("+00:00", "Z")


def rfc3339_texts(times: pa.TimestampArray) -> pa.StringArray:
    """Return each of many times as `rfc3339` does, null where there is none."""
    texts = pc.binary_replace_slice(times.cast(pa.timestamp("us")).cast(pa.string()), _DATE, _DATE + 1, "T")
    texts = pc.if_else(pc.ends_with(texts, _NO_FRACTION), pc.utf8_slice_codeunits(texts, 0, _SECONDS), texts)
    return pc.binary_join_element_wise(texts, "Z", "")


def epoch_ms(time: datetime | None) -> int | None:
    """Return a time in ms since the epoch, None where there is none."""
    return None if time is None else int(time.timestamp() * 1000)
