"""The processes of the demo: daemons and services, each guarded, so that none outlives it."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from auditseal_local.errors import LocalStackError
from auditseal_local.process import Child, launch_guarded

_STOP_SECONDS = 12  # a daemon promises 10


@dataclass(frozen=True, slots=True)
class Crew:
    """Starts processes with one environment, each with a log of its own.

    Attributes:
        environment: Added to the demo's own.
        logs: The folder of the logs.
    """

    environment: Mapping[str, str]
    logs: Path

    def start(self, name: str, module: str, *arguments: str) -> Child:
        """Start `python -m module arguments`, logging to `<name>.log`."""
        command = [sys.executable, "-m", module, *arguments]
        return launch_guarded(command, self.logs / f"{name}.log", {**os.environ, **self.environment})

    def command(self, *arguments: str) -> str:
        """Run `auditseal arguments` to its end and return what it printed.

        Raises:
            LocalStackError: It failed; with what it said.
        """
        command = [sys.executable, "-m", "auditseal", *arguments]
        environment = {**os.environ, **self.environment}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode != 0:
            raise LocalStackError(f"auditseal {' '.join(arguments[:2])} failed: {done.stderr.strip()}")
        return done.stdout

    @contextmanager
    def daemon(self, name: str, *arguments: str) -> Iterator[Child]:
        """Keep `auditseal <name>` running.

        Raises:
            LocalStackError: It didn't stop by itself and cleanly at the end.
        """
        child = self.start(name, "auditseal", name, *arguments)
        try:
            yield child
        except BaseException:
            child.kill()
            raise
        child.stop(_STOP_SECONDS)
        if child.exit_code != 0:
            raise LocalStackError(f"the {name} ended with code {child.exit_code}: see {self.logs / name}.log")

    def await_all(self, children: Mapping[str, Child], seconds: float) -> None:
        """Wait for processes that end by themselves.

        Raises:
            LocalStackError: One failed, or takes too long.
        """
        for name, child in children.items():
            if not child.wait(seconds):
                raise LocalStackError(f"{name} is not done after {seconds:.0f} s: see {self.logs / name}.log")
            if child.exit_code != 0:
                raise LocalStackError(f"{name} ended with code {child.exit_code}: see {self.logs / name}.log")

    def check_running(self, children: Sequence[Child]) -> None:
        """Raise LocalStackError where a daemon ended that should run."""
        for child in children:
            if not child.running:
                raise LocalStackError(f"a daemon ended with code {child.exit_code}: see {self.logs}")
