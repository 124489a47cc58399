"""Rows as lines of CEF, the Common Event Format, within syslog messages (RFC 5424). docs/reference/exports.md."""

from typing import Any

from auditseal_schemas import __version__
from auditseal_search.row_times import epoch_ms, rfc3339

_SEVERITIES = {"SUCCESS": 3, "FAILURE": 6, "DENIED": 8}
_FACILITY_AUDIT, _NOTICE = 13, 5


def to_cef(row: dict[str, Any]) -> str:
    """Return the CEF line of a row; nothing in it can begin another line or field."""
    name = row["action"] or row["problem"] or "unknown"
    severity = _SEVERITIES.get(row["outcome"] or "", 5)
    header = ["CEF:0", "auditseal", "auditseal", __version__, row["event_type"] or name, name, str(severity)]
    fields = {
        "externalId": row["event_id"],
        "rt": epoch_ms(row["timestamp"]),
        "start": epoch_ms(row["occurred_at"]),
        "suid": row["actor_id"],
        "suser": row["actor_name"],
        "src": row["ip"],
        "act": row["action"],
        "outcome": row["outcome"],
        "reason": row["reason_text"] or row["reason_code"],
        "dvchost": row["instance"],
        "deviceProcessName": row["service"],
        "requestClientApplication": row["user_agent"],
        "cs1Label": "resources",
        "cs1": " ".join(f"{one['type']}/{one['id']}" for one in row["resources"] or ()),
        "cs2Label": "origin",
        "cs2": row["origin"],
        "cs3Label": "tenant",
        "cs3": row["tenant"],
        "cn1Label": "height",
        "cn1": row["height"],
        "cn2Label": "offset",
        "cn2": row["offset"],
        "cn3Label": "index",
        "cn3": row["index"],
    }
    pairs = [f"{key}={_value(value)}" for key, value in fields.items() if value not in (None, "")]
    return "|".join([header[0], *map(_head, header[1:])]) + "|" + " ".join(pairs)


def to_syslog(row: dict[str, Any]) -> bytes:
    """Return a row as one syslog message, framed by its length (RFC 5424, RFC 5425 section 4.3)."""
    time = rfc3339(row["timestamp"]) if row["timestamp"] else "-"
    host = _printable(row["instance"] or row["service"] or "-")[:255]
    priority = _FACILITY_AUDIT * 8 + _NOTICE
    message = f"<{priority}>1 {time} {host} auditseal - - - {to_cef(row)}".encode()
    return str(len(message)).encode() + b" " + message


def _head(text: str) -> str:
    """Escape a field of the header: a pipe and a backslash; line ends become spaces."""
    return " ".join(text.splitlines()).replace("\\", "\\\\").replace("|", "\\|")


def _value(value: object) -> str:
    """Escape a value: an equals sign, a backslash and line ends."""
    text = str(value).replace("\\", "\\\\").replace("=", "\\=")
    return text.replace("\r", "\\r").replace("\n", "\\n")


def _printable(text: str) -> str:
    return "".join(char if "!" <= char <= "~" else "_" for char in text)
