"""The event of an HTTP request: what is taken from it, masked, and what its status says of the outcome. No I/O."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from uuid_utils import uuid7

from auditseal_glue.context import AuditContext
from auditseal_glue.masking import mask_query, mask_tokens, mask_value
from auditseal_glue.trace_context import parse_traceparent
from auditseal_producer import Actor, AuditsealError, Category, EventFields, Outcome, Resource

FAILED = 500
"""The status that a server answers if an application raises."""
_log = logging.getLogger("auditseal_glue")
_MOST_CHARACTERS = 8_192  # of a path, a query or a header: as much as servers take, but for exotic settings
_MOST_ID = 128
_READ = ("x-request-id", "traceparent", "user-agent")
_DENIED = frozenset({401, 403, 407, 451})
_UNKNOWN = Actor("unknown", "unknown")

ActorOf = Callable[[Mapping[str, Any]], Actor | None]
"""Returns who sent a request, from its ASGI scope or WSGI environment, once the application has answered it."""

OnFailure = Callable[[AuditsealError, EventFields], object]
"""Takes an event that could not be recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAudit:
    """What a middleware records.

    Attributes:
        actor: Returns who sent a request; without it, or where it returns None, the actor is `anonymous`.
        headers: Names of request headers whose values become attributes `header.NAME`; secrets stay masked.
        skip: Paths that aren't recorded, such as that of a health check.
        resource_type: The type of the event's resource, whose id is the path.
        category: The event's category.
        on_failure: Called where an event can't be recorded; then the response is sent all the same. Without it the
            error is raised, and the client gets none of the response.
    """

    actor: ActorOf | None = None
    headers: Sequence[str] = ()
    skip: frozenset[str] = frozenset()
    resource_type: str = "http.path"
    category: Category = Category.ACCESS
    on_failure: OnFailure | None = None

    @property
    def names(self) -> frozenset[str]:
        """The names of all headers that are looked at, in lower case."""
        return frozenset({*_READ, *(name.lower() for name in self.headers)})


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """What is known of a request when it arrives; of its headers those that are looked at, by names in lower case."""

    method: str
    path: str
    query: str
    client: str | None
    headers: Mapping[str, str]
    kind: str = "http.request"


def context_of(request: HttpRequest) -> AuditContext:
    """Return the context of a request: its `x-request-id` or a new id, and its trace."""
    given = request.headers.get("x-request-id", "")
    usable = 0 < len(given) <= _MOST_ID and given.isascii() and given.isprintable()
    trace = parse_traceparent(request.headers.get("traceparent", ""))
    return AuditContext(
        correlation_id=given if usable else str(uuid7()),
        trace_id=trace.trace_id if trace else None,
        span_id=trace.span_id if trace else None,
    )


def event_of(
    audit: HttpAudit, request: HttpRequest, context: AuditContext, details: Mapping[str, Any], status: int | None
) -> EventFields:
    """Return a request's event.

    Args:
        audit: What is recorded.
        request: The request.
        context: Its context.
        details: Its ASGI scope or WSGI environment, for the actor.
        status: The response's status; None where the request ended without one.
    """
    attributes = {"path": clean(mask_tokens(request.path))}
    if request.query:
        attributes["query"] = clean(mask_query(request.query))
    for name in audit.headers:
        value = request.headers.get(name.lower())
        if value is not None:
            attributes[f"header.{name.lower()}"] = clean(mask_value(name, value))
    fields: EventFields = {
        "actor": _actor(audit, request, context, details),
        "action": clean(request.method) or "-",
        "resources": [Resource(audit.resource_type, attributes["path"] or "/")],
        "outcome": outcome_of(status),
        "category": audit.category,
        "event_type": request.kind,
        "tenant": context.tenant,
        "status_code": None if status is None else str(status),
        "correlation_id": context.correlation_id,
        "trace_id": context.trace_id,
        "span_id": context.span_id,
        "attributes": attributes,
    }
    return fields


def outcome_of(status: int | None) -> Outcome:
    """Return the outcome that a status means: 401, 403, 407 and 451 are refusals."""
    if status is None:
        return Outcome.UNKNOWN
    if status in _DENIED:
        return Outcome.DENIED
    return Outcome.SUCCESS if status < 400 else Outcome.FAILURE


def clean(text: str) -> str:
    """Return a text that an event can hold: UTF-8, and of bounded length."""
    if len(text) > _MOST_CHARACTERS:
        text = f"{text[:_MOST_CHARACTERS]}… ({len(text) - _MOST_CHARACTERS} more characters)"
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _actor(audit: HttpAudit, request: HttpRequest, context: AuditContext, details: Mapping[str, Any]) -> Actor:
    found = context.actor
    if audit.actor is not None:
        try:
            found = audit.actor(details) or found
        except Exception:  # code of the service: the event is not lost for it
            _log.exception("the actor of a request is unknown: the middleware's actor function raised an error")
            return _UNKNOWN
        if found is not None and not isinstance(found, Actor):
            _log.error(
                "the actor of a request is unknown: the middleware's actor function returned %s and not an Actor",
                type(found).__name__,
            )
            return _UNKNOWN
    if found is not None:
        return found
    agent, client = request.headers.get("user-agent"), request.client
    # A proxy's header may have set the address, so a client can choose it.
    ip = None if client is None else clean(client)
    return Actor("anonymous", "anonymous", ip=ip, user_agent=None if agent is None else clean(mask_tokens(agent)))
