"""The demo ends as it promises when it is interrupted, and never removes what it didn't make."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest


def start(directory: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "auditseal", "demo", "--dir", str(directory), "--events", "2000"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


def processes_about(directory: Path) -> list[str]:
    """The command lines of running processes that name the folder, or run with it in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            words = [*process.cmdline(), *process.environ().values()]
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        if any(str(directory) in word for word in words) and process.pid != os.getpid():
            found.append(" ".join(process.cmdline()))
    return found


@pytest.mark.parametrize("line", ["a real Kafka runs", "sealer and archiver run"])
def test_an_interrupted_demo_leaves_no_process_behind(tmp_path: Path, line: str) -> None:
    directory = tmp_path / "demo"
    demo = start(directory)
    assert demo.stdout is not None
    while line not in (said := demo.stdout.readline()):
        assert said, f"it ended before {line!r}: {demo.communicate()}"
    os.killpg(demo.pid, signal.SIGINT)
    _, errors = demo.communicate(timeout=40)
    assert (demo.returncode, "interrupted" in errors) == (130, True), errors
    assert processes_about(directory) == []


def test_a_demo_killed_hard_takes_its_processes_with_it(tmp_path: Path) -> None:
    directory = tmp_path / "demo"
    demo = start(directory)
    assert demo.stdout is not None
    while "sealer and archiver run" not in demo.stdout.readline():
        assert demo.poll() is None, demo.communicate()
    demo.kill()
    demo.communicate()
    deadline = time.monotonic() + 10
    while processes_about(directory) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert processes_about(directory) == []


def test_a_folder_that_no_demo_made_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    demo = start(tmp_path)
    _, errors = demo.communicate(timeout=20)
    assert demo.returncode == 2
    assert "files that no demo made" in errors
    assert (tmp_path / "thesis.txt").read_text() == "mine"
