"""`auditseal archiver` without a broker or a store: what it refuses before it starts."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from auditseal.cli import app
from tests.factory.archiver_settings import write_archiver_settings

pytestmark = pytest.mark.usefixtures("no_settings")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_archiver_settings(tmp_path)


@pytest.fixture
def trust(config: Path) -> Path:
    return config.with_name("trust.txt")


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
        ("METRICS__HOST", "192.0.2.1", "metrics.host, metrics.port: can't listen on 192.0.2.1:0"),
        ("METRICS__HOST", "", "metrics.host"),
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
