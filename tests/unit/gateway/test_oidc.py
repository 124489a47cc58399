"""Tokens of an OpenID Connect provider, and the provider's keys: a real server has them, as JSON."""

import asyncio
import hmac
import json
import time
import warnings
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry
from joserfc.registry import HeaderParameter

from auditseal_gateway.clients import ClientDirectory
from auditseal_gateway.config import Oidc
from auditseal_gateway.errors import LoginError, RequestError
from auditseal_gateway.login import Login
from auditseal_gateway.oidc import TokenVerifier
from auditseal_gateway.provider_keys import KEPT_SECONDS, RETRY_SECONDS, UNKNOWN_SECONDS, ProviderKeys
from tests.factory.gateway import CLIENTS
from tests.factory.http_server import HttpServer, serving, whole

ISSUER, AUDIENCE = "https://issuer.example.com", "gateway"
KEY, OTHER = RSAKey.generate_key(2048, {"kid": "1"}), RSAKey.generate_key(2048, {"kid": "1"})
NEXT = ECKey.generate_key("P-256", {"kid": "2"})


@dataclass
class Provider:
    """A provider's server, which a test makes answer as it likes; a gateway's login there; and the gateway's clock."""

    keys: list[Any]
    status: str = "200 OK"
    headers: tuple[str, ...] = ()
    body: bytes | None = None
    now: float = 1_000.0
    server: HttpServer = field(init=False)
    login: Login = field(init=False)

    def answer(self, _head: str) -> Iterator[bytes | float]:
        public = [key if isinstance(key, dict) else key.as_dict(private=False) for key in self.keys]
        body = json.dumps({"keys": public}).encode() if self.body is None else self.body
        return whole(body, self.status, *self.headers)

    def subject(self, token: str) -> str:
        return asyncio.run(self.login.client_of(f"Bearer {token}", ())).source.service


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider([KEY])
    with serving(made.answer) as made.server:
        config = Oidc(ISSUER, AUDIENCE, made.server.url)
        keys = ProviderKeys(config, lambda: made.now)
        made.login = Login(ClientDirectory(CLIENTS), TokenVerifier(config, keys))
        yield made


def claims(**changed: object) -> dict[str, Any]:
    stated = {"sub": "billing-job", "aud": AUDIENCE, "iss": ISSUER, "exp": int(time.time()) + 86_400}
    return {name: value for name, value in {**stated, **changed}.items() if value is not None}


def sign(key: Key = KEY, algorithm: str = "RS256", header: dict[str, Any] | None = None, **changed: object) -> str:
    own = {"else": HeaderParameter("a parameter that only this test knows", "int")}
    registry = JWSRegistry(own, [algorithm], strict_check_header=False)
    registry.max_header_length = 1 << 20
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)  # of making a token of EdDSA; reading one must give none
        return jwt.encode({"alg": algorithm, "kid": "1", **(header or {})}, claims(**changed), key, registry=registry)


def part(value: object) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def unsigned(header: object, signature: str = "") -> str:
    return f"{part(header)}.{part(claims())}.{signature}"


def test_a_token_of_the_provider_names_its_subject_and_its_keys_are_kept(provider: Provider) -> None:
    provider.keys.append(ed := OKPKey.generate_key("Ed25519", {"kid": "3"}))
    tokens = [
        sign(),
        sign(aud=["another", AUDIENCE]),
        sign(algorithm="PS256"),
        sign(header={"x5c": ["A" * 4_000], "provider": "a parameter of its own"}),
        *(sign(ed, algorithm, {"kid": "3"}) for algorithm in ("EdDSA", "Ed25519")),
    ]
    assert [provider.subject(token) for token in tokens] == ["billing"] * len(tokens)
    assert len(provider.server.requests) == 1


def sign_by_public_key() -> str:
    """Return a token whose shared secret is the provider's public key, which everyone knows."""
    signed = f"{part({'alg': 'HS256', 'kid': '1'})}.{part(claims())}"
    digest = hmac.digest(KEY.as_pem(private=False), signed.encode(), "sha256")
    return f"{signed}.{urlsafe_b64encode(digest).rstrip(b'=').decode()}"


