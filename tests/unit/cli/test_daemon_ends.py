"""Each daemon's end by SIGTERM, as a process, with brokers that are away: what it logs last is what it does last."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import pytest

from auditseal_daemon.run import STOP_SECONDS
from auditseal_schemas.key import SigningKey
from auditseal_sealer.key_file import store_key
from tests.factory.copies import BLOCKS, put, write_trust
from tests.factory.secret_files import write_secret

SLOW_END = "import atexit, time\natexit.register(time.sleep, 600)\n"
"""A `sitecustomize.py`: with it the interpreter's own end takes ten minutes, as on a very busy machine."""
CLIENT = f'[[client]]\nservice = "billing"\nenvironment = "test"\ntoken_sha256 = ["{"0" * 64}"]\n'


@pytest.fixture
def environment(tmp_path: Path, no_settings: None) -> dict[str, str]:
    """What the daemons need but brokers, and an interpreter that ends slowly."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(SLOW_END)
    (tmp_path / "vault").mkdir()
    put((tmp_path / "vault").as_uri(), BLOCKS[:3])
    trust = write_trust(tmp_path)
    store_key(tmp_path / "key.pem", SigningKey.generate(), "a passphrase")
    (tmp_path / "clients.toml").write_text(CLIENT)
    ours = {
        "CLUSTER": "a.example",
        "VAULT": (tmp_path / "vault").as_uri(),
        "KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "SEALER__KEY_FILE": tmp_path / "key.pem",
        "SEALER__PASSPHRASE_FILE": write_secret(tmp_path / "passphrase", "a passphrase"),
        "ARCHIVER__TRUST_FILE": trust,
        "ARCHIVER__RETENTION_DAYS": 1,
        "WATCH__TRUST_FILE": trust,
        "WATCH__STATE_FILE": tmp_path / "heads.json",
        "GATEWAY__CLIENTS_FILE": tmp_path / "clients.toml",
        "GATEWAY__PORT": 0,
    }
    paths = os.pathsep.join([str(tmp_path / "site"), str(Path(__file__).parents[3])])
    return {**os.environ, "PYTHONPATH": paths} | {f"AUDITSEAL_{name}": str(value) for name, value in ours.items()}


def look(command: str) -> Callable[[Path], list[str]]:
    """Return the words of a command that follows the vault."""
    vault = "{0}/vault"
    words = f"{command} --trust {{0}}/trust.txt --vault file://{vault}"
    return lambda folder: words.format(folder).split()


def stop(words: Sequence[str], first: str, environment: dict[str, str]) -> list[str]:
    """Run a command, stop it after its first line, which has a text, and return the lines behind it."""
    command = [sys.executable, "-m", "auditseal", *words]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr
            assert first in process.stderr.readline()
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        finally:
            process.kill()
        return list(process.stderr)


@pytest.mark.parametrize(
    "words",
    [
        lambda _: ["sealer"],
        lambda _: ["archiver"],
        lambda _: ["watch", "--state-new"],
        lambda _: ["gateway"],
        look("index follow --index {0}/index"),
        look("streams --follow --state {0}/streams"),
    ],
    ids=["sealer", "archiver", "watch", "gateway", "index", "streams"],
)
def test_a_daemon_that_is_stopped_ends_with_its_last_line(
    words: Callable[[Path], list[str]], environment: dict[str, str], tmp_path: Path
) -> None:
    lines = [json.loads(line) for line in stop(words(tmp_path), "telemetry", environment) if line.startswith("{")]
    times = {line["event"]: datetime.fromisoformat(line["timestamp"]) for line in lines}
    assert lines[-1]["event"] == "stopped"
    assert (times["stopped"] - times["stopping"]).total_seconds() < STOP_SECONDS + 1


def test_an_explorer_that_is_stopped_ends_at_once(environment: dict[str, str], tmp_path: Path) -> None:
    stop(look("explore --port 0")(tmp_path), "Ctrl-C ends it", environment)
