"""Processes of the local stack: guarded, found again, ended; never another's."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from auditseal_local import guard
from auditseal_local.process import Child, ProcessId, launch_detached, launch_guarded

SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
IGNORE_TERM = """
import signal, time
signal.signal(signal.SIGTERM, lambda *_: print("no", flush=True))
print("up", flush=True)
while True: time.sleep(1)
"""
STUBBORN = [sys.executable, "-c", IGNORE_TERM]
PARENT = """
import os, subprocess, sys, time
subprocess.Popen([sys.executable, sys.argv[1], str(os.getpid()), *sys.argv[2:]], start_new_session=True)
time.sleep(600)
"""


def started(child: Child, log: Path) -> Child:
    deadline = time.monotonic() + 60
    while "up" not in log.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return child


def left_of(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Those that still run after `seconds`; a zombie that nobody reaps doesn't."""
    _gone, alive = psutil.wait_procs(processes, seconds)
    return [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]


def only_child_of(guard_pid: int) -> psutil.Process:
    [process] = psutil.Process(guard_pid).children()
    return process


@pytest.mark.parametrize("launch", [launch_guarded, launch_detached])
@pytest.mark.parametrize(("script", "code"), [("exit 0", 0), ("exit 7", 7)])
def test_exit_codes_pass_through(launch, script: str, code: int, tmp_path: Path) -> None:
    child = launch(["/bin/sh", "-c", script], tmp_path / "log", {})
    assert child.wait(60)
    assert child.exit_code == code
    assert not child.running


def test_a_command_ended_by_a_signal_shows_it(tmp_path: Path) -> None:
    child = launch_guarded(["/bin/sh", "-c", "kill -9 $$"], tmp_path / "log", {})
    assert child.wait(60)
    assert child.exit_code == 128 + signal.SIGKILL


@pytest.mark.parametrize("launch", [launch_guarded, launch_detached])
def test_stop_asks_first(launch, tmp_path: Path) -> None:
    child = started(launch(SLEEP, tmp_path / "log", {}), tmp_path / "log")
    child.stop(grace=60)
    assert child.exit_code in {-signal.SIGTERM, 128 + signal.SIGTERM}
    assert not child.running


@pytest.mark.parametrize("launch", [launch_guarded, launch_detached])
def test_stop_kills_what_does_not_listen(launch, tmp_path: Path) -> None:
    child = started(launch(STUBBORN, tmp_path / "log", {}), tmp_path / "log")
    child.stop(grace=0.3)
    assert "no" in (tmp_path / "log").read_text()
    assert not child.running


def test_the_command_dies_with_its_guard(tmp_path: Path) -> None:
    child = started(launch_guarded(SLEEP, tmp_path / "log", {}), tmp_path / "log")
    command = only_child_of(child.identity.pid)
    os.kill(child.identity.pid, signal.SIGKILL)
    assert left_of([command], 60) == []
    child.kill()


def test_the_command_dies_with_the_parent_of_its_guard(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, guard.__file__, *SLEEP]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"up\n"
        family = psutil.Process(parent.pid).children(recursive=True)
        parent.kill()
    assert len(family) == 2
    assert left_of(family, 60) == []


def test_a_detached_process_is_found_by_its_file(tmp_path: Path) -> None:
    child = started(launch_detached(SLEEP, tmp_path / "log", {}), tmp_path / "log")
    child.identity.write(tmp_path / "process.json")
    identity = ProcessId.read(tmp_path / "process.json")
    assert identity == child.identity
    found = Child(identity)
    assert found.running
    assert found.resident_bytes > 1 << 20
    found.stop(60)
    assert not found.running
    assert child.exit_code == -signal.SIGTERM


def test_a_recycled_pid_is_left_alone(tmp_path: Path) -> None:
    innocent = started(launch_detached(SLEEP, tmp_path / "log", {}), tmp_path / "log")
    recycled = Child(ProcessId(innocent.identity.pid, innocent.identity.started - 60))
    assert not recycled.running
    recycled.stop(0.1)
    recycled.kill()
    assert innocent.running
    innocent.kill()


def test_no_file_no_process(tmp_path: Path) -> None:
    assert ProcessId.read(tmp_path / "process.json") is None


def test_memory_of_what_has_ended_since_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    child = launch_detached(["/bin/sh", "-c", "exec sleep 60"], tmp_path / "log", {})
    found = child._members()
    child.kill()
    monkeypatch.setattr(child, "_members", lambda: found)
    assert child.resident_bytes == 0


def test_signals_to_what_has_ended_since_go_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    child = launch_detached(["/bin/sh", "-c", "exit 0"], tmp_path / "log", {})
    assert child.wait(60)
    monkeypatch.setattr(Child, "running", True)
    child.stop(1)
