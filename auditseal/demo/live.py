"""The demo that goes on: services publish, an index follows, and explorers show the vault and a changed copy."""

import json
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPConnection, HTTPException
from threading import Lock

from auditseal.demo.folder import EVENTS_TOPIC
from auditseal.demo.run import Demo, Running
from auditseal.demo.services import SERVICES
from auditseal.demo.tamper import Tampering
from auditseal_local.errors import LocalStackError
from auditseal_local.ports import LOOPBACK, free_ports
from auditseal_local.process import Child

_SEED = 2027
_VERIFIED_SECONDS = 120
_SILENT_SECONDS = 60  # a service of the demo publishes twice a second


@dataclass(frozen=True, slots=True)
class ShownCopy:
    """A changed copy of the vault.

    Attributes:
        tampering: The change.
        address: The address of the explorer that shows the copy.
        explorer: That explorer.
    """

    tampering: Tampering
    address: str
    explorer: Child


@dataclass(slots=True)
class LiveDemo:
    """Starts what goes on after the demo. The pipeline that runs it ends its processes.

    Attributes:
        demo: The demo.
        running: Its pipeline.
        copy: The last changed copy; None before the first.
    """

    demo: Demo
    running: Running
    copy: ShownCopy | None = None
    _tampering: Lock = field(default_factory=Lock)

    def start(self) -> str:
        """Let the services publish and the index follow, and return the address of the vault's explorer.

        Raises:
            LocalStackError: The explorer does not verify the vault in time.
        """
        processes, folder = self.running.processes, self.demo.folder
        for name in SERVICES:
            common = [name, self.running.bootstrap_servers, EVENTS_TOPIC, str(_SEED)]
            processes.start(f"{name}-on", "auditseal.demo.publish_on", *common)
        vault = ["--vault", self.demo.store.url, "--trust", str(folder.trust), "--index", str(folder.index)]
        processes.start("index", "auditseal", "index", "follow", "--every", "5", *vault)
        expected = [word for name in SERVICES for word in ("--expect", f"{name}={_SILENT_SECONDS}")]
        address, _ = self._explore("explorer", *vault, "--streams", str(folder.streams), *expected)
        return address

    def tamper(self) -> None:
        """Copy the vault as it is now, change one event in the copy, and show the copy in an explorer of its own.

        It ends the explorer of the last copy, since the new copy takes that folder.

        Raises:
            LocalStackError: That explorer does not verify the copy in time.
        """
        with self._tampering:
            if self.copy:
                self.copy.explorer.kill()
                self.copy = None
            tampering = self.demo.copy_and_tamper()
            vault = ["--vault", self.demo.folder.copy.as_uri(), "--trust", str(self.demo.folder.trust)]
            self.copy = ShownCopy(tampering, *self._explore("explorer-of-copy", *vault))

    def _explore(self, name: str, *options: str) -> tuple[str, Child]:
        """Start an explorer, wait until it has verified its vault once, and return its address and itself."""
        (port,) = free_ports(1)
        processes = self.running.processes
        child = processes.start(name, "auditseal", "explore", "--port", str(port), *options)
        try:
            processes.await_ready(name, child, partial(_has_verified, port), _VERIFIED_SECONDS)
        except LocalStackError:
            child.kill()
            raise
        return f"http://{LOOPBACK}:{port}", child


def _has_verified(port: int) -> bool:
    """Return whether the explorer at a port has verified all logs."""
    with closing(HTTPConnection(LOOPBACK, port, timeout=30)) as connection:
        try:
            connection.request("GET", "/api/v1/logs")
            logs = json.loads(connection.getresponse().read())["logs"]
        except (OSError, HTTPException):
            return False
    return all(log["result"] != "not verified yet" for log in logs)
