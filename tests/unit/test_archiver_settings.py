"""The archiver's settings and its command line, without a broker or a store."""

from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from auditseal.cli import app
from auditseal.settings import load_settings
from auditseal.settings_archiver import ArchiverSettings
from auditseal_archiver.config import logs_of
from auditseal_schemas.errors import ConfigurationError
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import Trust
from tests.factory.keys import SIGNER


def log_line(origin: Origin) -> str:
    return f"log {VerifierKey(str(origin), SIGNER.public)}\n"


@pytest.fixture
def trust(tmp_path: Path) -> Path:
    path = tmp_path / "trust.txt"
    path.write_text(log_line(Origin("a.example", "audit.events", 0, 0)))
    return path


@pytest.fixture
def config(tmp_path: Path, trust: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    import os

    for name in [name for name in os.environ if name.startswith("AUDITSEAL_")]:
        monkeypatch.delenv(name)
    (tmp_path / "vault").mkdir()
    path = tmp_path / "auditseal.toml"
    path.write_text(
        f"""
        cluster = "a.example"
        vault = "file://{tmp_path}/vault"
        [kafka]
        bootstrap_servers = "127.0.0.1:9092"
        [archiver]
        trust_file = "{trust}"
        retention_days = 30
        """
    )
    return path


def test_what_the_archiver_is_made_of(config: Path) -> None:
    made = load_settings(ArchiverSettings, config).config()
    assert (made.blocks_topic, made.retention, made.drill_every) == (
        "audit.blocks",
        timedelta(days=30),
        timedelta(days=1),
    )
    assert made.client == {"bootstrap.servers": "127.0.0.1:9092", "security.protocol": "PLAINTEXT"}
    assert list(made.logs) == [0]


def test_logs_by_partition_and_run() -> None:
    origins = [Origin("a", "t", 1, 1), Origin("a", "t", 0, 0), Origin("a", "t", 1, 0), Origin("b", "t", 1, 0)]
    trust = Trust.parse("".join(map(log_line, origins)).encode())
    found = {partition: [log.origin for log in logs] for partition, logs in logs_of(trust, "a", "t").items()}
    assert found == {0: [origins[1]], 1: [origins[2], origins[0]]}
    with pytest.raises(ConfigurationError, match="pins no log of a/other"):
        logs_of(trust, "a", "other")


def invoke(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.output


def test_check_prints_the_effective_configuration(config: Path) -> None:
    code, output = invoke("archiver", "--check", "--config", str(config))
    assert code == 0
    assert "archiver.retention_days = 30\n" in output
    assert 'blocks_topic = "audit.blocks"\n' in output


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ARCHIVER__RETENTION_DAYS", "0", "archiver.retention_days"),
        ("ARCHIVER__RETENTION_DAYS", "36500", "archiver.retention_days"),
        ("ARCHIVER__TRUST_FILE", "/nowhere", "archiver.trust_file"),
        ("ARCHIVER__RETENTION", "1", "archiver.retention (AUDITSEAL_ARCHIVER__RETENTION): there is no such setting"),
        ("CLUSTER", "b.example", "pins no log of b.example/audit.events"),
        ("VAULT", "s3://bucket?colour=red", "a bucket is named as"),
    ],
)
def test_what_check_refuses(config: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str) -> None:
    monkeypatch.setenv(f"AUDITSEAL_{name}", value)
    code, output = invoke("archiver", "--check", "--config", str(config))
    assert code == 2
    assert said in output


def test_an_archiver_makes_no_vault_where_a_disk_may_be_missing(config: Path, tmp_path: Path) -> None:
    (tmp_path / "vault").rmdir()
    code, output = invoke("archiver", "--config", str(config))
    assert code == 1
    assert "is it mounted" in output
    assert not (tmp_path / "vault").exists()


def test_a_retention_below_what_auditors_ask_for(config: Path, trust: Path) -> None:
    trust.write_text(trust.read_text() + "retention 31\n")
    code, output = invoke("archiver", "--check", "--config", str(config))
    assert code == 2
    assert "30 is less than the 31 days" in output
    trust.write_text("nonsense\n")
    code, output = invoke("archiver", "--check", "--config", str(config))
    assert code == 2
    assert "line 1 of the trust file" in output


def test_a_drill_of_a_directory_says_that_it_is_no_worm(tmp_path: Path) -> None:
    assert invoke("drill", "--vault", tmp_path.as_uri()) == (
        0,
        "a directory is tamper-evident but no WORM: whoever may write to it may delete from it\n",
    )
    code, output = invoke("drill", "--vault", tmp_path.as_uri(), "--json")
    assert (code, '"enforces_worm": false' in output) == (0, True)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("nonsense", 2),
        ("file:///no/vault", 1),
        ("http://bucket", 2),
        ("s3://bucket?endpoint=http://127.0.0.1:9&region=us-east-1", 1),
    ],
)
def test_a_drill_that_can_not_be_held(url: str, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    assert invoke("drill", "--vault", url)[0] == code


@pytest.mark.parametrize("check", [["--check"], []], ids=["check", "run"])
def test_a_trust_file_that_can_not_be_read(config: Path, trust: Path, monkeypatch: pytest.MonkeyPatch, check) -> None:
    """It is there when the settings are validated; a test that may run as root can't take its rights away."""

    def refuse(path: Path) -> bytes:
        assert path == trust
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    code, output = invoke("archiver", *check, "--config", str(config))
    assert (code, output) == (
        2,
        f"archiver.trust_file: {trust} can't be read: [Errno 13] Permission denied\n",
    )
