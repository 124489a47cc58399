"""Rows as OCSF events: API Activity (6003) with the profile `record_integrity`, https://schema.ocsf.io.

docs/reference/exports.md has the mapping as a table.
"""

import json
from hashlib import sha256
from typing import Any

from auditseal_schemas import __version__
from auditseal_search.row_times import epoch_ms

VERSION = "1.8.0"
CLASS, CATEGORY = 6003, 6
_SHA256 = 3  # algorithm_id
_OTHER = 99
_ACTIVITIES = {
    1: ("create", "add", "new", "start", "grant", "issue", "insert"),
    2: ("read", "get", "list", "search", "view", "export", "download"),
    3: ("update", "change", "amend", "approve", "edit", "set", "write", "modify"),
    4: ("delete", "remove", "revoke", "drop", "purge"),
}
_OUTCOMES = {"SUCCESS": (1, "Success"), "FAILURE": (2, "Failure"), "DENIED": (2, "Failure")}


def to_ocsf(row: dict[str, Any]) -> dict[str, Any]:
    """Return an OCSF event for a row of an index, JSON types only."""
    activity = _activity(row["action"])
    status_id, status = _OUTCOMES.get(row["outcome"] or "", (0, "Unknown"))
    event = {
        "class_uid": CLASS,
        "category_uid": CATEGORY,
        "activity_id": activity,
        "type_uid": CLASS * 100 + activity,
        "severity_id": 1,
        "time": epoch_ms(row["occurred_at"]) if row["occurred_at"] else epoch_ms(row["timestamp"]),
        "status_id": status_id,
        "status": status,
        "status_code": row["status_code"],
        "status_detail": row["reason_text"] or row["reason_code"],
        "metadata": {
            "version": VERSION,
            "product": {"name": "auditseal", "vendor_name": "auditseal", "version": __version__},
            "uid": row["event_id"],
            "correlation_uid": row["correlation_id"],
            "tenant_uid": row["tenant"],
            "event_code": row["event_type"],
            "logged_time": epoch_ms(row["timestamp"]),
            "profiles": ["record_integrity"],
        },
        "actor": {
            "user": {"uid": row["actor_id"], "name": row["actor_name"], "type": row["actor_type"]},
            "session": {"uid": row["session_id"]},
            "app_name": row["user_agent"],
        },
        "api": {"operation": row["action"] or "unknown", "service": {"name": row["service"]}},
        "src_endpoint": {"ip": row["ip"], "name": row["ip"] or row["instance"] or row["service"] or "unknown"},
        "resources": [_resource(resource) for resource in row["resources"] or ()],
        "attestation": {"uid": f"{row['height']}/{row['index']}", "chain_uid": row["origin"]},
        "unmapped": {
            "attributes": dict(row["attributes"] or ()),
            "changes": row["changes"],
            "on_behalf_of": row["on_behalf_of"],
            "environment": row["environment"],
            "problem": row["problem"],
            "offset": row["offset"],
        },
    }
    plain: dict[str, Any] = without_empty(event)
    canonical = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    plain["attestation"]["fingerprint"] = {"algorithm_id": _SHA256, "value": sha256(canonical).hexdigest()}
    return plain


def without_empty(value: Any) -> Any:
    """Return a JSON value without members that are null, or empty after that."""
    if isinstance(value, dict):
        kept = {name: without_empty(item) for name, item in value.items()}
        return {name: item for name, item in kept.items() if item not in (None, {}, [])}
    if isinstance(value, list):
        return [without_empty(item) for item in value]
    return value


def _activity(action: str | None) -> int:
    """Return the activity of an action by its last word: `invoice.delete` deletes."""
    verb = (action or "").lower().replace(":", ".").rpartition(".")[2]
    return next((number for number, verbs in _ACTIVITIES.items() if verb.startswith(verbs)), _OTHER)


def _resource(resource: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": resource["type"],
        "uid": resource["id"],
        "name": resource["name"],
        "group": {"name": resource["parent"]},
    }
