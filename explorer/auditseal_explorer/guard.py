"""Who may ask: the hosts and origins that are answered, and the headers that every answer has.

An explorer has no login. It listens on this machine alone, and a page of another site must not read through it: a
browser sends such a page's requests with another `Host` (DNS rebinding), `Origin` or `Sec-Fetch-Site`.
"""

from collections.abc import Iterable, Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECURITY_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
_SECURE = {"strict-transport-security": "max-age=31536000"}
_CACHED = "public, max-age=3600"
_OWN_SITES = {"same-origin", "none"}
READS = ("GET", "HEAD")
"""The methods that change nothing."""


def refusal(headers: Mapping[str, str], hosts: Iterable[str]) -> tuple[int, str] | None:
    """Return the status and the reason with which a request is refused, None if it is answered.

    Args:
        headers: The request's headers.
        hosts: The values of `Host` under which the explorer is reached.
    """
    host, origin = headers.get("host", ""), headers.get("origin")
    if host not in hosts:
        return 421, "The explorer is not reached under this name: open the address that it printed when it started."
    if origin is not None and origin.partition("://")[2] != host:
        return 403, "A page of another site asked."
    # A link that somebody follows to a page is wanted. A picture, a frame or a script of another site is not.
    navigates = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    if headers.get("sec-fetch-site", "none") not in _OWN_SITES and not navigates:
        return 403, "A page of another site asked."
    return None


class Guard:
    """Refuses requests as `refusal` says, and adds the headers of security to each answer. ASGI middleware.

    Args:
        app: Answers the others.
        hosts: The values of `Host` under which the explorer is reached.
        methods: The HTTP methods that are answered.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str], methods: Iterable[str] = READS) -> None:
        self._app, self._hosts, self._methods = app, frozenset(hosts), frozenset(methods)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                cache = _CACHED if scope["path"].startswith("/static/") else "no-store"
                secure = _SECURE if scope["scheme"] == "https" else {}
                MutableHeaders(scope=message).update(SECURITY_HEADERS | secure | {"cache-control": cache})
            await send(message)

        await (self._refusal_of(scope) or self._app)(scope, receive, send_guarded)

    def _refusal_of(self, scope: Scope) -> Response | None:
        if scope["method"] not in self._methods:
            methods = ", ".join(sorted(self._methods))
            return PlainTextResponse(f"This page answers only {methods}.", 405, {"allow": methods})
        refused = refusal(Headers(scope=scope), self._hosts)
        return PlainTextResponse(refused[1], refused[0]) if refused else None
