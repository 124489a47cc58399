"""The file of access: every wrong key is named, and a good file becomes what the explorer asks."""

import json
from pathlib import Path

import pytest
from joserfc.jwk import ECKey

from auditseal.settings_explorer import read_access
from auditseal_explorer.access import Access
from auditseal_explorer.certificate_login import CertificateLogin
from auditseal_explorer.oidc_login import OidcLogin
from auditseal_explorer.proxy_login import ProxyLogin
from auditseal_schemas.errors import ConfigurationError

KEY = ECKey.generate_key("P-256", {"kid": "1"})
URL = 'url = "https://audit.example.com:8443/"\n'
OIDC = '[oidc]\nissuer = "https://login.example.com"\nclient_id = "x"\nclient_secret_file = "FOLDER/secret"\n'
PROXY = '[proxy]\nheader = "x-auditor"\nkeys_file = "FOLDER/keys.json"\nissuer = "https://p"\naudience = "a"\n'
CERTIFICATES = '[client_certificates]\nauthorities = "FOLDER/ca.pem"\n'
TLS = 'certificate = "FOLDER/server.pem"\nkey = "FOLDER/server-key.pem"\n'
AUDITORS = '[auditors]\n"ada@example.com" = "all"\neve = ["acorn", "birch"]\n'


def read(folder: Path, text: str) -> Access:
    for name in ("secret", "ca.pem", "server.pem", "server-key.pem"):
        (folder / name).write_text("x\n")
    if not (folder / "keys.json").exists():
        (folder / "keys.json").write_text(json.dumps({"keys": [KEY.as_dict(private=False)]}))
    path = folder / "access.toml"
    path.write_text(text.replace("FOLDER", str(folder)))
    return read_access(path)


@pytest.mark.parametrize(
    ("login", "kind"), [(OIDC, OidcLogin), (PROXY, ProxyLogin), (TLS + CERTIFICATES, CertificateLogin)]
)
def test_a_good_file_becomes_a_login(tmp_path: Path, login: str, kind: type) -> None:
    access = read(tmp_path, URL + login + AUDITORS)
    assert isinstance(access.login, kind)
    assert (access.url, access.hosts) == ("https://audit.example.com:8443", ("audit.example.com:8443",))
    assert access.auditors == {"ada@example.com": None, "eve": frozenset({"acorn", "birch"})}
    assert (access.tls is None) == (kind is not CertificateLogin)
    if access.tls:
        assert access.tls.options()["ssl_ca_certs"] == str(tmp_path / "ca.pem")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("url = 1", "url: Input should be a valid string"),
        (URL + OIDC, "auditors: Field required"),
        (URL + OIDC + "[auditors]\n", "auditors: Dictionary should have at least 1 item"),
        (URL + OIDC + "[auditors]\neve = []\n", "auditors.eve"),
        (URL + OIDC + '[auditors]\neve = "some"\n', "auditors.eve"),
        (URL + AUDITORS, "name exactly one login"),
        (URL + OIDC + PROXY + AUDITORS, "name exactly one login"),
        (URL + CERTIFICATES + AUDITORS, "client certificates need the explorer's own TLS"),
        (URL + 'key = "FOLDER/server-key.pem"\n' + OIDC + AUDITORS, "certificate and key go together"),
        (URL.replace("https", "http") + OIDC + AUDITORS, "url: write https://host"),
        (URL.replace("8443/", "8443/path") + OIDC + AUDITORS, "url: write https://host"),
        (URL + OIDC.replace("FOLDER/secret", "FOLDER/gone") + AUDITORS, "oidc.client_secret_file"),
        (URL + "colour = 1\n" + OIDC + AUDITORS, "colour: Extra inputs are not permitted"),
        ("url = ", "is not TOML"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read(tmp_path, text)
    assert problem in str(refused.value)
    assert "access.toml" in str(refused.value)


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ("{", "is not a JSON Web Key Set"),
        ("[]", "is not a JSON Web Key Set"),
        ('{"keys": [{"kty": "EC"}]}', "is not a JSON Web Key Set"),
        (json.dumps({"keys": [KEY.as_dict(private=True)]}), "has a private key"),
        (json.dumps({"keys": [{"kty": "oct", "k": "c2VjcmV0IG9mIHRoZSBwcm94eQ"}]}), "has a private key"),
        ('{"keys": []}', "is not a JSON Web Key Set"),
    ],
)
def test_wrong_keys_of_a_proxy_are_refused(tmp_path: Path, keys: str, problem: str) -> None:
    (tmp_path / "keys.json").write_text(keys)
    with pytest.raises(ConfigurationError, match=problem):
        read(tmp_path, URL + PROXY + AUDITORS)
