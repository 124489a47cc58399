"""The descriptors of a process and those that it started, by what they are for."""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psutil

_OTHER = "other connections"


def descriptors_of(process: psutil.Process, ports: Mapping[int, str]) -> Counter[str]:
    """Return how many descriptors a process has of each kind.

    Args:
        process: The process. Descriptors that it closes meanwhile do not count.
        ports: The names of the services at the other ends of its connections, by port.
    """
    connections = {
        each.fd: ports.get(each.raddr.port, _OTHER) for each in process.net_connections("inet") if each.raddr
    }
    found = Counter[str]()
    for each in Path(f"/proc/{process.pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            kind, colon, _ = str(each.readlink()).partition(":")
            found[connections.get(int(each.name), kind if colon else "files")] += 1
    return found
