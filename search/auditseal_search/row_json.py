"""A row as JSON: times as RFC 3339, attributes as an object."""

from datetime import datetime
from typing import Any

from auditseal_search.row_times import rfc3339


def row_to_json(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row as what `json.dumps` takes."""
    return {name: _plain(name, value) for name, value in row.items()}


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, datetime):
        return rfc3339(value)
    if name == "attributes" and value is not None:
        return dict(value)
    return value
