"""The W3C trace context of a request: its trace's and its caller's span's ids (https://www.w3.org/TR/trace-context/)."""

from typing import NamedTuple

_DIGITS = "0123456789abcdef"
_LENGTH = 55  # of version 00: 2, 32, 16 and 2 digits, and three dashes
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16


class TraceContext(NamedTuple):
    """The ids of a trace and of a span, in lower-case hexadecimal digits."""

    trace_id: str
    span_id: str


def parse_traceparent(text: str) -> TraceContext | None:
    """Return what a `traceparent` header says, or None where it isn't valid, as section 3.2.2 asks for.

    A version above 00 may have more at its end.
    """
    if len(text) < _LENGTH or not text[2] == text[35] == text[52] == "-":
        return None
    version, trace, span = text[:2], text[3:35], text[36:52]
    if (version + trace + span + text[53:_LENGTH]).strip(_DIGITS):
        return None
    rest = text[_LENGTH:]
    if version == "ff" or (rest and (version == "00" or rest[0] != "-")):
        return None
    if trace == _NO_TRACE or span == _NO_SPAN:
        return None
    return TraceContext(trace, span)
