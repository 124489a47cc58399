"""The public keys of an OpenID Connect provider (RFC 7517), fetched when they are needed and kept for five minutes."""

import json
import ssl
from collections.abc import Callable
from http.client import HTTPException
from threading import Lock
from time import monotonic
from typing import Any
from urllib.request import HTTPRedirectHandler, HTTPSHandler, build_opener

from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key, KeySet

from auditseal_gateway.config import Oidc
from auditseal_gateway.errors import RequestError

KEPT_SECONDS = 300
"""How long keys are kept: one that the provider withdrew counts no longer than that."""
UNKNOWN_SECONDS = 30
"""The least time between two fetches for tokens that name an unknown key: strangers choose these names."""
RETRY_SECONDS = 5
"""The time after a fetch that failed, in which no other is tried."""
_FETCH_SECONDS = 5.0
_MOST_BYTES = 1 << 20


class _NoRedirects(HTTPRedirectHandler):
    """Takes a redirect as a failure: the keys are those at the configured URL alone."""

    def redirect_request(self, *_: Any) -> None:
        return None


class ProviderKeys:
    """Keeps the keys of a provider, for many threads.

    Args:
        provider: The provider. The settings have checked that the URL of its keys is one of HTTP.
        clock: Seconds that only grow.
    """

    def __init__(self, provider: Oidc, clock: Callable[[], float] = monotonic) -> None:
        context = ssl.create_default_context(cafile=provider.ca) if provider.ca else None
        self._open = build_opener(_NoRedirects, HTTPSHandler(context=context)).open
        self._provider, self._clock, self._lock = provider, clock, Lock()
        self._keys, self._problem = KeySet([]), ""
        self._old_at = self._next_at = clock()

    def find(self, kid: str | None) -> KeySet:
        """Return the keys. They are fetched if they are old, or if a token names one that is not among them.

        Raises:
            RequestError: They can't be fetched, 503.
        """
        with self._lock:
            now = self._clock()
            is_known = kid is None or any(key.kid == kid for key in self._keys)
            if (now >= self._old_at or not is_known) and now >= self._next_at:
                self._fetch(now)
            if now >= self._old_at:
                problem = f"the keys of {self._provider.issuer} can't be fetched: {self._problem}"
                raise RequestError(503, problem, RETRY_SECONDS)
            return self._keys

    def _fetch(self, now: float) -> None:
        try:
            with self._open(self._provider.jwks_url, timeout=_FETCH_SECONDS) as answer:
                self._keys = _parse(answer.read(_MOST_BYTES + 1))
        except (OSError, HTTPException, ValueError) as error:
            self._problem, self._next_at = str(error), now + RETRY_SECONDS
        else:
            self._old_at, self._next_at = now + KEPT_SECONDS, now + UNKNOWN_SECONDS


def _parse(data: bytes) -> KeySet:
    """Return the keys of a JSON Web Key Set without those that can't be used (RFC 7517 section 5).

    Raises:
        ValueError: It is not one, or no key can be used.
    """
    if len(data) > _MOST_BYTES:
        raise ValueError(f"the answer has more than {_MOST_BYTES:,} bytes")
    found = json.loads(data)
    listed = found.get("keys") if isinstance(found, dict) else None
    keys = [key for key in map(_import, listed) if key is not None] if isinstance(listed, list) else []
    if not keys:
        raise ValueError("the answer is not a JSON Web Key Set with a key that can be used")
    return KeySet(keys)


def _import(key: Any) -> Key | None:
    """Return a key, None for one of an unknown type or with values that its type does not have."""
    try:
        return JWKRegistry.import_key(key)
    except (JoseError, KeyError, TypeError, ValueError):
        return None
