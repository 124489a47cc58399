"""`auditseal topics` with a wrong connection to a real, secured Kafka: the error says which, within seconds."""

import socket
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from auditseal.cli import app
from tests.factory.secret_files import write_secret
from tests.factory.secured_kafka import SecuredKafka

SECONDS = 8.0


@pytest.fixture(autouse=True)
def connection(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, secured_kafka: SecuredKafka) -> None:
    """The settings of a right connection."""
    for name, value in {
        "BOOTSTRAP_SERVERS": secured_kafka.listener("sasl_tls"),
        "SECURITY_PROTOCOL": "SASL_SSL",
        "SASL_USERNAME": "writer",
        "SASL_PASSWORD_FILE": str(write_secret(tmp_path / "password", "secret")),
        "SSL_CA_FILE": str(secured_kafka.ca_file),
    }.items():
        monkeypatch.setenv(f"AUDITSEAL_KAFKA__{name}", value)


def check() -> tuple[Result, float]:
    began = time.monotonic()
    return CliRunner().invoke(app, ["topics", "check"]), time.monotonic() - began


def test_a_right_connection_reaches_the_audit() -> None:
    result, _ = check()
    assert "Kafka can't be used" not in result.stderr
    assert "audit.blocks" in result.stderr


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SASL_PASSWORD_FILE", "wrong", "check sasl.username, sasl.password"),
        ("SSL_CA_FILE", "other", "correct ssl.ca.location"),
        ("SECURITY_PROTOCOL", "PLAINTEXT", "set security.protocol to SSL"),
        ("SASL_MECHANISM", "PLAIN", "SCRAM-SHA-512"),
        ("BOOTSTRAP_SERVERS", "closed", "can't be used"),
    ],
)
def test_a_wrong_connection_is_named_within_seconds(
    secured_kafka: SecuredKafka, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str, said: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    values = {
        "wrong": str(write_secret(tmp_path / "wrong", "not the password")),
        "other": str(secured_kafka.other_ca_file),
        "closed": f"127.0.0.1:{port}",
    }
    monkeypatch.setenv(f"AUDITSEAL_KAFKA__{name}", values.get(value, value))
    result, seconds = check()
    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr
    assert result.stderr.startswith("Kafka can't be used: ")
    assert result.stderr.count("\n") == 1
    assert seconds < SECONDS if name != "BOOTSTRAP_SERVERS" else seconds < 15
