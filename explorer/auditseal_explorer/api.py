"""The same answers as JSON, described by `openapi.json`."""

from importlib.resources import files
from typing import Any

from auditseal_explorer.event_view import EventView
from auditseal_explorer.log_status import LogStatus
from auditseal_explorer.results import Results
from auditseal_explorer.services import Service
from auditseal_explorer.streams import Streams
from auditseal_search.errors import QueryError
from auditseal_search.row_json import row_to_json


def description() -> bytes:
    """Return the OpenAPI description, in JSON."""
    return files(__package__).joinpath("openapi.json").read_bytes()


def results_to_json(results: Results) -> dict[str, Any]:
    """Return an answer: hits, timeline and counts at once, with the grade."""
    following = results.following
    return {
        "entries": [row_to_json(hit) for hit in results.hits],
        "total": results.total,
        "timeline": {
            "unit": results.timeline.unit,
            "bars": [{"begin": bar.begin, "end": bar.end, "count": bar.count} for bar in results.timeline.bars],
            "without_time": results.timeline.without_time,
        },
        "facets": {
            facet.field: [{"value": value, "count": count} for value, count in facet.values] for facet in results.facets
        },
        "as_of": [f"{origin}:{size}" for origin, size in results.question.as_of],
        "after": str(following.after) if following else None,
        "answer": results.account.to_json(),
    }


def event_to_json(view: EventView) -> dict[str, Any]:
    """Return a proven event, and the proof itself."""
    return {"proven": dict(view.proven), "proof": view.proof.format().decode()}


def logs_to_json(statuses: list[LogStatus], services: list[Service], streams: Streams) -> dict[str, Any]:
    """Return the state of every log, the latest event of each service, and what is known of the streams."""
    return {
        "logs": [dict(status.to_json()) for status in statuses],
        "services": [{"service": one.name, "events": one.events, "last": one.last} for one in services],
        "streams": dict(streams.to_json()),
    }


def mistake_to_json(error: QueryError) -> dict[str, Any]:
    """Return where a filter has a mistake."""
    return {"error": error.problem, "position": error.position}
