"""Service processes: started guarded or detached, found again by pid file, ended by group."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self, TypeAlias

import psutil

from auditseal_local import guard
from auditseal_local.errors import LocalStackError
from auditseal_local.state_file import reading_state

_START_TOLERANCE = 1.0  # s; psutil adds the boot time, which moves when the clock is set
_KILL_SECONDS = 10.0
_WAIT_POLL = 0.02  # s


@dataclass(frozen=True)
class ProcessId:
    """A process group's leader, by pid and start time, because the kernel may give the pid to another process later."""

    pid: int
    started: float
    """Seconds since the epoch."""

    @classmethod
    def of(cls, pid: int) -> Self:
        """Return the identity of the running process `pid`."""
        return cls(pid, psutil.Process(pid).create_time())

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Return the identity that `write` stored at `path`, or None."""
        try:
            text = path.read_text()
        except FileNotFoundError:
            return None
        with reading_state(path):
            fields = json.loads(text)
            return cls(int(fields["pid"]), float(fields["started"]))

    def write(self, path: Path) -> None:
        """Store the identity at `path` for another process."""
        staged = path.with_suffix(".new")
        staged.write_text(json.dumps(asdict(self)))
        staged.replace(path)

    def find(self) -> psutil.Process | None:
        """Return the process if it runs, else None: it ended, is a zombie, or its pid belongs to another process."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < _START_TOLERANCE
        except psutil.NoSuchProcess:
            return None
        return process if same and alive(process) else None


class Child:
    """A process group that leads itself: signalled as a whole, reaped when it is ours."""

    def __init__(self, identity: ProcessId, popen: subprocess.Popen[Any] | None = None) -> None:
        self.identity = identity
        self._popen = popen

    @property
    def running(self) -> bool:
        """Whether its leader still runs."""
        self._reap()
        return self.identity.find() is not None

    @property
    def exit_code(self) -> int | None:
        """The exit code of a child of ours that has ended, else None."""
        return self._popen.poll() if self._popen else None

    @property
    def resident_bytes(self) -> int:
        """Resident memory of the whole group's processes, the guard's included."""
        return sum(map(_resident, self._members()))

    def stop(self, grace: float) -> None:
        """Ask the process to end; kill it after `grace` seconds."""
        members = self._members()
        self._signal(signal.SIGTERM)
        if not self._wait(members, grace):
            self.kill()

    def kill(self) -> None:
        """End the group with SIGKILL and wait until it is gone: ports and lock files with it.

        Raises:
            LocalStackError: The kernel does not release it.
        """
        members = self._members()
        self._signal(signal.SIGKILL)
        if not self._wait(members, _KILL_SECONDS):
            raise LocalStackError(
                f"process group {self.identity.pid} is still there {_KILL_SECONDS:.0f} s after SIGKILL"
            )

    def wait(self, seconds: float) -> bool:
        """Wait at most `seconds` until the process has ended; return whether it has."""
        return self._wait(self._members(), seconds)

    def _wait(self, members: list[psutil.Process], seconds: float) -> bool:
        """Wait without psutil's own wait, which takes our child's exit code and waits further for foreign zombies."""
        deadline = time.monotonic() + seconds
        while any(alive(process) for process in members):
            if time.monotonic() > deadline:
                return False
            time.sleep(_WAIT_POLL)
        self._reap()
        return True

    def _members(self) -> list[psutil.Process]:
        leader = self.identity.find()
        if leader is None:
            return []
        try:
            return [leader, *leader.children(recursive=True)]
        except psutil.NoSuchProcess:  # it has ended since
            return []

    def _signal(self, number: signal.Signals) -> None:
        if self.running:
            with suppress(ProcessLookupError):  # it has ended since
                os.killpg(self.identity.pid, number)

    def _reap(self) -> None:
        if self._popen is not None:
            self._popen.poll()


def _resident(process: psutil.Process) -> int:
    """Return a process's resident bytes, 0 if it has ended since it was found."""
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def alive(process: psutil.Process) -> bool:
    """Return whether the process runs; a zombie that no parent reaps (as in a container) does not.

    A zombie with more than one thread does run: when a JVM ends, its first thread is a zombie before the others end.
    """
    try:
        zombie = process.status() == psutil.STATUS_ZOMBIE and process.num_threads() == 1
        return bool(process.is_running() and not zombie)
    except psutil.NoSuchProcess:
        return False


Launch: TypeAlias = Callable[[Sequence[str], Path, Mapping[str, str]], Child]
"""Starts a command with its log file (appended to) and its whole environment."""


def launch_guarded(command: Sequence[str], log: Path, environment: Mapping[str, str]) -> Child:
    """Start `command` so that it dies with this process, however this process dies."""
    return launch_detached(guarded(command), log, environment)


def guarded(command: Sequence[str]) -> list[str]:
    """Return the command that runs `command` so that it dies with this process; it must lead a process group."""
    return [sys.executable, "-I", "-S", guard.__file__, str(os.getpid()), *command]


def launch_detached(command: Sequence[str], log: Path, environment: Mapping[str, str]) -> Child:
    """Start `command` so that it continues when this process ends."""
    with log.open("ab") as out:
        popen = subprocess.Popen(  # noqa: S603
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            start_new_session=True,  # Ctrl-C at the terminal is for us; we then end it in order
        )
    try:
        return Child(ProcessId.of(popen.pid), popen)
    except BaseException:  # Ctrl-C: nobody else knows of it yet
        os.killpg(popen.pid, signal.SIGKILL)
        popen.wait()
        raise
