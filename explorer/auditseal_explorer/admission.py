"""Who is let in: a login establishes a name, and a list says what that name may see."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Protocol

from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from auditseal_explorer.auditor import Auditor, local_auditor
from auditseal_explorer.login_pages import login_page
from auditseal_explorer.refusals import Refusals

_STRANGER = (
    "You are not an auditor here",
    "You are logged in, and this explorer's file of access does not list your name. Ask its operator.",
)


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
        refusals: Records who is not let in.
    """

    def __init__(
        self, app: ASGIApp, login: Login, auditors: Mapping[str, frozenset[str] | None], refusals: Refusals
    ) -> None:
        self._app, self._login, self._auditors, self._refusals = app, login, auditors, refusals

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or scope["path"].startswith("/static/"):
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        if _is_of_login(scope["path"]):
            await self._app(scope, receive, self._watched(request, send))
            return
        name = self._login.name_of(request)
        if name is None:
            await self._login.ask(request)(scope, receive, self._watched(request, send))
        elif name not in self._auditors:
            await self._record(request, name, "the file of access does not list the name")
            await login_page(request, *_STRANGER, 403)(scope, receive, send)
        else:
            request.state.auditor = Auditor(name, self._login.kind, self._auditors[name])
            await self._app(scope, receive, send)

    def _watched(self, request: Request, send: Send) -> Send:
        """Return a `send` that records an answer of status 401, by which a login refuses."""

        async def watch(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == HTTPStatus.UNAUTHORIZED:
                await self._record(request, None, "the login did not establish a name")
            await send(message)

        return watch

    async def _record(self, request: Request, name: str | None, problem: str) -> None:
        address = request.client.host if request.client else None
        await run_in_threadpool(self._refusals.record, self._login.kind, name, address, problem)


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


def _is_of_login(path: str) -> bool:
    return path == "/login" or path.startswith("/login/")
