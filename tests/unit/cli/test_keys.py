"""`auditseal keys`: an encrypted key that only its owner reads, never overwritten, and the lines that auditors pin."""

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from auditseal.cli import app
from auditseal_schemas.errors import ConfigurationError
from auditseal_schemas.key import SigningKey
from auditseal_schemas.public_key import ML_DSA_44
from auditseal_schemas.trust import Trust
from auditseal_sealer.key_file import load_key, store_key
from tests.factory.sealer_settings import write_sealer_key, write_sealer_settings
from tests.factory.secret_files import write_secret

ARGUMENTS = ("--cluster", "audit.example.com", "--topic", "events", "--partitions", "3", "--run", "2")


def run(*arguments: object, answers: str | None = None):
    return CliRunner().invoke(app, ["keys", *map(str, arguments)], input=answers)


@pytest.fixture
def passphrase(tmp_path: Path) -> Path:
    return write_secret(tmp_path / "passphrase", "correct horse\n")


def test_a_new_key_prints_its_trust_lines_and_show_prints_the_same(tmp_path: Path, passphrase: Path) -> None:
    path = tmp_path / "key.pem"
    made = run("new", path, "--passphrase-file", passphrase, *ARGUMENTS)
    assert made.exit_code == 0
    assert [str(log.origin) for log in Trust.parse(made.stdout.encode()).logs] == [
        f"audit.example.com/events/{partition}/2" for partition in range(3)
    ]
    shown = run("show", path, "--passphrase-file", passphrase, *ARGUMENTS)
    assert (shown.exit_code, shown.stdout) == (0, made.stdout)
    listed = json.loads(run("show", path, "--passphrase-file", passphrase, *ARGUMENTS, "--json").stdout)
    assert [f"log {log['vkey']}\n" for log in listed["logs"]] == made.stdout.splitlines(keepends=True)


def test_a_key_of_ml_dsa_44_is_made_and_shown_as_the_other_one(tmp_path: Path, passphrase: Path) -> None:
    path = tmp_path / "second.pem"
    made = run("new", path, "--algorithm", "ml-dsa-44", "--passphrase-file", passphrase, *ARGUMENTS)
    assert made.exit_code == 0
    keys = [key for log in Trust.parse(made.stdout.encode()).logs for key in log.keys]
    assert [(key.algorithm, len(key.public)) for key in keys] == [(ML_DSA_44, 1_312)] * 3
    assert b"ENCRYPTED" in path.read_bytes()
    shown = run("show", path, "--passphrase-file", passphrase, *ARGUMENTS)
    assert (shown.exit_code, shown.stdout) == (0, made.stdout)


def test_a_signer_makes_no_key_of_ml_dsa_44(passphrase: Path) -> None:
    refused = run("new", "openbao://transit/k?address=https://a", "--algorithm", "ml-dsa-44", *ARGUMENTS)
    assert refused.exit_code == 2
    assert "signers make Ed25519 keys only: name a file for a key of ml-dsa-44" in refused.stderr


def test_the_file_is_private_encrypted_and_alone(tmp_path: Path, passphrase: Path) -> None:
    path = tmp_path / "key.pem"
    assert run("new", path, "--passphrase-file", passphrase, *ARGUMENTS).exit_code == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b"ENCRYPTED" in path.read_bytes()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["key.pem", "passphrase"]


def test_a_key_is_never_overwritten(tmp_path: Path, passphrase: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(b"precious")
    refused = run("new", path, "--passphrase-file", passphrase, *ARGUMENTS)
    assert refused.exit_code == 2
    assert "never overwritten" in refused.stderr
    assert path.read_bytes() == b"precious"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["key.pem", "passphrase"]


def test_the_passphrase_is_asked_for_twice_where_no_file_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    assert run("new", path, *ARGUMENTS, answers="secret\nsecret\n").exit_code == 0
    assert run("show", path, *ARGUMENTS, answers="secret\n").exit_code == 0
    assert run("show", path, *ARGUMENTS, answers="wrong\n").exit_code == 2


def test_without_a_terminal_nothing_is_asked_and_nothing_shown(tmp_path: Path) -> None:
    """In a session of its own, which has no terminal; typed text would show on standard input."""
    command = [sys.executable, "-m", "auditseal", "keys", "new", str(tmp_path / "key.pem"), "--cluster", "c"]
    answer = subprocess.run(
        [*command, "--partitions", "1"],
        input="secret\nsecret\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        start_new_session=True,
    )
    assert answer.returncode == 2
    assert "use --passphrase-file" in answer.stderr
    assert not (tmp_path / "key.pem").exists()


def test_an_origin_that_none_can_be_is_refused_before_a_key_is_made(tmp_path: Path, passphrase: Path) -> None:
    refused = run("new", tmp_path / "key.pem", "--passphrase-file", passphrase, "--cluster", "NO", "--partitions", 1)
    assert refused.exit_code == 2
    assert not (tmp_path / "key.pem").exists()


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path, key = tmp_path / "key.pem", SigningKey.generate()
    store_key(path, key, "secret")
    assert load_key(path, "secret").public == key.public
    path.chmod(0o640)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        load_key(path, "secret")
    with pytest.raises(ConfigurationError, match="can't be read"):
        load_key(tmp_path / "none.pem", "secret")


def test_a_key_is_stored_encrypted_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="passphrase is empty"):
        store_key(tmp_path / "key.pem", SigningKey.generate(), "")
    with pytest.raises(ConfigurationError, match="can't be written"):
        store_key(tmp_path / "nowhere" / "key.pem", SigningKey.generate(), "secret")
    assert list(tmp_path.iterdir()) == []


def test_a_passphrase_that_others_may_read_is_refused(tmp_path: Path, passphrase: Path) -> None:
    passphrase.chmod(0o644)
    refused = run("new", tmp_path / "key.pem", "--passphrase-file", passphrase, *ARGUMENTS)
    assert refused.exit_code == 2
    assert f"chmod 600 {passphrase}" in refused.stderr
    assert not (tmp_path / "key.pem").exists()


def test_a_change_of_keys_needs_a_next_key(tmp_path: Path, no_settings: None) -> None:
    write_sealer_key(tmp_path)
    refused = CliRunner().invoke(app, ["keys", "rotate", "--config", str(write_sealer_settings(tmp_path))])
    assert refused.exit_code == 2
    assert "sealer.next_key_file is not set: make a key with `auditseal keys new`" in refused.stderr
