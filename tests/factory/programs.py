"""Programs that a test puts in place of real ones, builds, or runs."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from auditseal_local.go_toolchain import find_go
from auditseal_local.progress import silent


def shell_script(path: Path, text: str) -> Path:
    """Write an executable shell script and return its path."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def go_program(source: Path, folder: Path) -> Path:
    """Build the Go program of a source folder, whose `go.sum` pins the modules that it needs; return the binary."""
    built = folder / source.name
    environment = dict(os.environ, GOTOOLCHAIN="local", GOFLAGS="-mod=readonly", CGO_ENABLED="0")
    command = [find_go(silent), "build", "-o", str(built), "."]
    subprocess.run(command, cwd=source, env=environment, check=True, capture_output=True, timeout=300)
    return built


def run_program(
    command: Sequence[str],
    seconds: float,
    *,
    environment: Mapping[str, str] | None = None,
    stderr: int = subprocess.PIPE,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end and return what it wrote. At the timeout its children are ended with it.

    A child that outlives its parent would hold the pipes open, and `subprocess.run` would wait for it forever.

    Raises:
        subprocess.TimeoutExpired: It, or a child that writes where it writes, ran for so long.
    """
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        env=environment,
        start_new_session=True,
    ) as program:
        try:
            told, complained = program.communicate(timeout=seconds)
        except subprocess.TimeoutExpired as error:
            os.killpg(program.pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired(command, seconds, *program.communicate()) from error
    return subprocess.CompletedProcess(command, program.returncode, told, complained)
