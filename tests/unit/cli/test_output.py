"""The output's other end: a pipe that is closed, a terminal without the characters, a disk that is full."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from auditseal.cli.command_table import COMMANDS
from auditseal.cli.exits import exit_on_errors
from auditseal_schemas.verdict import Verdict
from auditseal_vault.directory import DirectoryVault
from tests.factory.keys import keys_of
from tests.factory.vaults import ORIGINS, lock_until, make_log

LOG = ORIGINS[0]
FOREIGN = "ü→\U0001f512"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good vault and one with a foreign key whose name few terminals have, each with its trust file."""
    folder = tmp_path_factory.mktemp("output")
    for name in ("good", "foreign"):
        (folder / name).mkdir()
        vault = DirectoryVault(folder / name)
        for block in make_log(LOG, (3, 3), partitions=1):
            vault.put(LOG.block_key(block.header.height), block.format(), lock_until().retain_until)
        trust = f"log {keys_of(LOG)[0]}\nvault {(folder / name).as_uri()}\n"
        (folder / f"{name}.txt").write_text(trust)
    (folder / "foreign" / "v1" / str(LOG) / FOREIGN).write_bytes(b"")
    return folder


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "auditseal", *arguments]


def run_closed(*arguments: str) -> tuple[int, str]:
    """Run a command whose output nobody reads; return its exit code, and what it says on standard error."""
    reading, writing = os.pipe()
    os.close(reading)
    with subprocess.Popen(command(*arguments), stdout=writing, stderr=subprocess.PIPE, text=True) as process:
        os.close(writing)
        _, said = process.communicate(timeout=60)
    return process.returncode, said


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--help",), 1),
        (("verify", "--help"), 1),
        (("verify", "--trust", "good.txt"), 0),
        (("verify", "--trust", "foreign.txt"), Verdict.BAD_STORAGE.exit_code),
        (("verify", "--trust", "foreign.txt", "--json"), Verdict.BAD_STORAGE.exit_code),
        (("show", "--trust", "good.txt", str(LOG), "1"), 1),
        (("show", "--trust", "good.txt", str(LOG), "1", "--json"), 1),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else str(value),
)
def test_a_closed_pipe_ends_a_command_without_a_word(
    place: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], code: int
) -> None:
    monkeypatch.chdir(place)
    assert run_closed(*arguments) == (code, "")


def test_no_command_takes_a_closed_pipe_for_an_error_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    """Every command ends by `exit_on_errors`, which leaves it to Typer."""
    assert COMMANDS
    with pytest.raises(BrokenPipeError), exit_on_errors():
        raise BrokenPipeError
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("encoding", ["latin-1", "cp437", "utf-8"])
def test_a_terminal_without_the_characters_gets_their_escapes(
    place: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    arguments = ("verify", "--trust", str(place / "foreign.txt"), "--expect", FOREIGN)
    answer = subprocess.run(command(*arguments), capture_output=True, timeout=60, check=False)
    assert answer.returncode == 2
    assert b"does not name a log" in answer.stderr
    answer = subprocess.run(command(*arguments[:3]), capture_output=True, timeout=60, check=False)
    assert answer.returncode == Verdict.BAD_STORAGE.exit_code
    shown = FOREIGN.encode(encoding, "backslashreplace")
    assert shown + b"]" in answer.stdout
    assert answer.stderr == b""


def test_a_full_disk_is_a_failure_and_never_ok(place: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        arguments = command("verify", "--trust", str(place / "good.txt"))
        answer = subprocess.run(arguments, stdout=full, stderr=subprocess.PIPE, timeout=60, check=False)
    assert answer.returncode == 1
    assert b"No space left" in answer.stderr
