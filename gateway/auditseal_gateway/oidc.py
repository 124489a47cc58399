"""Verifies the tokens of an OpenID Connect provider: signed JWTs (RFC 7519, RFC 9068)."""

from joserfc.errors import JoseError
from joserfc.jwk import GuestProtocol, KeySet

from auditseal_daemon.signed_tokens import TokenRules
from auditseal_gateway.config import Oidc
from auditseal_gateway.errors import LoginError
from auditseal_gateway.provider_keys import ProviderKeys

_LEEWAY_SECONDS = 30


class TokenVerifier:
    """Verifies tokens by the provider's keys.

    Args:
        provider: The provider.
        keys: Its keys.
    """

    def __init__(self, provider: Oidc, keys: ProviderKeys) -> None:
        self._keys = keys
        self._rules = TokenRules(provider.issuer, provider.audience, leeway=_LEEWAY_SECONDS)

    def subject_of(self, token: str) -> str:
        """Return the subject of a token. It may ask the provider, for seconds: call it in a thread.

        Raises:
            LoginError: The token isn't valid: signature, issuer, audience or time.
            RequestError: The provider's keys can't be fetched, 503.
        """
        try:
            return self._rules.subject_of(token, self._keys_of)
        except (JoseError, ValueError) as error:
            raise LoginError("oidc", f"the token is not valid: {error}") from error

    def _keys_of(self, token: GuestProtocol) -> KeySet:
        return self._keys.find(token.headers().get("kid"))
