"""The W3C trace context of a request: its trace's and its caller's span's ids (https://www.w3.org/TR/trace-context/)."""

import re
from typing import NamedTuple

_TRACEPARENT = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-[0-9a-f]{2}(?P<rest>-.*)?"
)
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16


class TraceContext(NamedTuple):
    """The ids of a trace and of a span, in lower-case hexadecimal digits."""

    trace_id: str
    span_id: str


def parse_traceparent(text: str) -> TraceContext | None:
    """Return what a `traceparent` header says, or None where it isn't valid, as section 3.2.2 asks for.

    A version above 00 may have more at its end.
    """
    found = _TRACEPARENT.fullmatch(text)
    if found is None or found["version"] == "ff" or (found["version"] == "00" and found["rest"]):
        return None
    if found["trace"] == _NO_TRACE or found["span"] == _NO_SPAN:
        return None
    return TraceContext(found["trace"], found["span"])
