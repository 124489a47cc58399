"""An audit line of pgAudit as an event, whichever of PostgreSQL's logs it is in."""

import re
from datetime import datetime

from auditseal_importers.csv_fields import csv_fields
from auditseal_importers.excerpt import excerpt
from auditseal_importers.original import original_attributes
from auditseal_importers.record_fields import Record, needed_text, text_at
from auditseal_schemas.errors import EventError, quoted
from auditseal_schemas.event import EventFields
from auditseal_schemas.event_id import derive_event_id
from auditseal_schemas.event_parts import Actor, Category, Outcome, Reason, Resource
from auditseal_schemas.event_time import parse_time

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


def event_of_line(line: Record, record: bytes, source: str) -> EventFields | None:
    """Return a line as an event's fields; None for a line of the log that isn't pgAudit's.

    Its id is of the source, the session, and the line's number in it. pgAudit writes a line before the statement ends,
    so that the outcome is UNKNOWN.

    Args:
        line: The line's fields, by their names in the JSON log.
        record: The line's bytes.
        source: The source's name.

    Raises:
        EventError: It is an audit line that can't be read, isn't in UTC, or isn't pgAudit's.
    """
    message = text_at(line, "message") or ""
    if not message.startswith(_PREFIX):
        return None
    _check_writer(line)
    fields = csv_fields(message.removeprefix(_PREFIX), "message")
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
        resources=[_resource(object_type, name, database)],
        outcome=Outcome.UNKNOWN,
        category=_CATEGORIES.get(kind, Category.OTHER),
        event_type=f"pgaudit.{fields[0].lower()}",
        reason=Reason(text=excerpt(statement)) if statement else None,
        attributes=original_attributes(record),
    )


def _check_writer(line: Record) -> None:
    """Refuse what a statement wrote to the log: with RAISE any user can write a line that begins as pgAudit's do.

    PostgreSQL notes the context of such a line, and the statement. pgAudit hides both in its own lines.
    """
    for name in ("context", "statement"):
        if line.get(name) is not None:
            raise EventError(
                name, "is there: a statement wrote this line, not pgAudit: look for who forges audit lines"
            )


def _resource(object_type: str, name: str, database: str | None) -> Resource:
    """Name the object; where pgAudit names none, as for GRANT, the database."""
    if name:
        return Resource((object_type or "object").lower(), name, parent=database)
    return Resource("database", database or "unknown")


def _time(line: Record) -> datetime:
    text = needed_text(line, "timestamp")
    found = _TIME.fullmatch(text)
    if found is None:
        raise EventError("timestamp", f"{quoted(text, 50)} is not a time in UTC: set log_timezone = 'UTC'")
    return parse_time("timestamp", f"{found[1]}Z")
