"""Rows as CloudEvents 1.0 in their JSON format, https://cloudevents.io. docs/reference/exports.md has the mapping."""

from typing import Any

from auditseal_search.ocsf import without_empty
from auditseal_search.row_json import row_to_json


def to_cloudevent(row: dict[str, Any]) -> dict[str, Any]:
    """Return a CloudEvent for a row of an index; its `data` is the whole row."""
    shown = without_empty(row_to_json(row))
    resources = row["resources"] or ()
    event = {
        "specversion": "1.0",
        "id": row["event_id"] or f"{row['origin']}/{row['offset']}",
        "source": f"auditseal://{row['origin']}",
        "type": row["event_type"] or row["action"] or "auditseal.problem",
        "subject": f"{resources[0]['type']}/{resources[0]['id']}" if resources else None,
        "time": shown.get("occurred_at") or shown.get("timestamp"),
        "datacontenttype": "application/json",
        "auditsealheight": row["height"],
        "auditsealindex": row["index"],
        "data": shown,
    }
    plain: dict[str, Any] = without_empty(event)
    return plain
