"""A daemon under a small supervisor: started guarded, and again whenever it ends, until it halts or is dismissed."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from auditseal_local.process import Child, launch_guarded
from auditseal_schemas.halt import Halt

_STUCK = Halt.TRANSACTION_STUCK.exit_code
HALTS = frozenset(halt.exit_code for halt in Halt) - {_STUCK}
"""Exit codes after which a person must look; a transaction that is stuck only asks for a new start."""

_ROOT = Path(__file__).parents[2]
_POLL = 0.05  # s
_AGAIN = 0.1  # s between an end and the next start, as an init system's
_STOP_SECONDS = 12  # a daemon promises 10
_COMMAND_SECONDS = 600


def await_true(condition: Callable[[], bool], seconds: float, problem: str) -> None:
    """Wait until something holds.

    Raises:
        AssertionError: It doesn't within `seconds`.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"for {seconds:g} s {problem}"
        time.sleep(_POLL)


def own_environment() -> dict[str, str]:
    """Return this process's environment, with the root of the tests to import them from."""
    return {**os.environ, "PYTHONPATH": str(_ROOT)}


def run_command(environment: Mapping[str, str], *words: str, codes: Collection[int] = (0,)) -> str:
    """Run a command of auditseal to its end, and return what it printed.

    Raises:
        AssertionError: It ends with another exit code than `codes`.
        subprocess.TimeoutExpired: It does not end within ten minutes.
    """
    command, variables = [sys.executable, "-m", "auditseal", *words], {**own_environment(), **environment}
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=_COMMAND_SECONDS)
    assert done.returncode in codes, f"auditseal {words[0]} ended with {done.returncode}: {done.stderr}"
    return done.stdout


@dataclass(frozen=True)
class Told:
    """A line of a daemon's log: when (s since the epoch), and all of it."""

    at: float
    line: Mapping[str, Any]


@dataclass(frozen=True)
class End:
    """How one life of a daemon ended; a code above 128 is a signal's."""

    at: float
    code: int


class Daemon:
    """One daemon. As a context manager it is kept alive within, and stopped in order at the end."""

    def __init__(self, name: str, module: str, environment: Mapping[str, str], log: Path, *arguments: str) -> None:
        self.name, self.log, self.ends = name, log, list[End]()
        self.environment = dict(environment)
        """Of the next start."""
        self._command = [sys.executable, "-m", module, *arguments]
        self._cgroup: Path | None = None
        self.lives = 0
        self._wanted = threading.Event()
        self._lock = threading.Lock()
        self._child: Child | None = None

    @property
    def halt(self) -> int | None:
        """The exit code with which it halted for good, None while it didn't."""
        code = self.ends[-1].code if self.ends else None
        return code if code in HALTS and not self.running else None

    @property
    def stuck(self) -> int:
        """How often its watchdog ended it, because a call to the broker didn't return (ADR 0007)."""
        return sum(end.code == _STUCK for end in self.ends)

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.running

    @property
    def child(self) -> Child:
        assert self._child is not None, f"{self.name} was never started"
        return self._child

    def command_pid(self) -> int:
        """Return the pid of the daemon itself, below its guard."""
        members = self.child._members()
        pid: int = members[1 if len(members) > 1 else 0].pid
        return pid

    def join(self, processes: Path) -> None:
        """Let each life of it begin in a cgroup: in the one with that file of processes."""
        self._cgroup = processes

    def kill(self) -> None:
        """kill -9; the supervisor starts it again."""
        self.child.kill()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the daemon and its guard."""
        os.killpg(self.child.identity.pid, number)

    def told(self, event: str, since: float = 0.0) -> list[Told]:
        """Return the lines of its log, of all lives, that report an event since a time (s since the epoch)."""
        text = self.log.read_text() if self.log.exists() else ""
        lines = [json.loads(line) for line in text.splitlines() if f'"event": "{event}"' in line and line[-1] == "}"]
        found = [Told(datetime.fromisoformat(line["timestamp"]).timestamp(), line) for line in lines]
        return [one for one in found if one.at > since]

    def await_told(self, event: str, since: float, seconds: float) -> Told:
        """Wait until its log reports an event that came after `since`."""
        found: list[Told] = []

        def heard() -> bool:
            found.extend(self.told(event, since))
            return bool(found)

        await_true(heard, seconds, f"{self.name} tells of no {event!r}: see {self.log}")
        return found[0]

    def start(self) -> None:
        """Start it and keep it alive."""
        self._wanted.set()
        self._launch()
        self._keeper = threading.Thread(target=self._keep, name=f"keep-{self.name}", daemon=True)
        self._keeper.start()

    def stop(self) -> None:
        """Stop it in order."""
        self._dismiss()
        self.child.stop(_STOP_SECONDS)

    def abandon(self) -> None:
        """kill -9, and no new start."""
        self._dismiss()
        self.child.kill()

    def await_end(self, seconds: float) -> int:
        """Wait until it halts by itself; return its exit code."""
        deadline = time.monotonic() + seconds
        while self.halt is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.name} hasn't halted after {seconds:g} s: see {self.log}")
            time.sleep(_POLL)
        return self.halt

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None:
            self.stop()
        else:
            self.abandon()

    def _dismiss(self) -> None:
        self._wanted.clear()
        self._keeper.join()

    def _launch(self) -> None:
        self.lives += 1
        seed = f"{self.environment.get('FAULTS_SEED', '')}/{self.lives}"
        environment = {**own_environment(), **self.environment, "FAULTS_SEED": seed}
        inside = ["sh", "-c", 'echo $$ > "$0" && exec "$@"', str(self._cgroup)] if self._cgroup else []
        self._child = launch_guarded([*inside, *self._command], self.log, environment)

    def _keep(self) -> None:
        while self._wanted.is_set():
            time.sleep(_POLL)
            if self._child is None or self._child.running:
                continue
            code = self._child.exit_code
            self.ends.append(End(time.time(), -1 if code is None else code))
            if code in HALTS:
                return
            time.sleep(_AGAIN)
            if self._wanted.is_set():
                self._launch()
