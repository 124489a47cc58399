"""Syslog messages, one a line (RFC 5424)."""

import re

from auditseal_importers.excerpt import excerpt
from auditseal_importers.original import original_attributes
from auditseal_schemas.errors import EventError
from auditseal_schemas.event import EventFields
from auditseal_schemas.event_id import derive_event_id
from auditseal_schemas.event_parts import Actor, Category, Outcome, Reason, Resource
from auditseal_schemas.event_time import parse_time

_NIL = "-"
_AUTHENTICATION = frozenset({4, 10})  # the facilities auth and authpriv
_HEAD = re.compile(
    r"<(?P<priority>[0-9]{1,3})>1 (?P<time>\S+) (?P<host>\S+) (?P<app>\S+) (?P<process>\S+) (?P<id>\S+)"
    r" (?P<rest>(?:-|\[).*)",
    re.DOTALL,
)
_DATA = re.compile(r'-|(?:\[[^ =\]"]{1,32}(?: [^ =\]"]{1,32}="(?:[^"\\\]]|\\.)*")*\])+', re.DOTALL)


def syslog_event(record: bytes, source: str) -> EventFields:
    """Return a message as an event's fields. Its id is of the source and the whole line: equal lines are one event.

    Raises:
        EventError: It isn't a message of RFC 5424, or has no time.
    """
    line = record.rstrip(b"\r\n")
    text = line.decode("utf-8", "backslashreplace")
    head = _HEAD.fullmatch(text)
    if head is None or int(head["priority"]) > 191:
        raise EventError(
            "", "the line is not RFC 5424: let the sender use it, as rsyslog's SyslogProtocol23Format does"
        )
    data = _DATA.match(head["rest"])
    if data is None or head["rest"][data.end() : data.end() + 1] not in {"", " "}:
        raise EventError("structured data", "can't be read: the line is cut or not RFC 5424")
    if head["time"] == _NIL:
        raise EventError("timestamp", "is missing: an audit event needs the time at which it happened")
    time = parse_time("timestamp", head["time"])
    message = head["rest"][data.end() + 1 :].removeprefix("\ufeff")
    return EventFields(
        event_id=derive_event_id(time, "syslog", source, line.decode("utf-8", "surrogateescape")),
        occurred_at=time,
        actor=Actor("application", _named(head["app"]) or "unknown", session_id=_named(head["process"])),
        action=_named(head["id"]) or "log",
        resources=[Resource("host", _named(head["host"]) or "unknown")],
        outcome=Outcome.UNKNOWN,
        category=Category.AUTHENTICATION if int(head["priority"]) >> 3 in _AUTHENTICATION else Category.OTHER,
        event_type="syslog.message",
        reason=Reason(text=excerpt(message)) if message else None,
        attributes=original_attributes(line),
    )


def _named(text: str) -> str | None:
    return None if text == _NIL else text
