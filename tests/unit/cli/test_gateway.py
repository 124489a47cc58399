"""`auditseal gateway`: what it refuses before it starts, and its tokens. `tests/slices/test_gateway.py` runs it."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from auditseal.cli import app
from auditseal_gateway.tokens import digest_of, is_token
from auditseal_schemas.exit_codes import ExitCode
from tests.factory.gateway import clients_file

pytestmark = pytest.mark.usefixtures("no_settings")


def check(folder: Path, gateway: str, clients: str | None = None) -> tuple[int, str]:
    config = folder / "auditseal.toml"
    path = clients_file(folder / "clients.toml")
    if clients is not None:
        path.write_text(clients)
    kafka = '[kafka]\nbootstrap_servers = "127.0.0.1:9092"\n'
    config.write_text(f'vault = "for others"\n{kafka}[gateway]\nclients_file = "{path}"\n{gateway}')
    done = CliRunner().invoke(app, ["gateway", "--config", str(config), "--check"])
    return done.exit_code, done.stdout + done.stderr


def test_a_configuration_is_checked_and_printed(tmp_path: Path) -> None:
    code, output = check(tmp_path, "port = 0")
    assert (code, "gateway.remember = 50000" in output) == (0, True)


@pytest.mark.parametrize(
    ("gateway", "problem"),
    [
        ('host = "0.0.0.0"', "would take tokens unencrypted over a network"),
        ("tls_key_file = '/etc/hostname'", "tls_certificate_file and tls_key_file belong together"),
        ("client_ca_file = '/etc/hostname'", "client_ca_file needs TLS"),
        ('spool_dir = "/nonexistent"', "gateway.spool_dir: /nonexistent is not a folder"),
        ("max_batch = 0", "gateway.max_batch"),
        ('oidc = {issuer = "a", audience = "b", jwks_url = "http://keys.example.com"}', "unencrypted over a network"),
        ('oidc = {issuer = "a", audience = "b", jwks_url = "keys"}', "jwks_url is not a URL"),
        ("other = 1", "there is no such setting"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, gateway: str, problem: str) -> None:
    code, output = check(tmp_path, gateway)
    assert (code, problem in output) == (ExitCode.UNUSABLE, True), output


def test_a_wrong_clients_file_is_named(tmp_path: Path) -> None:
    code, output = check(tmp_path, "", "[[client]]\nservice = 'a'\n")
    assert code == ExitCode.UNUSABLE
    assert f"gateway.clients_file: {tmp_path / 'clients.toml'}: client 1: environment is missing" in output


def test_a_token_and_its_hash() -> None:
    done = CliRunner().invoke(app, ["gateway", "--new-token"])
    token = done.stdout.strip()
    assert (done.exit_code, is_token(token)) == (0, True)
    assert re.findall(r'token_sha256 = \["(.*)"\]', done.stderr) == [digest_of(token)]
