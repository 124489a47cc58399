"""ASGI middleware: one event a request, recorded before the first byte of its response is sent.

    app = AuditMiddleware(app, audit, HttpAudit(actor=lambda scope: scope.get("actor")))

It is plain ASGI (https://asgi.readthedocs.io/en/latest/specs/www.html), for FastAPI, Starlette, Django and others. It
never reads a body.
"""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, TypeAlias

from auditseal_glue.context import NOTHING_KNOWN, current_context, enter_request, leave_request
from auditseal_glue.http_event import FAILED, HttpAudit, HttpRequest, context_of, event_of
from auditseal_producer import AsyncRecorder, AuditsealError

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

_STATUSES = {"websocket.accept": 101, "websocket.close": 403}  # by what the application sends first


class AuditMiddleware:
    """Wraps an ASGI application.

    A request whose application fails before its response begins is recorded as status 500, one that is cancelled
    without a response as an unknown outcome. A WebSocket is recorded when it is accepted or refused.

    Args:
        app: The application.
        recorder: Takes the events: an AsyncAuditProducer, or an AsyncRecordedEvents in tests.
        audit: What is recorded.
    """

    def __init__(self, app: App, recorder: AsyncRecorder, audit: HttpAudit | None = None) -> None:
        self._app = app
        self._recorder = recorder
        self._audit = audit or HttpAudit()
        self._names = {name.encode("latin-1"): name for name in self._audit.names}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request.

        Raises:
            AuditsealError: Its event can't be recorded, and `on_failure` isn't set.
        """
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        if scope["path"] in self._audit.skip:
            token = enter_request(NOTHING_KNOWN)
            try:
                await self._app(scope, receive, send)
            finally:
                leave_request(token)
            return
        request = read_scope(scope, self._names)
        found = context_of(request)
        recorded = False

        async def record(status: int | None) -> None:
            nonlocal recorded
            if not recorded:
                recorded = True
                await self._record(request, scope, status)

        async def send_recorded(message: Message) -> None:
            kind = message["type"]
            if not recorded and (kind == "http.response.start" or kind in _STATUSES):
                await record(message["status"] if kind == "http.response.start" else _STATUSES[kind])
            await send(message)

        token = enter_request(found)
        try:
            await self._app(scope, receive, send_recorded)
        except Exception:
            await record(FAILED)
            raise
        finally:
            try:
                await record(None)
            finally:
                leave_request(token)

    async def _record(self, request: HttpRequest, scope: Scope, status: int | None) -> None:
        fields = event_of(self._audit, request, current_context(), scope, status)
        try:
            await self._recorder.accept(**fields)
        except AuditsealError as error:
            if self._audit.on_failure is None:
                raise
            self._audit.on_failure(error, fields)


def read_scope(scope: Scope, names: Mapping[bytes, str]) -> HttpRequest:
    """Return what a connection scope says of its request, with the headers that have one of the names."""
    client, headers = scope.get("client"), dict[str, str]()
    for name, value in scope["headers"]:  # the specification: names are in lower case
        if name in names:
            text, key = value.decode("latin-1"), names[name]
            headers[key] = f"{headers[key]}, {text}" if key in headers else text  # RFC 9110, section 5.2
    return HttpRequest(
        method=scope.get("method", "GET"),
        path=scope["path"],
        query=scope.get("query_string", b"").decode("latin-1"),
        client=client[0] if client else None,
        headers=headers,
        kind="http.request" if scope["type"] == "http" else "websocket.connect",
    )
