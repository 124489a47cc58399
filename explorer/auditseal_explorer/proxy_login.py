"""A login at a reverse proxy, which says by a signed header who asks: a JSON Web Token (RFC 7519).

The signature counts, and not that the request came from the proxy: another program on its machine can't forge it.
"""

from dataclasses import dataclass

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute

ALGORITHMS = ["RS256", "PS256", "ES256", "ES384", "EdDSA", "Ed25519"]
"""Signatures by keys of which the explorer has the public part alone: with HS256 it could sign for the proxy."""


@dataclass(frozen=True, slots=True)
class ProxyLogin:
    """Establishes the name in the proxy's token.

    Attributes:
        header: The header's name.
        keys: The proxy's public keys.
        issuer: The token's `iss`.
        audience: The token's `aud`.
        claim: The claim that has the auditor's name.
    """

    header: str
    keys: KeySet
    issuer: str
    audience: str
    claim: str = "sub"
    kind: str = "proxy"
    routes: tuple[BaseRoute, ...] = ()
    middleware: tuple[Middleware, ...] = ()

    def name_of(self, request: Request) -> str | None:
        """Return the name in the token, None without one that is valid now."""
        given = request.headers.getlist(self.header)
        if len(given) != 1:
            return None
        claims = jwt.JWTClaimsRegistry(
            iss={"essential": True, "value": self.issuer},
            aud={"essential": True, "value": self.audience},
            exp={"essential": True},
        )
        try:
            token = jwt.decode(given[0], self.keys, algorithms=ALGORITHMS)
            claims.validate(token.claims)
        except (JoseError, ValueError):
            return None
        name = token.claims.get(self.claim)
        return name if isinstance(name, str) and name else None

    def ask(self, request: Request) -> Response:  # noqa: ARG002  (the interface's)
        """Refuse: only the proxy can log somebody in."""
        problem = f"The header {self.header} has no valid token: reach the explorer through its proxy."
        return PlainTextResponse(problem, 401)
