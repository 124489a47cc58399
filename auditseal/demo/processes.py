"""The processes of the demo: daemons and services, each guarded, so that none outlives it."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from auditseal.demo.command import run_command
from auditseal.demo.environment import environment_with
from auditseal_local.errors import LocalStackError
from auditseal_local.ports import LOOPBACK, free_ports
from auditseal_local.process import Child, launch_guarded

_STOP_SECONDS = 12  # a daemon promises 10
_READY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Processes:
    """Starts processes with one environment, each with a log of its own.

    Attributes:
        environment: The whole environment of each process; no other setting of auditseal reaches them.
        logs: The folder of the logs.
    """

    environment: Mapping[str, str]
    logs: Path

    def start(self, name: str, module: str, *arguments: str, telemetry: int = 0) -> Child:
        """Start `python -m module arguments`, logging to `<name>.log`; a daemon serves `telemetry`, 0 any port."""
        command = [sys.executable, "-m", module, *arguments]
        environment = environment_with({**self.environment, "AUDITSEAL_METRICS__PORT": str(telemetry)})
        return launch_guarded(command, self.logs / f"{name}.log", environment)

    def command(self, *arguments: str) -> str:
        """Run `auditseal arguments` to its end and return what it printed.

        Raises:
            LocalStackError: It failed; the text has its output.
        """
        done = run_command(arguments, environment_with(self.environment), subprocess.PIPE)
        if done.returncode != 0:
            raise LocalStackError(f"auditseal {' '.join(arguments[:2])} failed: {done.stderr.strip()}")
        return done.stdout

    @contextmanager
    def daemons(self, commands: Mapping[str, Sequence[str]]) -> Iterator[dict[str, Child]]:
        """Start `auditseal <name> arguments` for each name, wait until all are ready, and keep them running.

        Raises:
            LocalStackError: One does not become ready, or did not stop cleanly at the end.
        """
        ports = dict(zip(commands, free_ports(len(commands)), strict=True))
        children: dict[str, Child] = {}
        try:
            for name, arguments in commands.items():
                children[name] = self.start(name, "auditseal", name, *arguments, telemetry=ports[name])
            for name, child in children.items():
                self.await_ready(name, child, partial(_is_ready, ports[name]))
            yield children
        except BaseException:
            for child in children.values():
                child.kill()
            raise
        with ThreadPoolExecutor(len(children)) as pool:
            list(pool.map(lambda child: child.stop(_STOP_SECONDS), children.values()))
        for name, child in children.items():
            if child.exit_code != 0:
                raise LocalStackError(f"the {name} ended with code {child.exit_code}: see {self.logs / name}.log")

    def await_ready(
        self, name: str, child: Child, is_ready: Callable[[], bool], seconds: float = _READY_SECONDS
    ) -> None:
        """Wait until a process is ready.

        Raises:
            LocalStackError: It ended, or it takes too long.
        """
        deadline = time.monotonic() + seconds
        while not is_ready():
            if not child.running:
                raise LocalStackError(f"the {name} ended with code {child.exit_code}: see {self.logs / name}.log")
            if time.monotonic() > deadline:
                raise LocalStackError(f"the {name} isn't ready after {seconds} s: see {self.logs / name}.log")
            time.sleep(0.1)

    def run_together(self, module: str, commands: Mapping[str, Sequence[str]], seconds: float) -> None:
        """Run `python -m module arguments` for each name with its arguments, until all have ended by themselves.

        Raises:
            LocalStackError: One failed, or takes too long; all of them are stopped then.
        """
        with ExitStack() as running:
            children = {}
            for name, arguments in commands.items():
                children[name] = self.start(name, module, *arguments)
                running.callback(children[name].kill)
            for name, child in children.items():
                if not child.wait(seconds):
                    raise LocalStackError(f"{name} is not done after {seconds:.0f} s: see {self.logs / name}.log")
                if child.exit_code != 0:
                    raise LocalStackError(f"{name} ended with code {child.exit_code}: see {self.logs / name}.log")

    def check_running(self, children: Sequence[Child]) -> None:
        """Raise LocalStackError if a daemon that should run has ended."""
        for child in children:
            if not child.running:
                raise LocalStackError(f"a daemon ended with code {child.exit_code}: see {self.logs}")


def _is_ready(port: int) -> bool:
    """Return whether the daemon with its telemetry at `port` is ready."""
    with closing(HTTPConnection(LOOPBACK, port, timeout=2)) as connection:
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == HTTPStatus.OK
        except (OSError, HTTPException):
            return False
