"""The three logins: a name is established by what only its owner can show, and by nothing else."""

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey
from joserfc.jws import JWSRegistry
from starlette.requests import Request
from starlette.testclient import TestClient

from auditseal_daemon.signed_tokens import TokenRules
from auditseal_explorer import oidc_login
from auditseal_explorer.access import Access
from auditseal_explorer.admission import Login
from auditseal_explorer.certificate_login import common_name
from auditseal_explorer.oidc_login import OidcLogin
from auditseal_explorer.producer_trail import StrictTrail
from auditseal_explorer.proxy_login import ProxyLogin
from auditseal_producer.testing import RecordedEvents
from auditseal_schemas.event_parts import Outcome
from tests.factory.exploring import Exploring, Page
from tests.factory.oidc_provider import CLIENT, SECRET, OidcProvider
from tests.factory.vaults import MemoryVault
from tests.unit.explorer.test_app import TRUST

URL = "https://audit.example.com"
KEY = ECKey.generate_key("P-256", {"kid": "1"})
RULES = TokenRules("https://proxy.example.com", "auditseal")
PROXY = ProxyLogin("x-auditor", KeySet([ECKey.import_key(KEY.as_dict(private=False))]), RULES)
CLAIMS = {"iss": RULES.issuer, "aud": RULES.audience, "sub": "ada", "exp": int(time.time()) + 86_400}


def exploring_behind(login: Login) -> Exploring:
    return Exploring(MemoryVault(), TRUST, access=Access(URL, login, {"ada": None}))


def asked_with(*headers: tuple[str, str]) -> Request:
    raw = [(name.encode(), value.encode()) for name, value in headers]
    return Request({"type": "http", "headers": raw})


def signed(claims: dict[str, Any], key: Any = KEY, algorithm: str = "ES256", **header: Any) -> str:
    registry = JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    return jwt.encode({"alg": algorithm, "kid": "1", **header}, claims, key, registry=registry)


def test_the_proxys_token_names_the_auditor() -> None:
    explorer = exploring_behind(PROXY)
    assert explorer.client.get("/logs", headers={"x-auditor": signed(CLAIMS)}).status_code == 200
    assert explorer.client.get("/logs", headers={"x-auditor": signed(CLAIMS | {"sub": "eve"})}).status_code == 403
    assert explorer.client.get("/logs").status_code == 401
    with_more = signed(CLAIMS, signer="a proxy's own parameter")
    assert explorer.client.get("/logs", headers={"x-auditor": with_more}).status_code == 200


def _part(value: dict[str, Any]) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


PUBLIC_AS_SECRET = OctKey.import_key(str(KEY.as_dict(private=False)["x"]), {"kid": "1"})


@pytest.mark.parametrize(
    "token",
    [
        "ada",
        "",
        signed(CLAIMS | {"exp": int(time.time()) - 1}),
        signed({name: value for name, value in CLAIMS.items() if name != "exp"}),
        signed(CLAIMS | {"iss": "https://evil.example"}),
        signed(CLAIMS | {"aud": "another"}),
        signed(CLAIMS | {"nbf": int(time.time()) + 86_400}),
        signed(CLAIMS | {"sub": ""}),
        signed(CLAIMS | {"sub": ["ada"]}),
        signed(CLAIMS, ECKey.generate_key("P-256", {"kid": "1"})),
        signed(CLAIMS, PUBLIC_AS_SECRET, "HS256"),
        signed(CLAIMS, KEY, "ES256")[:-4] + "AAAA",
        f"{_part({'alg': 'ES256', 'kid': '1', 'crit': ['else'], 'else': 1})}.{signed(CLAIMS).partition('.')[2]}",
        f"{_part({'alg': 'none'})}.{_part(CLAIMS)}.",
    ],
)
def test_another_token_names_nobody(token: str) -> None:
    assert PROXY.name_of(asked_with(("x-auditor", token))) is None


def test_a_second_token_names_nobody() -> None:
    token = signed(CLAIMS)
    assert PROXY.name_of(asked_with(("x-auditor", token))) == "ada"
    assert PROXY.name_of(asked_with(("x-auditor", token), ("x-auditor", token))) is None


@pytest.mark.parametrize(
    ("subject", "name"),
    [
        ([[("commonName", "ada")]], "ada"),
        ([[("organizationName", "x")], [("commonName", "ada")]], "ada"),
        ([[("commonName", "ada")], [("commonName", "eve")]], None),
        ([[("commonName", "ada"), ("commonName", "eve")]], None),
        ([], None),
    ],
)
def test_a_certificate_names_its_only_common_name(subject: Any, name: str | None) -> None:
    assert common_name({"subject": subject}) == name


@pytest.fixture(scope="module")
def provider() -> Iterator[OidcProvider]:
    with OidcProvider() as provider:
        yield provider


@pytest.fixture
def explorer(provider: OidcProvider) -> Exploring:
    provider.claims, provider.wrong = {"sub": "ada"}, {}
    provider.key = provider._published
    return exploring_behind(OidcLogin(provider.issuer, CLIENT, SECRET, URL))


def log_in(browser: TestClient, page: str = "/logs") -> httpx2.Response:
    """Follow the redirects of a login, as a browser would, and return the answer of the last step."""
    return browser.get(_callback(browser, page))


def _callback(browser: TestClient, page: str = "/logs") -> str:
    sent = browser.get(page)
    assert sent.status_code == 302, sent.text
    away = browser.get(sent.headers["location"])
    assert away.status_code == 302, away.text
    back = httpx2.get(away.headers["location"])
    assert back.headers["location"].startswith(f"{URL}/login/callback?")
    return str(back.headers["location"])


