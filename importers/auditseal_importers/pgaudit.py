"""Audit lines of pgAudit in PostgreSQL's JSON log (`log_destination = jsonlog`, PostgreSQL 15 and newer)."""

import csv
import re
from datetime import datetime

from auditseal_importers.original import original_attributes
from auditseal_importers.record_fields import Record, check_record, needed_text, text_at
from auditseal_schemas.errors import EventError, quoted
from auditseal_schemas.event import EventFields
from auditseal_schemas.event_id import derive_event_id
from auditseal_schemas.event_parts import Actor, Category, Outcome, Reason, Resource
from auditseal_schemas.event_time import parse_time
from auditseal_schemas.strict_json import parse_json

_PREFIX = "AUDIT: "
_TIME = re.compile(r"([0-9-]{10} [0-9:]{8}(?:\.[0-9]+)?) (UTC|GMT)")
_FIELDS = 9
_CATEGORIES = {
    "READ": Category.ACCESS,
    "WRITE": Category.DATA,
    "ROLE": Category.PERMISSION,
    "DDL": Category.CONFIGURATION,
    "FUNCTION": Category.ACCESS,
}


def pgaudit_event(record: bytes, source: str) -> EventFields | None:
    """Return a line as an event's fields; None for a line of the log that isn't pgAudit's.

    Its id is of the source, the session, and the line's number in it. pgAudit writes a line before the statement ends,
    so that the outcome is UNKNOWN.

    Raises:
        EventError: It isn't a line of the JSON log, or an audit line that can't be read, or not in UTC.
    """
    line = check_record(parse_json(record, "the line"))
    message = text_at(line, "message") or ""
    if not message.startswith(_PREFIX):
        return None
    fields = _fields(message.removeprefix(_PREFIX))
    if len(fields) < _FIELDS - 1:
        raise EventError("message", f"has {len(fields)} fields; pgAudit writes {_FIELDS}: it is cut")
    _, _, _, kind, command, object_type, name, statement, *_ = fields
    time = _time(line)
    session, number = needed_text(line, "session_id"), needed_text(line, "line_num")
    database = text_at(line, "dbname")
    return EventFields(
        event_id=derive_event_id(time, "pgaudit", source, session, number),
        occurred_at=time,
        actor=Actor(
            "database_user", text_at(line, "user") or "unknown", session_id=session, ip=text_at(line, "remote_host")
        ),
        action=command or kind or "unknown",
        resources=[Resource((object_type or "database").lower(), name or database or "unknown", parent=database)],
        outcome=Outcome.UNKNOWN,
        category=_CATEGORIES.get(kind, Category.OTHER),
        event_type=f"pgaudit.{fields[0].lower()}",
        reason=Reason(text=statement) if statement else None,
        attributes=original_attributes(record),
    )


def _fields(text: str) -> list[str]:
    """Read the comma-separated fields; a statement may have line breaks, which are within quotes."""
    try:
        return next(csv.reader(text.splitlines(keepends=True), strict=True), [])
    except csv.Error as error:
        raise EventError("message", f"is not comma-separated: {error}") from error


def _time(line: Record) -> datetime:
    text = needed_text(line, "timestamp")
    found = _TIME.fullmatch(text)
    if found is None:
        raise EventError("timestamp", f"{quoted(text, 50)} is not a time in UTC: set log_timezone = 'UTC'")
    return parse_time("timestamp", f"{found[1]}Z")
