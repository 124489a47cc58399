"""`auditseal sealer` without a broker: what it refuses before it starts."""

import json
import sys
import threading
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from typer.testing import CliRunner

from auditseal.cli import app
from auditseal_daemon.run import DaemonContext
from auditseal_daemon.telemetry import Health
from auditseal_schemas.key import SigningKey
from auditseal_schemas.merkle import EMPTY_ROOT
from auditseal_sealer.context import SealerContext
from tests.factory.external_keys import ScriptedKey
from tests.factory.keys import OTHER_SIGNER, SIGNER, verifier_key
from tests.factory.sealer_settings import write_sealer_key, write_sealer_settings
from tests.factory.secret_files import write_secret

pytestmark = pytest.mark.usefixtures("no_settings")
KMS = "awskms:///arn:aws:kms:eu-central-1:123456789012:key/1234abcd"


def given_up(origin: str, size: int, root: bytes = bytes(32)) -> str:
    """Return a line of `sealer.predecessors`."""
    return f"{origin} {size} {b64encode(root).decode()} {verifier_key(origin, SIGNER)}"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    write_sealer_key(tmp_path)
    return tmp_path


def test_check_prints_the_configuration_and_opens_the_key(directory: Path) -> None:
    path = write_sealer_settings(directory, "block_age = 0.5")
    checked = CliRunner().invoke(app, ["sealer", "--config", str(path), "--check"])
    assert checked.exit_code == 0
    assert "sealer.block_age = 0.5" in checked.stdout
    (directory / "passphrase").write_text("wrong")
    refused = CliRunner().invoke(app, ["sealer", "--config", str(path), "--check"])
    assert refused.exit_code == 2
    assert f"{directory / 'key.pem'}: the signing key can't be opened" in refused.stderr


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("VAULT", "s3://bucket?colour=red", "a bucket is named as"),
        ("METRICS__HOST", "2001:db8::1", "metrics.host, metrics.port: can't listen on [2001:db8::1]:0"),
        ("KAFKA__SASL_PASSWORD_FILE", "empty", "is empty: write the secret"),
        (
            "SEALER__PREDECESSORS",
            json.dumps([given_up("a/audit.events/0/1", 7)]),
            "0/1 is not a run of a/audit.events before",
        ),
        (
            "SEALER__PREDECESSORS",
            json.dumps([given_up("b/audit.events/0/0", 7)]),
            "b/audit.events/0/0 is not a run of a/",
        ),
        (
            "SEALER__PREDECESSORS",
            json.dumps([given_up("a/other/0/0", 7)]),
            "a/other/0/0 is not a run of a/audit.events",
        ),
        (
            "SEALER__PREDECESSORS",
            json.dumps([given_up("a/audit.events/0/0", size) for size in (1, 2)]),
            "0 has more than one",
        ),
    ],
)
@pytest.mark.parametrize("check", [["--check"], []], ids=["check", "run"])
def test_check_refuses_what_a_run_refuses(
    directory: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str, check: list[str]
) -> None:
    write_secret(directory / "empty", "\n")
    monkeypatch.chdir(directory)
    monkeypatch.setenv("AUDITSEAL_KAFKA__SECURITY_PROTOCOL", "SASL_SSL")
    monkeypatch.setenv("AUDITSEAL_KAFKA__SASL_USERNAME", "sealer")
    monkeypatch.setenv("AUDITSEAL_KAFKA__SASL_PASSWORD_FILE", "passphrase")
    monkeypatch.setenv(f"AUDITSEAL_{name}", value)
    monkeypatch.setattr("auditseal.cli.sealer.run_sealer", lambda *_, **__: pytest.fail("it was started"))
    refused = CliRunner().invoke(app, ["sealer", "--config", str(write_sealer_settings(directory, "run = 1")), *check])
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert said in refused.stderr


TWO_LOGS = (
    "run = 1",
    f'predecessors = ["{given_up("a/audit.events/0/0", 7)}", "{given_up("a/audit.events/1/0", 0, EMPTY_ROOT)}"]',
)


BOTH = ("--give-up", "a/audit.events/1/0  0", "--give-up", "a/audit.events/0/0 7")


