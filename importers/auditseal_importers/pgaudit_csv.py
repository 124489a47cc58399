"""Audit lines of pgAudit in PostgreSQL's CSV log (`log_destination = csvlog`)."""

from auditseal_importers.csv_fields import csv_fields
from auditseal_importers.pgaudit_line import event_of_line
from auditseal_schemas.errors import EventError
from auditseal_schemas.event import EventFields

_COLUMNS = (
    "timestamp", "user", "dbname", "pid", "connection_from", "session_id", "line_num", "ps", "session_start", "vxid",
    "txid", "error_severity", "state_code", "message", "detail", "hint", "internal_query", "internal_position",
    "context", "statement", "cursor_position", "location", "application_name", "backend_type", "leader_pid", "query_id",
)  # fmt: skip
"""The columns, by their names in the JSON log where it has them."""
_WIDTHS = (23, 24, 26)
"""How many of them PostgreSQL writes: up to version 12, in version 13, since version 14."""


def pgaudit_csv_event(record: bytes, source: str) -> EventFields | None:
    """Return a record of the CSV log as an event's fields; None for a record that isn't pgAudit's.

    Raises:
        EventError: It isn't a record of the CSV log, or an audit line that can't be read, isn't in UTC, or isn't
            pgAudit's.
    """
    fields = csv_fields(record.decode("utf-8", "backslashreplace"), "the line")
    if len(fields) not in _WIDTHS:
        widths = ", ".join(map(str, _WIDTHS))
        raise EventError("the line", f"has {len(fields)} columns; the CSV log has {widths}: it is cut or another log")
    line = {name: text or None for name, text in zip(_COLUMNS, fields, strict=False)}
    client = line["connection_from"] or ""
    return event_of_line({**line, "remote_host": client.rpartition(":")[0] or client}, record, source)
