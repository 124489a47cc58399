"""Entries of systemd's journal, as `journalctl --output=json` writes them ("Journal JSON Format")."""

from datetime import UTC, datetime, timedelta

from auditseal_importers.excerpt import excerpt
from auditseal_importers.original import original_attributes
from auditseal_importers.record_fields import Record, check_record, needed_text
from auditseal_schemas.errors import EventError
from auditseal_schemas.event import EventFields
from auditseal_schemas.event_id import derive_event_id
from auditseal_schemas.event_parts import Actor, Category, Outcome, Reason, Resource
from auditseal_schemas.strict_json import parse_json

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_AUTHENTICATION = frozenset({"sshd", "sudo", "su", "login", "systemd-logind"})


def journald_event(record: bytes, _source: str) -> EventFields:
    """Return an entry as an event's fields; its id is of `__CURSOR`, which is unique to the entry.

    Raises:
        EventError: It isn't one, or __CURSOR or __REALTIME_TIMESTAMP is missing, or journalctl left out a field.
    """
    entry = check_record(parse_json(record, "the line"))
    _check_whole(entry)
    cursor, time = needed_text(entry, "__CURSOR"), _time(entry)
    program = _text(entry, "SYSLOG_IDENTIFIER") or _text(entry, "_COMM") or "unknown"
    host, unit = _text(entry, "_HOSTNAME"), _text(entry, "_SYSTEMD_UNIT")
    message = _text(entry, "MESSAGE")
    return EventFields(
        event_id=derive_event_id(time, "journald", cursor),
        occurred_at=time,
        actor=Actor(
            "unix_user",
            _text(entry, "_AUDIT_LOGINUID") or _text(entry, "_UID") or "unknown",
            session_id=_text(entry, "_AUDIT_SESSION"),
        ),
        action=program,
        resources=[Resource("unit", unit, parent=host) if unit else Resource("host", host or "unknown")],
        outcome=Outcome.UNKNOWN,
        category=Category.AUTHENTICATION if program in _AUTHENTICATION else Category.OTHER,
        event_type="journald.entry",
        reason=Reason(text=excerpt(message)) if message else None,
        attributes=original_attributes(record),
    )


def _check_whole(entry: Record) -> None:
    """Refuse an entry with null: journalctl writes it for each field of more than 4,096 bytes."""
    for name, value in entry.items():
        if value is None:
            raise EventError(name, "is left out by journalctl, as it is long: export with --all")


def _time(entry: Record) -> datetime:
    text = needed_text(entry, "__REALTIME_TIMESTAMP")
    if not (text.isascii() and text.isdecimal() and len(text) < 18):
        raise EventError("__REALTIME_TIMESTAMP", "must be microseconds since 1970")
    return _EPOCH + timedelta(microseconds=int(text))


def _text(entry: Record, name: str) -> str | None:
    """Return a field as text; of a field that has several values, the first."""
    value = entry.get(name)
    if isinstance(value, list) and value and isinstance(value[0], str | list):
        value = value[0]
    if isinstance(value, list) and all(isinstance(byte, int) and 0 <= byte < 256 for byte in value):
        return bytes(value).decode("utf-8", "backslashreplace") or None
    if value is None or isinstance(value, str):
        return value or None
    raise EventError(name, f"must be text or a list of bytes, not {type(value).__name__}")