@pytest.mark.parametrize(
    ("lines", "arguments", "said"),
    [
        (TWO_LOGS, ("--genesis",), "confirm it by --give-up 'a/audit.events/0/0 7'"),
        (TWO_LOGS, ("--genesis", "--check"), "confirm it by --give-up 'a/audit.events/0/0 7'"),
        (TWO_LOGS, ("--genesis", *BOTH[:2]), "confirm it by --give-up 'a/audit.events/0/0 7'"),
        (TWO_LOGS, ("--genesis", *BOTH[:3], "a/audit.events/0/0 8"), "has no such origin and size"),
        (TWO_LOGS, ("--genesis", *BOTH, "--give-up", "all"), "--give-up 'all': sealer.predecessors has no such"),
        (TWO_LOGS, BOTH, "has no such origin and size"),
        ((), ("--genesis", "--give-up", "a/audit.events/0/0 0"), "has no such origin and size"),
    ],
)
def test_no_log_is_given_up_without_its_name_typed(
    directory: Path, monkeypatch: pytest.MonkeyPatch, lines: tuple[str, ...], arguments: tuple[str, ...], said: str
) -> None:
    monkeypatch.setattr("auditseal.cli.sealer.run_sealer", lambda *_, **__: pytest.fail("it was started"))
    refused = CliRunner().invoke(app, ["sealer", "--config", str(write_sealer_settings(directory, *lines)), *arguments])
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert said in refused.stderr


@pytest.mark.parametrize(
    ("lines", "arguments"), [(TWO_LOGS, ("--genesis", *BOTH)), (TWO_LOGS, ()), ((), ("--genesis",))]
)
def test_a_new_run_begins_once_all_was_typed_and_goes_on_without(
    directory: Path, monkeypatch: pytest.MonkeyPatch, lines: tuple[str, ...], arguments: tuple[str, ...]
) -> None:
    allowed = []
    monkeypatch.setattr(
        "auditseal.cli.sealer.run_sealer", lambda *_, genesis_allowed: allowed.append(genesis_allowed) or 0
    )
    monkeypatch.setattr("auditseal.cli.sealer.end_process", sys.exit)
    started = CliRunner().invoke(app, ["sealer", "--config", str(write_sealer_settings(directory, *lines)), *arguments])
    assert (started.exit_code, allowed) == (0, ["--genesis" in arguments])


@pytest.mark.parametrize("check", [["--check"], []], ids=["check", "run"])
@pytest.mark.parametrize("name", ["passphrase", "key.pem"])
def test_a_secret_that_others_may_read_is_refused(
    directory: Path, monkeypatch: pytest.MonkeyPatch, name: str, check: list[str]
) -> None:
    monkeypatch.setattr("auditseal.cli.sealer.run_sealer", lambda *_, **__: pytest.fail("it was started"))
    (directory / name).chmod(0o644)
    refused = CliRunner().invoke(app, ["sealer", "--config", str(write_sealer_settings(directory)), *check])
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert f"chmod 600 {directory / name}" in refused.stderr


def test_each_key_is_opened_once_and_its_requests_are_counted_where_the_daemon_serves_them(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, served = list[object](), CollectorRegistry()

    def open_file(*arguments: object) -> SigningKey:
        opened.append(arguments[0])
        return OTHER_SIGNER

    def open_outside(*arguments: object) -> ScriptedKey:
        opened.append(str(arguments[0]))
        return ScriptedKey(SIGNER)

    def run_in_test(_name: str, _options: object, conditions: list[str], body: Callable[[DaemonContext], None]) -> int:
        body(DaemonContext(threading.Event(), Health(conditions), served))
        return 0

    class SignOnce:
        def __init__(self, context: SealerContext, _show: object) -> None:
            self.signers = context.signers

        def run(self, _stop: threading.Event) -> None:
            assert self.signers.next_first is not None
            assert self.signers.next_first.sign(b"message") == SIGNER.sign(b"message")

    monkeypatch.setattr("auditseal.cli.signer.load_key", open_file)
    monkeypatch.setattr("auditseal.settings_signer.open_key", open_outside)
    monkeypatch.setattr("auditseal.cli.sealer.run_daemon", run_in_test)
    monkeypatch.setattr("auditseal.cli.sealer.end_process", sys.exit)
    monkeypatch.setattr("auditseal.cli.sealer.Sealer", SignOnce)
    key = f'uri = "{KMS}"\npublic_key = "{b64encode(SIGNER.algorithm + SIGNER.public).decode()}"'
    path = write_sealer_settings(directory, "[sealer.next_signer]", key)
    started = CliRunner().invoke(app, ["sealer", "--config", str(path)])
    assert started.exit_code == 0, started.output
    assert opened == [directory / "key.pem", KMS]
    signed = {"signer": "scripted:key", "result": "signed"}
    assert served.get_sample_value("auditseal_signer_requests_total", signed) == 1
