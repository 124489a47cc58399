"""A login at an OpenID Connect provider: the authorization code flow with PKCE, by Authlib.

A session is a signed cookie. Its key is drawn at each start, so a restart ends all sessions.
"""

from secrets import token_bytes
from time import time
from typing import Any
from urllib.parse import urlencode

from authlib.integrations.starlette_client import OAuth, OAuthError
from httpx2 import HTTPError
from joserfc.errors import JoseError
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from auditseal_explorer.auditor import is_program
from auditseal_explorer.login_pages import login_page

SESSION_SECONDS = 8 * 3600
_MOST_STATE = 3  # logins under way in one browser; more would make the cookie too large


class OidcLogin:
    """Establishes the name in the provider's ID token.

    Args:
        issuer: The provider.
        client_id: The explorer's name there.
        client_secret: Its secret.
        url: How browsers reach the explorer, without a slash at the end.
        claim: The claim that has the auditor's name.
    """

    kind = "oidc"

    def __init__(self, issuer: str, client_id: str, client_secret: str, url: str, claim: str = "sub") -> None:
        self._url, self._claim = url, claim
        self._provider: Any = OAuth().register(  # Authlib has no types
            "provider",
            client_id=client_id,
            client_secret=client_secret,
            server_metadata_url=f"{issuer.rstrip('/')}/.well-known/openid-configuration",
            client_kwargs={"scope": "openid email", "code_challenge_method": "S256", "timeout": 10},
        )
        self.routes: tuple[BaseRoute, ...] = (
            Route("/login", self._begin),
            Route("/login/callback", self._finish),
            Route("/login/end", self._end),
        )
        session = Middleware(
            SessionMiddleware,
            secret_key=token_bytes(32).hex(),
            session_cookie="__Host-auditseal",
            max_age=SESSION_SECONDS,
            same_site="lax",  # the provider's redirect comes from another site, and must find the login's state
            https_only=True,
        )
        self.middleware: tuple[Middleware, ...] = (session,)

    def name_of(self, request: Request) -> str | None:
        """Return the name in the session, None without one that is still valid."""
        session = request.session
        return session["name"] if session.get("until", 0) > time() else None

    def ask(self, request: Request) -> Response:
        """Send a page's reader to the login, and back to the page; a program gets a refusal."""
        if is_program(request):
            text = "Log in with a browser first; the session's cookie opens the API too."
            return login_page(request, "You are not logged in", text, 401)
        return RedirectResponse("/login?" + urlencode({"page": _page(request)}), 302)

    async def _begin(self, request: Request) -> Response:
        for key in [key for key in request.session if key.startswith("_state_")][:-_MOST_STATE]:
            del request.session[key]
        request.session["page"] = _own_page(request.query_params.get("page", "/"))
        try:
            answer: Response = await self._provider.authorize_redirect(request, f"{self._url}/login/callback")
        except (HTTPError, OAuthError, ValueError, RuntimeError) as error:
            problem = f"It failed with {type(error).__name__}. Open the explorer to try again."
            return login_page(request, "The login's provider can't be reached", problem, 503)
        return answer

    async def _finish(self, request: Request) -> Response:
        page = request.session.get("page", "/")
        try:
            token = await self._provider.authorize_access_token(request)
        except (OAuthError, JoseError, HTTPError, ValueError) as error:
            return _failed(request, f"The provider's answer was refused: {type(error).__name__}")
        claims = token.get("userinfo") or {}
        name = claims.get(self._claim)
        if not isinstance(name, str) or not name:
            return _failed(request, f"The ID token has no claim {self._claim}")
        if self._claim == "email" and claims.get("email_verified") is not True:
            return _failed(request, "The provider has not verified the e-mail address")
        request.session.clear()
        request.session.update(name=name, until=int(time()) + SESSION_SECONDS)
        return RedirectResponse(page, 302)

    async def _end(self, request: Request) -> Response:
        request.session.clear()
        text = "The provider may still know you: to open the explorer may log you in again."
        return login_page(request, "You are logged out", text, 200)


def _failed(request: Request, problem: str) -> Response:
    return login_page(request, "The login failed", f"{problem}. Open the explorer to log in again.", 401)


def _page(request: Request) -> str:
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def _own_page(page: str) -> str:
    """Return a page of this explorer: another site's address, such as //evil.example, becomes the first page."""
    return page if page.startswith("/") and not page.startswith(("//", "/\\")) else "/"