WRONG = {
    "not a token": "a.b.c",
    "empty parts": "..",
    "JSON of another type": unsigned([1]),
    "a header without an algorithm": unsigned({"kid": "1"}, "AAAA"),
    "another key": sign(OTHER),
    "no signature": unsigned({"alg": "none", "kid": "1"}),
    "None": unsigned({"alg": "None", "kid": "1"}),
    "the public key as a shared secret": sign_by_public_key(),
    "a shared secret": sign(OctKey.generate_key(256), "HS256"),
    "an algorithm of another type of key": sign(ECKey.generate_key("P-256"), "ES256"),
    "a weak algorithm": sign(algorithm="RS384"),
    "a changed claim": sign().replace(".", "." + part(claims(sub="portal")) + ".", 1).rsplit(".", 2)[0] + ".AAAA",
    "a signature cut off": sign().rpartition(".")[0] + ".",
    "a critical parameter that isn't known": sign(header={"crit": ["else"], "else": 1}),
    "an unknown key": sign(header={"kid": "9"}),
    "a key's name that is a number": unsigned({"alg": "RS256", "kid": 1}, "AAAA"),
    "a header of 64 KiB": sign(header={"x5c": ["A" * 65_536]}),
    "an old one": sign(exp=int(time.time()) - 60),
    "one of tomorrow": sign(nbf=int(time.time()) + 86_400),
    "a time that is a text": sign(exp="tomorrow"),
    "another audience": sign(aud="another"),
    "audiences without ours": sign(aud=["another", AUDIENCE + "s"]),
    "another issuer": sign(iss="https://other.example.com"),
    **{f"no {name}": sign(**{name: None}) for name in ("exp", "aud", "iss", "sub")},
    "an empty subject": sign(sub=""),
    "a subject that is a list": sign(sub=["billing-job"]),
    "a subject of no client": sign(sub="nobody"),
}


@pytest.mark.parametrize("token", WRONG.values(), ids=WRONG)
def test_another_token_is_refused(provider: Provider, token: str) -> None:
    with pytest.raises(LoginError) as caught:
        provider.subject(token)
    assert (caught.value.status, caught.value.method) == (401, "oidc")
    assert len(provider.server.requests) <= 1


def test_a_new_key_counts_soon_and_a_withdrawn_one_no_longer_than_keys_are_kept(provider: Provider) -> None:
    provider.subject(sign())
    provider.keys[:] = [NEXT]
    for _ in range(3):  # strangers can't make the gateway ask again and again
        with pytest.raises(LoginError):
            provider.subject(sign(NEXT, "ES256", {"kid": "2"}))
    assert len(provider.server.requests) == 1
    provider.now += UNKNOWN_SECONDS
    assert provider.subject(sign(NEXT, "ES256", {"kid": "2"})) == "billing"
    with pytest.raises(LoginError):
        provider.subject(sign())
    assert len(provider.server.requests) == 2

    provider.keys[:] = [KEY]
    provider.now += KEPT_SECONDS - 1
    assert provider.subject(sign(NEXT, "ES256", {"kid": "2"})) == "billing"
    provider.now += 1
    with pytest.raises(LoginError):
        provider.subject(sign(NEXT, "ES256", {"kid": "2"}))
    assert len(provider.server.requests) == 3


def test_a_token_needs_no_name_of_its_key_if_there_is_one_key(provider: Provider) -> None:
    nameless = jwt.encode({"alg": "RS256"}, claims(), RSAKey.import_key(KEY.as_pem(private=True)))
    assert provider.subject(nameless) == "billing"
    provider.keys.append(NEXT)
    provider.now += KEPT_SECONDS
    with pytest.raises(LoginError):
        provider.subject(nameless)


def test_keys_that_cannot_be_used_are_left_out(provider: Provider) -> None:
    good = KEY.as_dict(private=False)
    provider.keys[:0] = [
        {"kty": "AKP", "kid": "1", "alg": "ML-DSA-44", "pub": "AAAA"},
        {"kty": ["RSA"]},
        {"kid": "1"},
        {"kty": "RSA", "kid": "1"},
        {"kty": "EC", "kid": "1", "crv": "P-0", "x": "AA", "y": "AA"},
        good | {"use": "?"},
        good | {"n": "!"},
    ]
    assert provider.subject(sign()) == "billing"


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        ("500 Internal Server Error", (), None),
        ("302 Found", ("Location: https://evil.example/keys",), None),
        ("200 OK", (), b"<html>"),
        ("200 OK", (), b"[]"),
        ("200 OK", (), b'{"keys": 3}'),
        ("200 OK", (), b'{"keys": []}'),
        ("200 OK", (), b'{"keys": [3, null]}'),
        ("200 OK", (), b" " * (1 << 20) + b'{"keys": []}'),
    ],
)
def test_keys_that_cannot_be_fetched_are_not_the_clients_fault(
    provider: Provider, status: str, headers: tuple[str, ...], body: bytes | None
) -> None:
    provider.status, provider.headers, provider.body = status, headers, body
    for _ in range(3):
        with pytest.raises(RequestError, match="can't be fetched") as caught:
            provider.subject(sign())
        assert (caught.value.status, caught.value.retry_after) == (503, RETRY_SECONDS)
    assert len(provider.server.requests) == 1  # the provider is not asked again by every client
    provider.status, provider.headers, provider.body = "200 OK", (), None
    provider.now += RETRY_SECONDS
    assert provider.subject(sign()) == "billing"


def test_keys_are_kept_while_the_provider_is_away(provider: Provider) -> None:
    provider.subject(sign())
    provider.status = "503 Service Unavailable"
    provider.now += UNKNOWN_SECONDS
    with pytest.raises(LoginError):
        provider.subject(sign(NEXT, "ES256", {"kid": "2"}))
    assert provider.subject(sign()) == "billing"
    provider.now += KEPT_SECONDS
    with pytest.raises(RequestError):
        provider.subject(sign())
