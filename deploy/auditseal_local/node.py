"""The common parts of Kafka and MinIO: a directory, ports that stay, a process that starts and ends."""

import json
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from auditseal_local.errors import LocalStackError
from auditseal_local.ports import free_ports
from auditseal_local.process import Child, Launch, ProcessId, launch_guarded
from auditseal_local.progress import Progress, silent
from auditseal_local.state_file import reading_state

_READY_POLL = 0.1  # s
_LOG_TAIL = 15  # lines
_PASSED_ON = ("HOME", "LANG", "LC_ALL", "PATH", "TZ")


class Node(ABC):
    """One service in one directory. Ports and data outlive the process: a restart finds both again.

    As a context manager it starts on entry and stops on exit.
    """

    title: ClassVar[str]
    port_names: ClassVar[tuple[str, ...]]
    start_seconds: ClassVar[float] = 90
    stop_seconds: ClassVar[float] = 20

    def __init__(self, directory: Path, *, launch: Launch = launch_guarded, progress: Progress = silent) -> None:
        """Take the directory (made where missing) and its ports; start nothing.

        Args:
            directory: Holds the data, `server.log`, `ports.json` and `process.json`. One node a directory.
            launch: How the process starts: it dies with this one unless `launch_detached` is given.
            progress: Called with a line when a step begins, and each second that a long one lasts.
        """
        self.directory = directory.absolute()
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.log = self.directory / "server.log"
        self.progress = progress
        self.ports = self._keep_ports()
        self._launch = launch
        self._pid_file = self.directory / "process.json"
        identity = ProcessId.read(self._pid_file)
        self._child = Child(identity) if identity else None

    @abstractmethod
    def prepare(self) -> Sequence[str]:
        """Make the files that the process needs, and return its command."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Return whether the running process serves clients."""

    @property
    @abstractmethod
    def address(self) -> str:
        """The address for clients."""

    def environment(self) -> Mapping[str, str]:
        """Return the process's whole environment: the caller's settings for Java or MinIO must not leak in."""
        return {name: os.environ[name] for name in _PASSED_ON if name in os.environ}

    @property
    def running(self) -> bool:
        """Whether the process runs, also if another process started it."""
        return self._child is not None and self._child.running

    @property
    def resident_bytes(self) -> int:
        """Resident memory of the process (0 when it doesn't run)."""
        return self._child.resident_bytes if self._child else 0

    def start(self) -> None:
        """Start the process and wait until it serves.

        Raises:
            LocalStackError: It runs already, ended at once, or did not serve in time; the text has the end of its log.
        """
        if self.running:
            raise LocalStackError(f"{self.title} runs already in {self.directory}: stop it first")
        command = self.prepare()
        self.progress(f"{self.title}: starting")
        child = self._launch(command, self.log, self.environment())
        self._child = child
        try:
            child.identity.write(self._pid_file)
            self._await_ready(child)
        except BaseException:  # Ctrl-C too must leave nothing behind
            self.kill()
            raise

    def stop(self) -> None:
        """Stop the process in order, or after a while by force. Do nothing if it does not run."""
        if self._child is not None:
            self._child.stop(self.stop_seconds)
        self._pid_file.unlink(missing_ok=True)

    def kill(self) -> None:
        """End the process as a crash would: SIGKILL, no flush, no goodbye."""
        if self._child is not None:
            self._child.kill()
        self._pid_file.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _await_ready(self, child: Child) -> None:
        begun = told = time.monotonic()
        while not self.is_ready():
            now = time.monotonic()
            if not child.running:
                raise LocalStackError(f"{self.title} ended with code {child.exit_code}. {self._log_tail()}")
            if now - begun > self.start_seconds:
                raise LocalStackError(
                    f"{self.title} doesn't serve after {self.start_seconds:.0f} s. {self._log_tail()}"
                )
            if now - told >= 1:
                told = now
                self.progress(f"{self.title}: starting, {now - begun:.0f} s")
            time.sleep(_READY_POLL)
        self.progress(f"{self.title}: ready after {time.monotonic() - begun:.1f} s")

    def _log_tail(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join([f"The end of {self.log}:", *lines[-_LOG_TAIL:]])

    def _keep_ports(self) -> dict[str, int]:
        path = self.directory / "ports.json"
        if path.exists():
            with reading_state(path):
                kept = json.loads(path.read_text())
                return {name: int(kept[name]) for name in self.port_names}
        ports = dict(zip(self.port_names, free_ports(len(self.port_names)), strict=True))
        path.write_text(json.dumps(ports))
        return ports