def test_a_login_leads_back_to_the_page(explorer: Exploring) -> None:
    done = log_in(explorer.client, "/logs?x=1")
    assert (done.status_code, done.headers["location"]) == (302, "/logs?x=1")
    cookie = done.headers["set-cookie"].lower()
    assert cookie.startswith("__host-auditseal=")
    assert all(part in cookie for part in ("secure", "httponly", "samesite=lax", "path=/"))
    assert explorer.client.get("/logs").status_code == 200
    assert explorer.client.get("/api/v1/logs").status_code == 200
    assert explorer.client.get("/login/end").status_code == 200
    assert explorer.client.get("/logs").status_code == 302
    assert explorer.client.get("/api/v1/logs").status_code == 401


@pytest.mark.parametrize(
    "wrong",
    [
        {"nonce": "another"},
        {"aud": "another"},
        {"iss": "https://evil.example"},
        {"exp": int(time.time()) - 600},
        {"sub": ""},
        {"sub": 7},
    ],
)
def test_another_id_token_logs_nobody_in(explorer: Exploring, provider: OidcProvider, wrong: dict[str, Any]) -> None:
    provider.wrong = wrong
    assert log_in(explorer.client).status_code == 401
    assert explorer.client.get("/logs").status_code == 302


def test_an_id_token_of_another_key_logs_nobody_in(explorer: Exploring, provider: OidcProvider) -> None:
    provider.key = type(provider.key).generate_key(2048, {"kid": "1"})
    assert log_in(explorer.client).status_code == 401


def test_a_login_ends_in_the_browser_in_which_it_began(explorer: Exploring) -> None:
    other = TestClient(explorer.app, URL, follow_redirects=False)
    callback = _callback(other)
    assert explorer.client.get(callback).status_code == 401
    assert explorer.client.get("/logs").status_code == 302
    assert other.get(callback).status_code == 302
    other.cookies.clear()
    assert other.get(callback).status_code == 401


def test_a_login_that_fails_is_recorded_and_one_that_begins_is_not(provider: OidcProvider) -> None:
    recorder = RecordedEvents()
    login = OidcLogin(provider.issuer, CLIENT, SECRET, URL)
    access = Access(URL, login, {"ada": None})
    explorer = Exploring(MemoryVault(), TRUST, access=access, trail=StrictTrail(recorder))
    provider.claims, provider.wrong = {"sub": "ada"}, {"nonce": "another"}
    assert log_in(explorer.client).status_code == 401
    (event,) = recorder.events
    assert (event.action, event.actor.auth_method, event.outcome) == ("auditseal.login", "oidc", Outcome.DENIED)
    provider.wrong = {}
    assert log_in(explorer.client).status_code == 302
    assert len(recorder.events) == 1


def test_somebody_who_is_not_listed_stays_out(explorer: Exploring, provider: OidcProvider) -> None:
    provider.claims = {"sub": "eve"}
    assert log_in(explorer.client).status_code == 302
    answer = explorer.client.get("/logs")
    assert answer.status_code == 403
    assert "does not list your name" in Page(answer.text).text


@pytest.mark.parametrize(("verified", "status"), [(True, 302), (False, 401), (None, 401), ("true", 401)])
def test_an_email_address_must_be_verified(provider: OidcProvider, verified: object, status: int) -> None:
    provider.claims, provider.wrong = {"sub": "1", "email": "ada", "email_verified": verified}, {}
    explorer = exploring_behind(OidcLogin(provider.issuer, CLIENT, SECRET, URL, "email"))
    assert log_in(explorer.client).status_code == status


def test_a_session_ends(explorer: Exploring, monkeypatch: pytest.MonkeyPatch) -> None:
    log_in(explorer.client)
    assert explorer.client.get("/logs").status_code == 200
    later = time.time() + oidc_login.SESSION_SECONDS + 1
    monkeypatch.setattr(oidc_login, "time", lambda: later)
    assert explorer.client.get("/logs").status_code == 302


def test_a_cookie_of_another_start_is_not_a_session(explorer: Exploring, provider: OidcProvider) -> None:
    log_in(explorer.client)
    again = exploring_behind(OidcLogin(provider.issuer, CLIENT, SECRET, URL))
    again.client.cookies = explorer.client.cookies
    assert again.client.get("/logs").status_code == 302


@pytest.mark.parametrize("page", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_a_login_leads_to_no_other_site(explorer: Exploring, page: str) -> None:
    away = explorer.client.get("/login", params={"page": page})
    back = httpx2.get(away.headers["location"]).headers["location"]
    assert explorer.client.get(back).headers["location"] == "/"


def test_a_provider_that_is_away_is_named(provider: OidcProvider) -> None:
    explorer = exploring_behind(OidcLogin("http://127.0.0.1:1", CLIENT, SECRET, URL))
    answer = explorer.client.get("/login")
    assert (answer.status_code, "provider can't be reached" in Page(answer.text).text) == (503, True)


def test_the_login_asks_only_for_itself(explorer: Exploring, provider: OidcProvider) -> None:
    away = explorer.client.get("/login").headers["location"]
    asked = {name: values[0] for name, values in parse_qs(urlsplit(away).query).items()}
    assert away.startswith(f"{provider.issuer}/authorize?")
    assert asked["scope"] == "openid email"
    assert len(asked["state"]) >= 20
    assert len(asked["nonce"]) >= 20
