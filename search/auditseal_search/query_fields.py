"""The fields that a filter can name: each with its kind and the column that it reads (docs/reference/search.md)."""

from dataclasses import dataclass
from enum import Enum, auto

from auditseal_schemas.event_parts import Category, Outcome
from auditseal_search.columns import NO_VALUE, OVERSIZE, UNDECODABLE, UNREADABLE_HEADERS


class Kind(Enum):
    """What a field holds, which decides how its values are read."""

    TEXT = auto()
    CODE = auto()
    """A text that is one of a few words."""
    NUMBER = auto()
    TIME_MS = auto()
    TIME_US = auto()
    FLAG = auto()
    LIST = auto()
    """Texts of which an event can have several: one that matches is enough."""
    RESOURCE = auto()
    """`type/id` of one resource."""


@dataclass(frozen=True, slots=True)
class QueryField:
    """A field of the filter language.

    Attributes:
        name: How a filter names it.
        kind: What it holds.
        column: The SQL expression that gives its value; a name of ours, never a user's text.
        meaning: One line for the documentation.
        words: The only values of a CODE.
    """

    name: str
    kind: Kind
    column: str
    meaning: str
    words: tuple[str, ...] = ()


def _list(member: str) -> str:
    return f"list_transform(resources, r -> r.{member})"


_PROBLEMS = (UNDECODABLE, OVERSIZE, NO_VALUE, UNREADABLE_HEADERS)

FIELDS = {
    field.name: field
    for field in (
        QueryField("time", Kind.TIME_MS, '"timestamp"', "when the broker stored the record"),
        QueryField("occurred", Kind.TIME_US, "occurred_at", "when the action happened, as the producer says"),
        QueryField("tenant", Kind.TEXT, "tenant", "the tenant"),
        QueryField("actor", Kind.TEXT, "actor_id", "the actor's id"),
        QueryField("actor.type", Kind.TEXT, "actor_type", "the kind of actor: user, service, …"),
        QueryField("actor.id", Kind.TEXT, "actor_id", "the actor's id"),
        QueryField("actor.name", Kind.TEXT, "actor_name", "the actor's name"),
        QueryField("on_behalf_of", Kind.TEXT, "on_behalf_of", "for whom the actor acted"),
        QueryField("ip", Kind.TEXT, "ip", "the actor's address"),
        QueryField("session", Kind.TEXT, "session_id", "the actor's session"),
        QueryField("action", Kind.TEXT, "action", "what was done"),
        QueryField("event_type", Kind.TEXT, "event_type", "the type of event"),
        QueryField("category", Kind.CODE, "category", "ACCESS, AUTHENTICATION, CONFIGURATION, …", tuple(Category)),
        QueryField("outcome", Kind.CODE, "outcome", "SUCCESS, FAILURE, DENIED or UNKNOWN", tuple(Outcome)),
        QueryField("status", Kind.TEXT, "status_code", "the status code"),
        QueryField("reason", Kind.TEXT, "reason_code", "the reason's code"),
        QueryField("granted", Kind.FLAG, "granted", "whether access was granted: true or false"),
        QueryField("resource", Kind.RESOURCE, "resources", "type/id of one of the resources"),
        QueryField("resource.type", Kind.LIST, _list("type"), "the kind of one of the resources"),
        QueryField("resource.id", Kind.LIST, _list("id"), "the id of one of the resources"),
        QueryField("resource.parent", Kind.LIST, _list("parent"), "the object that contains one of the resources"),
        QueryField("change", Kind.LIST, "list_transform(changes, c -> c.field)", "the name of a changed field"),
        QueryField("service", Kind.TEXT, "service", "the service that published the event"),
        QueryField("environment", Kind.TEXT, "environment", "its environment"),
        QueryField("region", Kind.TEXT, "region", "its region"),
        QueryField("correlation", Kind.TEXT, "correlation_id", "the correlation id"),
        QueryField("trace", Kind.TEXT, "trace_id", "the trace id"),
        QueryField("stream", Kind.TEXT, "stream_id", "the producer's stream"),
        QueryField("sequence", Kind.NUMBER, "stream_sequence", "the event's number in its stream"),
        QueryField("event_id", Kind.TEXT, "event_id", "the event's id"),
        QueryField("origin", Kind.TEXT, "origin", "the log"),
        QueryField("height", Kind.NUMBER, "height", "the block"),
        QueryField("offset", Kind.NUMBER, '"offset"', "the Kafka offset"),
        QueryField("registry_schema", Kind.TEXT, "registry_schema", "the registry's schema that a record names"),
        QueryField("problem", Kind.CODE, "problem", "why a record is not a readable event", _PROBLEMS),
    )
}
ATTRIBUTE_PREFIX = "attributes."
