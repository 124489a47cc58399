"""The webhook of a kube-apiserver: an `EventList` of `audit.k8s.io/v1`, each event once by auditID and stage."""

from auditseal_gateway.errors import RequestError
from auditseal_gateway.events_json import Parsed, read_json
from auditseal_importers.json_members import array_items
from auditseal_importers.kubernetes import kubernetes_event
from auditseal_schemas.errors import EventError
from auditseal_schemas.event_parts import Source


def parse_event_list(body: bytes, source: Source) -> list[Parsed]:
    """Return the events of a list, in its order. The client's service identifies the cluster.

    Raises:
        RequestError: The body isn't an `EventList`, 400.
    """
    value = read_json(body)
    if not (isinstance(value, dict) and value.get("kind") == "EventList" and isinstance(value.get("items"), list)):
        raise RequestError(400, "the body is not an EventList of audit.k8s.io: set it as the apiserver's audit webhook")
    text = body.decode("utf-8-sig")
    return [_parse(item, source) for item in array_items(text, "items")]


def _parse(item: str, source: Source) -> Parsed:
    try:
        return kubernetes_event(item.encode(), source.service)
    except EventError as error:
        return error
