"""Audit lines of pgAudit in PostgreSQL's JSON log (`log_destination = jsonlog`, PostgreSQL 15 and newer)."""

from auditseal_importers.pgaudit_line import event_of_line
from auditseal_importers.record_fields import check_record
from auditseal_schemas.errors import EventError
from auditseal_schemas.event import EventFields
from auditseal_schemas.strict_json import parse_json


def pgaudit_event(record: bytes, source: str) -> EventFields | None:
    """Return a line of the JSON log as an event's fields; None for a line that isn't pgAudit's.

    Raises:
        EventError: It isn't a line of the JSON log, or an audit line that can't be read, isn't in UTC, or isn't
            pgAudit's.
    """
    if record.lstrip(b"\xef\xbb\xbf \t")[:1] not in {b"{", b""}:
        raise EventError(
            "", "the line is not of the JSON log: import a CSV log as pgaudit-csv, or set log_destination = 'jsonlog'"
        )
    return event_of_line(check_record(parse_json(record, "the line")), record, source)
