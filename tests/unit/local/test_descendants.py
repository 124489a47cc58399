"""What an interruption leaves below this process is ended, and nothing else is."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from auditseal_local import process as process_module
from auditseal_local.descendants import leaving_no_process
from auditseal_local.process import ProcessId, launch_detached

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
FAMILY = [sys.executable, "-c", f"import subprocess; print(1, flush=True); subprocess.run({SLEEP!r})"]


def test_what_came_into_being_within_the_block_ends_with_it_and_all_else_stays() -> None:
    with subprocess.Popen(SLEEP) as older:
        with leaving_no_process():
            family = subprocess.Popen(FAMILY, stdout=subprocess.PIPE)
            assert family.stdout is not None
            family.stdout.readline()
            while not (children := psutil.Process(family.pid).children()):
                pass
        assert family.wait(0) == -9
        assert not [child for child in children if process_module.alive(child)]
        assert older.poll() is None
        older.kill()
    family.stdout.close()


def test_a_start_that_is_interrupted_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[int] = []

    def interrupt(pid: int) -> ProcessId:
        started.append(pid)
        raise KeyboardInterrupt

    monkeypatch.setattr(ProcessId, "of", interrupt)
    with pytest.raises(KeyboardInterrupt):
        launch_detached(SLEEP, tmp_path / "log", os.environ)
    assert not psutil.pid_exists(started[0])
