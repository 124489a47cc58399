"""A login at a reverse proxy, which says by a signed header who asks: a JSON Web Token (RFC 7519).

The signature counts, and not that the request came from the proxy: another program on its machine can't forge it.
"""

from dataclasses import dataclass

from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from auditseal_daemon.signed_tokens import TokenRules
from auditseal_explorer.login_pages import login_page


@dataclass(frozen=True, slots=True)
class ProxyLogin:
    """Establishes the name in the proxy's token.

    Attributes:
        header: The header's name.
        keys: The proxy's public keys.
        rules: What a token must state, and the claim that has the auditor's name.
    """

    header: str
    keys: KeySet
    rules: TokenRules
    kind: str = "proxy"
    routes: tuple[BaseRoute, ...] = ()
    middleware: tuple[Middleware, ...] = ()

    def name_of(self, request: Request) -> str | None:
        """Return the name in the token, None without one that is valid now."""
        given = request.headers.getlist(self.header)
        if len(given) != 1:
            return None
        try:
            return self.rules.subject_of(given[0], self.keys)
        except (JoseError, ValueError):
            return None

    def ask(self, request: Request) -> Response:
        """Refuse: only the proxy can log somebody in."""
        problem = f"The header {self.header} has no valid token: reach the explorer through its proxy."
        return login_page(request, "You are not logged in", problem, 401)
