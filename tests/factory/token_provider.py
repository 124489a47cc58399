"""An OpenID Connect provider on this machine: it gives signed tokens (RFC 7519) to clients that know their secret."""

import json
import threading
import time
from base64 import b64decode, urlsafe_b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from tests.factory.json_answer import answer_json

AUDIENCE = "kafka"


class TokenProvider:
    """The provider. As a context manager it serves its token endpoint at `url`."""

    def __init__(self, clients: dict[str, str]) -> None:
        self._clients = clients
        self.key = rsa.generate_private_key(65537, 2048)
        self.asked, self.seconds = 0, 300
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                provider.asked += 1
                self.rfile.read(int(self.headers["Content-Length"]))
                given = b64decode(self.headers["Authorization"].removeprefix("Basic ")).decode()
                name, _, secret = given.partition(":")
                if provider._clients.get(name) == secret:
                    token = provider.token(name)
                    answer_json(
                        self, 200, {"access_token": token, "token_type": "Bearer", "expires_in": provider.seconds}
                    )
                else:
                    answer_json(self, 401, {"error": "invalid_client"})

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/token"

    def keys(self) -> str:
        """The provider's public key as a JSON Web Key Set (RFC 7517)."""
        numbers = self.key.public_key().public_numbers()
        key = {"kty": "RSA", "kid": "1", "alg": "RS256", "use": "sig", "n": _number(numbers.n), "e": _number(numbers.e)}
        return json.dumps({"keys": [key]})

    def token(self, name: str) -> str:
        """A token of a client for `seconds`, signed."""
        now = int(time.time())
        claims = {"sub": name, "aud": AUDIENCE, "scope": "kafka", "iat": now, "exp": now + self.seconds}
        signed = ".".join(_base64url(json.dumps(part).encode()) for part in ({"alg": "RS256", "kid": "1"}, claims))
        return f"{signed}.{_base64url(self.key.sign(signed.encode(), padding.PKCS1v15(), SHA256()))}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _number(value: int) -> str:
    return _base64url(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
