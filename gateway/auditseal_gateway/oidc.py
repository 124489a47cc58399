"""Verifies the tokens of an OpenID Connect provider: signed JWTs (RFC 7519, RFC 9068)."""

import ssl
from typing import Any

import jwt

from auditseal_gateway.config import Oidc
from auditseal_gateway.errors import LoginError, RequestError

_ALGORITHMS = ("RS256", "PS256", "ES256", "ES384", "EdDSA")  # signatures alone: a shared secret would let clients sign
_LEEWAY_SECONDS = 30
_FETCH_SECONDS = 5.0
_RETRY_SECONDS = 5


class TokenVerifier:
    """Verifies tokens by the provider's keys, which it keeps for five minutes. A new key is fetched sooner.

    Raises:
        jwt.PyJWKClientError: The URL of the keys isn't http or https.
    """

    def __init__(self, provider: Oidc) -> None:
        self._provider = provider
        context = ssl.create_default_context(cafile=provider.ca) if provider.ca else None
        self._keys = jwt.PyJWKClient(provider.jwks_url, timeout=_FETCH_SECONDS, ssl_context=context)

    def subject_of(self, token: str) -> str:
        """Return the subject of a token. It may ask the provider, for seconds: call it in a thread.

        Raises:
            LoginError: The token isn't valid: signature, issuer, audience or time.
            RequestError: The provider's keys can't be fetched, 503.
        """
        try:
            key = self._keys.get_signing_key_from_jwt(token)
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=list(_ALGORITHMS),
                audience=self._provider.audience,
                issuer=self._provider.issuer,
                leeway=_LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.PyJWKClientConnectionError as error:
            problem = f"the keys of {self._provider.issuer} can't be fetched: {error}"
            raise RequestError(503, problem, _RETRY_SECONDS) from error
        except jwt.PyJWTError as error:
            raise LoginError("oidc", f"the token is not valid: {error}") from error
        return str(claims["sub"])
