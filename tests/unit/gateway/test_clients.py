"""The clients file, tokens, and whose a request is by them or by its certificate."""

import asyncio
from pathlib import Path

import pytest

from auditseal_gateway.clients import Client, ClientDirectory
from auditseal_gateway.errors import LoginError
from auditseal_gateway.login import Login
from auditseal_gateway.tokens import digest_of, equal_digests, is_token, make_token
from auditseal_schemas.errors import ConfigurationError
from tests.factory.gateway import BILLING, CLIENTS, PORTAL, TOKENS, clients_file

DIRECTORY = ClientDirectory(CLIENTS)


def source_of(login: Login, authorization: str | None, *certificate: str) -> str:
    return asyncio.run(login.client_of(authorization, certificate)).source.service


def refused(login: Login, authorization: str | None, *certificate: str) -> LoginError:
    with pytest.raises(LoginError) as caught:
        source_of(login, authorization, *certificate)
    assert caught.value.status == 401
    return caught.value


def test_a_file_is_read_back(tmp_path: Path) -> None:
    assert ClientDirectory.parse(clients_file(tmp_path / "clients.toml").read_text()).clients[0] == CLIENTS[0]
    assert DIRECTORY.sources == (BILLING, PORTAL)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", r"needs one \[\[client\]\]"),
        ("x =", "not TOML"),
        ("client = [3]", "client 1: it must be a table"),
        ("[[client]]\nservice = 'a'", "client 1: environment is missing"),
        ("[[client]]\nservice = 'a'\nenvironment = 'b'", "no credential"),
        ("[[client]]\nservice = 'a'\nenvironment = 'b'\ntoken = 'x'", "token: there is no such key"),
        ("[[client]]\nservice = ''\nenvironment = 'b'\nsubjects = ['x']", "source.service: must not be empty"),
        ("[[client]]\nservice = 'a'\nenvironment = 'b'\ntoken_sha256 = ['password']", "64 hexadecimal digits"),
        ("[[client]]\nservice = 'a'\nenvironment = 'b'\ntoken_sha256 = 'x'", "must be a list of texts"),
        ("[[client]]\nservice = 'a'\nenvironment = 'b'\ncertificates = ['CN=x']", "must begin with dns: or uri:"),
    ],
)
def test_a_file_that_is_wrong_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        ClientDirectory.parse(text)


@pytest.mark.parametrize("name", ["token_sha256", "certificates", "subjects"])
def test_a_credential_is_of_one_client(name: str) -> None:
    both = [Client(source, **{name: ("dns:one",)}) for source in (BILLING, PORTAL)]
    with pytest.raises(ConfigurationError, match=f"{name}: 'dns:one' is there twice"):
        ClientDirectory(both)


def test_tokens() -> None:
    made = {make_token() for _ in range(50)}
    assert len(made) == 50
    assert all(is_token(token) for token in made)
    assert not any(is_token(text) for text in ("", "password", "auditseal_short", f"{made.pop()}x"))
    assert digest_of("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert equal_digests("ab", "ab")
    assert not equal_digests("ab", "ac")


def test_a_token_is_that_of_its_client() -> None:
    login = Login(DIRECTORY, None)
    assert [source_of(login, f"Bearer {TOKENS[name]}") for name in TOKENS] == ["billing", "portal"]
    assert source_of(login, f"bearer  {TOKENS['portal']}", "dns:billing.example.com") == "portal"


def test_what_is_not_a_credential_is_refused() -> None:
    login = Login(DIRECTORY, None)
    assert refused(login, None).method == "none"
    for header in ("", "Basic dTpw", "Bearer", "Bearer password", f"Bearer {make_token()}", f"Bearer {'x' * 5000}"):
        error = refused(login, header)
        assert error.method == "token"
        assert header[10:] not in str(error) or len(header) < 12


def test_a_certificate_is_that_of_its_client() -> None:
    login = Login(DIRECTORY, None)
    assert source_of(login, None, "dns:other.example.com", "dns:billing.example.com") == "billing"
    assert refused(login, None, "dns:other.example.com").method == "certificate"
    two = ClientDirectory([Client(BILLING, certificates=("dns:a",)), Client(PORTAL, certificates=("dns:b",))])
    assert refused(Login(two, None), None, "dns:a", "dns:b").method == "certificate"
