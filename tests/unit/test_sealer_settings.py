"""The sealer's settings: one message for each wrong key, and what they become."""

import json
from base64 import b64encode
from pathlib import Path

import pytest
from typer.testing import CliRunner

from auditseal.cli import app
from auditseal.cli.give_up import check_giving_up
from auditseal.settings import load_settings
from auditseal.settings_sealer import SealerSettings
from auditseal_schemas.errors import ConfigurationError
from auditseal_schemas.header import Predecessor
from auditseal_schemas.key import SigningKey
from auditseal_schemas.merkle import EMPTY_ROOT
from auditseal_sealer.key_file import store_key

ROOT = b64encode(bytes(32)).decode()


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "passphrase").write_text("secret")
    store_key(tmp_path / "key.pem", SigningKey.generate(), "secret")
    monkeypatch.setenv("AUDITSEAL_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:9092")
    return tmp_path


def write(directory: Path, *lines: str) -> Path:
    path = directory / "auditseal.toml"
    files = (f'key_file = "{directory}/key.pem"', f'passphrase_file = "{directory}/passphrase"')
    path.write_text("\n".join(('cluster = "a"', f'vault = "{directory.as_uri()}"', "[sealer]", *files, *lines)))
    return path


def test_settings_become_a_configuration(directory: Path) -> None:
    lines = ("run = 1", f'predecessors = ["a/audit.events/2/0 7 {ROOT}"]', "block_age = 0.5", "replication = 1")
    settings = load_settings(SealerSettings, write(directory, *lines, 'instance = "one"'))
    config = settings.config(genesis_allowed=True)
    assert config.predecessor(2) == Predecessor("a/audit.events/2/0", 7, bytes(32))
    assert config.predecessor(0) is None
    assert str(config.origin(2)) == "a/audit.events/2/1"
    assert config.transactional_id(2) == "auditseal.audit.events.2"
    assert (config.batch.age, config.rules.replication, config.genesis_allowed, config.instance) == (
        0.5,
        1,
        True,
        "one",
    )


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("block_records = 65537", "sealer.block_records"),
        ("session_timeout = 1", "sealer.session_timeout"),
        ("predecessors = ['a/e/0/0 7']", "sealer.predecessors"),
        (f"predecessors = ['a/e/0/0 -7 {ROOT}']", "sealer.predecessors"),
        ("predecessors = ['a/e/0/0 7 AAAA']", "sealer.predecessors"),
        (f"predecessors = ['a/e/0/0 7 {ROOT}']", "run 0 goes on from no predecessor"),
        ("block_size = 7", "sealer.block_size"),
    ],
)
def test_each_wrong_key_is_named(directory: Path, line: str, named: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(SealerSettings, write(directory, line))
    assert named in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_check_prints_the_configuration_and_opens_the_key(directory: Path) -> None:
    path = write(directory, "block_age = 0.5")
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
        ("KAFKA__SASL_PASSWORD_FILE", "empty", "holds no secret"),
        (
            "SEALER__PREDECESSORS",
            json.dumps([f"a/audit.events/0/1 7 {ROOT}"]),
            "0/1 is no run of a/audit.events before",
        ),
        ("SEALER__PREDECESSORS", json.dumps([f"b/audit.events/0/0 7 {ROOT}"]), "b/audit.events/0/0 is no run of a/"),
        ("SEALER__PREDECESSORS", json.dumps([f"a/other/0/0 7 {ROOT}"]), "a/other/0/0 is no run of a/audit.events"),
        ("SEALER__PREDECESSORS", json.dumps([f"a/audit.events/0/0 {n} {ROOT}" for n in (1, 2)]), "0 has more than one"),
    ],
)
@pytest.mark.parametrize("check", [["--check"], []], ids=["check", "run"])
def test_check_refuses_what_a_run_refuses(
    directory: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str, check: list[str]
) -> None:
    (directory / "empty").write_text("\n")
    monkeypatch.chdir(directory)
    monkeypatch.setenv("AUDITSEAL_KAFKA__SECURITY_PROTOCOL", "SASL_SSL")
    monkeypatch.setenv("AUDITSEAL_KAFKA__SASL_USERNAME", "sealer")
    monkeypatch.setenv("AUDITSEAL_KAFKA__SASL_PASSWORD_FILE", "passphrase")
    monkeypatch.setenv(f"AUDITSEAL_{name}", value)
    monkeypatch.setattr("auditseal.cli.sealer.run_sealer", lambda *_, **__: pytest.fail("it was started"))
    refused = CliRunner().invoke(app, ["sealer", "--config", str(write(directory, "run = 1")), *check])
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert said in refused.stderr


TWO_LOGS = (
    "run = 1",
    f'predecessors = ["a/audit.events/0/0 7 {ROOT}", "a/audit.events/1/0 0 {b64encode(EMPTY_ROOT).decode()}"]',
)
BOTH = ("--give-up", "a/audit.events/1/0  0", "--give-up", "a/audit.events/0/0 7")


@pytest.mark.parametrize(
    ("lines", "arguments", "said"),
    [
        (TWO_LOGS, ("--genesis",), "confirm it by --give-up 'a/audit.events/0/0 7'"),
        (TWO_LOGS, ("--genesis", "--check"), "confirm it by --give-up 'a/audit.events/0/0 7'"),
        (TWO_LOGS, ("--genesis", *BOTH[:2]), "confirm it by --give-up 'a/audit.events/0/0 7'"),
        (TWO_LOGS, ("--genesis", *BOTH[:3], "a/audit.events/0/0 8"), "names no such origin and size"),
        (TWO_LOGS, ("--genesis", *BOTH, "--give-up", "all"), "--give-up 'all': sealer.predecessors names no such"),
        (TWO_LOGS, BOTH, "names no such origin and size"),
        ((), ("--genesis", "--give-up", "a/audit.events/0/0 0"), "names no such origin and size"),
    ],
)
def test_no_log_is_given_up_without_its_name_typed(
    directory: Path, monkeypatch: pytest.MonkeyPatch, lines: tuple[str, ...], arguments: tuple[str, ...], said: str
) -> None:
    monkeypatch.setattr("auditseal.cli.sealer.run_sealer", lambda *_, **__: pytest.fail("it was started"))
    refused = CliRunner().invoke(app, ["sealer", "--config", str(write(directory, *lines)), *arguments])
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
        "auditseal.cli.sealer.run_sealer", lambda _, genesis_allowed: allowed.append(genesis_allowed) or 0
    )
    started = CliRunner().invoke(app, ["sealer", "--config", str(write(directory, *lines)), *arguments])
    assert (started.exit_code, allowed) == (0, ["--genesis" in arguments])


def test_a_terminal_is_asked_for_each_log() -> None:
    heads = [Predecessor(f"a/audit.events/{number}/0", 7, bytes(32)) for number in range(2)]
    asked: list[str] = []

    def answer(question: str) -> str:
        asked.append(question)
        return f"a/audit.events/{len(asked) - 1}/0 7"

    check_giving_up(heads, (), answer)
    assert [head.origin in question for head, question in zip(heads, asked, strict=True)] == [True, True]
    with pytest.raises(ConfigurationError, match="names no such"):
        check_giving_up(heads, (), lambda _: "y")
