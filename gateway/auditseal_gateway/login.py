"""Which client a request is from: by its token, by a token of the provider, or by its certificate."""

import asyncio
from collections.abc import Sequence

from auditseal_gateway.clients import Client, ClientDirectory
from auditseal_gateway.errors import LoginError
from auditseal_gateway.oidc import TokenVerifier
from auditseal_gateway.tokens import digest_of, is_token

_SCHEME = "bearer "


class Login:
    """Finds the client of a request.

    Args:
        clients: The clients.
        verifier: Verifies the provider's tokens; None if there is no provider.
    """

    def __init__(self, clients: ClientDirectory, verifier: TokenVerifier | None) -> None:
        self._clients = clients
        self._verifier = verifier

    async def client_of(self, authorization: str | None, certificate: Sequence[str]) -> Client:
        """Return the client. A token goes before a certificate: a proxy's certificate may be on all connections.

        Args:
            authorization: The request's header of this name.
            certificate: The names in the connection's verified certificate.

        Raises:
            LoginError: There is no credential, or it isn't valid.
            RequestError: The provider's keys can't be fetched.
        """
        if authorization is not None:
            if authorization[: len(_SCHEME)].lower() != _SCHEME:
                raise LoginError("token", "the header Authorization must be: Bearer TOKEN")
            return await self._by_token(authorization[len(_SCHEME) :].strip())
        if certificate:
            client = self._clients.by_certificate(certificate)
            if client is None:
                raise LoginError("certificate", f"no client has a certificate with the name {', '.join(certificate)}")
            return client
        raise LoginError("none", "a credential is missing: send Authorization: Bearer TOKEN, or a client certificate")

    async def _by_token(self, token: str) -> Client:
        if is_token(token):
            client = self._clients.by_digest(digest_of(token))
            if client is None:
                raise LoginError("token", "the token is not that of a client: it is wrong, or was withdrawn")
            return client
        if self._verifier is None:
            raise LoginError("token", "the token does not have the form of one: see auditseal gateway --new-token")
        subject = await asyncio.to_thread(self._verifier.subject_of, token)
        client = self._clients.by_subject(subject)
        if client is None:
            raise LoginError("oidc", "the token is valid, and its subject is not one of a client")
        return client
