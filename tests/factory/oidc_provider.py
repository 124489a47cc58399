"""An OpenID Connect provider on this machine: discovery, the authorization code flow with PKCE, and signed ID tokens.

It logs in at once the user whom a test names, and a test can make it answer wrongly.
"""

import threading
import time
from base64 import b64decode, urlsafe_b64encode
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from secrets import token_urlsafe
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.factory.json_answer import answer_json

CLIENT, SECRET = "auditseal", "s3cret/+ of the client"


class OidcProvider:
    """The provider. As a context manager it serves at `issuer`.

    Attributes:
        claims: The claims of the user who is logged in.
        wrong: Claims that replace right ones in the next ID tokens.
        key: The key that signs; the published one is always the first.
    """

    def __init__(self) -> None:
        self.key = self._published = RSAKey.generate_key(2048, {"kid": "1"})
        self.claims: dict[str, Any] = {"sub": "u-1"}
        self.wrong: dict[str, Any] = {}
        self._codes: dict[str, dict[str, str]] = {}
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                url = urlsplit(self.path)
                match url.path:
                    case "/.well-known/openid-configuration":
                        answer_json(self, 200, provider._metadata())
                    case "/keys":
                        answer_json(self, 200, {"keys": [provider._published.as_dict(private=False)]})
                    case "/authorize":
                        self.send_response(302)
                        self.send_header("Location", provider._authorize(dict(parse_qsl(url.query))))
                        self.send_header("Content-Length", "0")
                        self.end_headers()
                    case _:
                        answer_json(self, 404, {})

            def do_POST(self) -> None:
                form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
                answer_json(self, *provider._token(form, self.headers.get("Authorization", "")))

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"

    def _metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def _authorize(self, asked: dict[str, str]) -> str:
        assert (asked["client_id"], asked["response_type"], asked["code_challenge_method"]) == (CLIENT, "code", "S256")
        code = token_urlsafe()
        self._codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def _token(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        asked = self._codes.pop(form.get("code", ""), None)  # a code is for one use
        given = [unquote(part) for part in b64decode(authorization.removeprefix("Basic ")).decode().split(":", 1)]
        if given != [CLIENT, SECRET]:
            return 401, {"error": "invalid_client"}
        challenge = urlsafe_b64encode(sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=").decode()
        if asked is None or asked["code_challenge"] != challenge or asked["redirect_uri"] != form["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        token = jwt.encode({"alg": "RS256", "kid": "1"}, claims | self.claims | self.wrong, self.key)
        return 200, {"access_token": "a", "token_type": "Bearer", "expires_in": 300, "id_token": token}

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
