"""CloudEvents 1.0 whose data are an audit event: structured, batched and binary (CloudEvents HTTP binding 1.0.2).

The envelope gives what identifies the event: its id and source make `event_id`, `time` is `occurred_at`, `type` is
`event_type`. The data are an event as JSON, as for `/v1/events`.
"""

from collections.abc import Mapping
from urllib.parse import unquote

from auditseal_gateway.errors import RequestError
from auditseal_gateway.events_json import Parsed, parse_event, read_json
from auditseal_schemas.errors import EventError
from auditseal_schemas.event_id import derive_event_id
from auditseal_schemas.event_parts import Source
from auditseal_schemas.event_time import parse_time

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
_REQUIRED = ("specversion", "id", "source", "type")
_JSON = frozenset({"application/json", "text/json"})
_HEADER = "ce-"


def parse_cloud_events(media_type: str, headers: Mapping[str, str], body: bytes, source: Source) -> list[Parsed]:
    """Return the events of a request, in its order.

    Raises:
        RequestError: The request as a whole isn't one of CloudEvents.
    """
    if media_type == STRUCTURED:
        return [_parse(read_json(body), 0, source)]
    if media_type == BATCH:
        batch = read_json(body)
        if not isinstance(batch, list):
            raise RequestError(400, "a batch of CloudEvents must be a JSON array")
        return [_parse(item, number, source) for number, item in enumerate(batch)]
    envelope: dict[str, object] = {
        name.lower().removeprefix(_HEADER): unquote(value)
        for name, value in headers.items()
        if name.lower().startswith(_HEADER)
    }
    if "specversion" not in envelope:
        raise RequestError(
            415, f"it is not a CloudEvent: Content-Type must be {STRUCTURED} or {BATCH}, or headers ce-*"
        )
    return [_parse({**envelope, "datacontenttype": media_type, "data": read_json(body)}, 0, source)]


def _parse(item: object, number: int, source: Source) -> Parsed:
    try:
        return parse_event(_event(item), number, source, None)
    except EventError as error:
        return error


def _event(item: object) -> dict[str, object]:
    """Return the data with what the envelope says.

    Raises:
        EventError: It isn't a CloudEvent with an event, or its data say otherwise than the envelope.
    """
    if not isinstance(item, dict):
        raise EventError("", f"a CloudEvent must be a JSON object, not {type(item).__name__}")
    envelope = {name: _text(item, name) for name in (*_REQUIRED, "time")}
    if envelope["specversion"] != "1.0":
        raise EventError("specversion", f"{envelope['specversion']!r} is not known: send 1.0")
    if str(item.get("datacontenttype", "application/json")).partition(";")[0].strip().lower() not in _JSON:
        raise EventError("datacontenttype", "must be application/json: data are an event as JSON")
    data, attributes = _object(item, "data"), {}
    if "attributes" in data:
        attributes = _object(data, "attributes")
    stated = {
        "event_id": _id(envelope),
        "occurred_at": envelope["time"],
        "event_type": envelope["type"],
        "attributes": attributes | {"cloudevents.id": envelope["id"], "cloudevents.source": envelope["source"]},
    }
    for name in ("event_id", "occurred_at", "event_type"):
        if data.get(name, stated[name]) != stated[name]:
            raise EventError(f"data.{name}", "differs from the CloudEvent's own: leave it out")
    return {**data, **stated}


def _id(envelope: Mapping[str, str]) -> str:
    time = parse_time("time", envelope["time"])
    return derive_event_id(time, "cloudevents", envelope["source"], envelope["id"])


def _object(item: Mapping[str, object], name: str) -> dict[str, object]:
    value = item.get(name)
    if not isinstance(value, dict):
        raise EventError(name, f"must be a JSON object, not {type(value).__name__}")
    return value


def _text(item: Mapping[str, object], name: str) -> str:
    value = item.get(name)
    if not isinstance(value, str) or not value:
        raise EventError(name, "must be a text that is not empty" if name in item else "is missing")
    return value
