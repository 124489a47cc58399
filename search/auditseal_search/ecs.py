"""Rows as Elastic Common Schema documents, https://www.elastic.co/docs/reference/ecs. docs/reference/exports.md."""

from typing import Any

from auditseal_search.ocsf import without_empty
from auditseal_search.row_times import rfc3339

VERSION = "8.17.0"
_CATEGORIES = {
    "ACCESS": "database",
    "AUTHENTICATION": "authentication",
    "CONFIGURATION": "configuration",
    "PERMISSION": "iam",
}
_OUTCOMES = {"SUCCESS": "success", "FAILURE": "failure", "DENIED": "failure"}


def to_ecs(row: dict[str, Any]) -> dict[str, Any]:
    """Return an ECS document for a row of an index, JSON types only."""
    category = _CATEGORIES.get(row["category"] or "")
    resources = row["resources"] or ()
    document: dict[str, Any] = without_empty(
        {
            "@timestamp": _time(row["occurred_at"] or row["timestamp"]),
            "ecs": {"version": VERSION},
            "event": {
                "id": row["event_id"],
                "action": row["action"],
                "kind": "event",
                "category": [category] if category else None,
                "outcome": _OUTCOMES.get(row["outcome"] or "", "unknown"),
                "code": row["event_type"],
                "reason": row["reason_text"] or row["reason_code"],
                "sequence": row["stream_sequence"],
                "created": _time(row["timestamp"]),
                "module": "auditseal",
            },
            "user": {"id": row["actor_id"], "name": row["actor_name"]},
            "source": {"ip": row["ip"]},
            "user_agent": {"original": row["user_agent"]},
            "service": {
                "name": row["service"],
                "version": row["service_version"],
                "environment": row["environment"],
                "node": {"name": row["instance"]},
            },
            "cloud": {"region": row["region"]},
            "organization": {"id": row["tenant"]},
            "trace": {"id": row["trace_id"]},
            "span": {"id": row["span_id"]},
            "labels": dict(row["attributes"] or ()),
            "auditseal": {
                "origin": row["origin"],
                "height": row["height"],
                "index": row["index"],
                "offset": row["offset"],
                "problem": row["problem"],
                "actor_type": row["actor_type"],
                "on_behalf_of": row["on_behalf_of"],
                "resources": [dict(resource) for resource in resources],
                "changes": row["changes"],
            },
        }
    )
    return document


def _time(time: Any) -> str | None:
    return None if time is None else rfc3339(time)
