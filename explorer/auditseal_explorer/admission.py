"""Who is let in: a login establishes a name, and a list says what that name may see."""

from collections.abc import Mapping
from typing import Protocol

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from auditseal_explorer.auditor import Auditor, local_auditor

_OPEN = ("/static/", "/login")
_STRANGER = "You are logged in, and this explorer's file of access does not list your name. Ask its operator."


class Login(Protocol):
    """A way to establish who asks."""

    @property
    def kind(self) -> str:
        """Its name in events."""
        ...

    @property
    def routes(self) -> tuple[BaseRoute, ...]:
        """Routes of its own, below `/login`."""
        ...

    @property
    def middleware(self) -> tuple[Middleware, ...]:
        """The middleware that `name_of` needs in front of it."""
        ...

    def name_of(self, request: Request) -> str | None:
        """Return the established name of the one who asks, None if it is not established."""
        ...

    def ask(self, request: Request) -> Response:
        """Return the answer to a request whose sender is not established."""
        ...


class Admission:
    """Lets in the auditors of a list, and puts them into `request.state.auditor`. ASGI middleware.

    Args:
        app: Answers them.
        login: Establishes names.
        auditors: What each name may see: tenants, or None for everything.
    """

    def __init__(self, app: ASGIApp, login: Login, auditors: Mapping[str, frozenset[str] | None]) -> None:
        self._app, self._login, self._auditors = app, login, auditors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or scope["path"].startswith(_OPEN):
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        name = self._login.name_of(request)
        if name is None:
            await self._login.ask(request)(scope, receive, send)
        elif name not in self._auditors:
            await PlainTextResponse(_STRANGER, 403)(scope, receive, send)
        else:
            request.state.auditor = Auditor(name, self._login.kind, self._auditors[name])
            await self._app(scope, receive, send)


class LocalAdmission:
    """Lets in everyone who reaches the port, as the user of this machine who started the explorer. ASGI middleware.

    Args:
        app: Answers them.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app, self._auditor = app, local_auditor()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "http":
            Request(scope).state.auditor = self._auditor
        await self._app(scope, receive, send)
