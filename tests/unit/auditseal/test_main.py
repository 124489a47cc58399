"""The command as the first process of a container, where the kernel drops signals that have no handler."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

IN_A_NAMESPACE = ["unshare", "--user", "--map-root-user", "--pid", "--fork"]
COMMAND = """
import os, sys, time, types
command_line = types.SimpleNamespace(app=lambda: print(os.getpid(), flush=True) or time.sleep(600))
sys.modules["auditseal.cli"] = command_line  # any command that takes long
from auditseal.__main__ import main
main()
"""


@pytest.fixture
def namespace() -> list[str]:
    """What makes a command the first process of a namespace."""
    if not shutil.which("unshare") or subprocess.run([*IN_A_NAMESPACE, "true"], check=False).returncode:
        pytest.skip("this machine lets nobody make a namespace of processes")
    return IN_A_NAMESPACE


def test_sigterm_ends_a_command_that_is_the_first_process(namespace: list[str]) -> None:
    with subprocess.Popen([*namespace, sys.executable, "-c", COMMAND], stdout=subprocess.PIPE, text=True) as outer:
        assert outer.stdout
        assert outer.stdout.readline() == "1\n"
        (child,) = Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text().split()
        os.kill(int(child), signal.SIGTERM)
        try:
            assert outer.wait(30) == 128 + signal.SIGTERM
        finally:
            os.kill(int(child), signal.SIGKILL) if outer.poll() is None else None
