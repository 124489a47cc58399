"""A key of the transit engine of OpenBao or HashiCorp Vault, over HTTP.

The engine signs with `POST /v1/MOUNT/sign/KEY`, for which a token needs the capability `update` on that path alone.
API: https://openbao.org/api-docs/secret/transit/
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pycurl
from botocore.httpsession import get_cert_path

from auditseal_daemon.secret_file import read_secret
from auditseal_schemas.errors import ConfigurationError, quoted
from auditseal_sealer.signers.external_key import SignerFailure, SignerUnavailableError
from auditseal_sealer.signers.signer_uri import OpenBaoUri
from auditseal_vault.http_connections import HttpAnswer, HttpRequest, TransferError
from auditseal_vault.http_transport import HttpTransport

_MOST_BYTES = 64 << 10  # of an answer
_OK, _FORBIDDEN, _NOT_FOUND = 200, 403, 404


class OpenBaoKey:
    """A version of a transit key. The token's file is read at each request, so a renewed token counts at once."""

    def __init__(self, uri: OpenBaoUri, token_file: Path, timeout: float, ca_file: Path | None = None) -> None:
        """Take the key's place, the file that holds only the token, and the seconds that a request may last.

        `ca_file` is the PEM of the authorities for the server's certificate, botocore's by default.
        """
        self._uri, self._token_file, self._timeout = uri, token_file, timeout
        self._transport = HttpTransport(str(ca_file) if ca_file else str(get_cert_path(True)))  # noqa: FBT003

    def __str__(self) -> str:
        return str(self._uri)

    def generate(self) -> None:
        """Make the key's first version; the token needs `read` and `update` on `MOUNT/keys/KEY`.

        Raises:
            ConfigurationError: There is a key of this name, or the URI names another version than 1.
            SignerUnavailableError: The server does not answer, refuses or fails.
        """
        if self._uri.version != 1:
            raise ConfigurationError(f"{self}: a new key has version 1, and the URI names {self._uri.version}")
        if self._send("GET", "keys", None).status != _NOT_FOUND:
            raise ConfigurationError(f"{self}: there may be a key of this name already; name another one")
        self._read(self._send("POST", "keys", b'{"type": "ed25519"}'), "update", "keys")

    def fetch_public(self) -> bytes:
        """Ask for the 32 bytes of the public key; the token needs `read` on `MOUNT/keys/KEY`.

        Raises:
            SignerUnavailableError: The server does not answer, refuses or fails, or the key is not an Ed25519 one.
        """
        data = self._read(self._send("GET", "keys", None), "read", "keys")
        return self._decode(lambda: data["keys"][str(self._uri.version)]["public_key"], "a public key")

    def sign(self, message: bytes) -> bytes:
        """Ask for the signature over a message.

        Raises:
            SignerUnavailableError: The server does not answer, refuses or fails.
        """
        wanted = {"input": b64encode(message).decode(), "key_version": self._uri.version}
        data = self._read(self._send("POST", "sign", json.dumps(wanted).encode()), "update", "sign")
        return self._decode(lambda: data["signature"].split(":")[2], "a signature")

    def _send(self, method: str, what: str, body: bytes | None) -> HttpAnswer:
        uri = self._uri
        headers = [f"X-Vault-Token: {self._token()}", "Content-Type: application/json"]
        if uri.namespace:
            headers.append(f"X-Vault-Namespace: {uri.namespace}")
        url = f"{uri.address}/v1/{uri.mount}/{what}/{uri.name}"
        request = HttpRequest(url, _MOST_BYTES, method, tuple(headers), body, seconds=self._timeout)
        try:
            return self._transport.send(request)
        except TransferError as error:
            late = error.code == pycurl.E_OPERATION_TIMEDOUT
            problem = f"{uri.address} did not answer within {self._timeout:g} s" if late else f"{uri.address}: {error}"
            raise self._error(SignerFailure.TIMEOUT if late else SignerFailure.UNREACHABLE, problem) from error

    def _token(self) -> str:
        try:
            token = read_secret(self._token_file)
        except ConfigurationError as error:
            raise self._error(SignerFailure.REFUSED, str(error)) from error
        if not token.isprintable():  # it would end the header, and begin another one
            raise self._error(SignerFailure.REFUSED, f"{self._token_file} does not hold a token alone")
        return token

    def _read(self, answer: HttpAnswer, right: str, what: str) -> Any:
        """Return the `data` of an answer. A refusal names the right that the request needs."""
        try:
            content = json.loads(answer.body)
            if answer.status == _OK and isinstance(content["data"], dict):
                return content["data"]
            said = quoted("; ".join(map(str, content["errors"])))
        except (ValueError, KeyError, TypeError, RecursionError):
            said = quoted(answer.body)
        problem = f"{self._uri.address} answered {answer.status}: {said}"
        if answer.status == _FORBIDDEN:
            path = f"{self._uri.mount}/{what}/{self._uri.name}"
            advice = f"renew the token in {self._token_file}, or give it the right to {right} {path}"
            raise self._error(SignerFailure.REFUSED, f"{problem}; {advice}")
        raise self._error(SignerFailure.FAILED, problem)

    def _decode(self, find: Callable[[], str], what: str) -> bytes:
        try:
            return b64decode(find(), validate=True)
        except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
            place = f"{self._uri.address} answered without {what} of version {self._uri.version}"
            raise self._error(SignerFailure.FAILED, f"{place}: is it a key of type ed25519?") from error

    def _error(self, failure: SignerFailure, problem: str) -> SignerUnavailableError:
        return SignerUnavailableError(str(self), failure, problem)
