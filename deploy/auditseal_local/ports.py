"""Loopback ports that stay free.

Ports that the kernel gives to outgoing connections are avoided. While a killed broker is down, a client that retries
its port may get that same port as its own source. It would then connect to itself, and the broker could not start
again.
"""

import random
import socket
from pathlib import Path

from auditseal_local.errors import LocalStackError

LOOPBACK = "127.0.0.1"
_LOWEST = 10_000
_EPHEMERAL_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_EPHEMERAL_START_ELSEWHERE = 32_768
_ATTEMPTS = 200


def free_ports(count: int) -> list[int]:
    """Return `count` different ports that nothing listens on, drawn at random below the ephemeral range.

    Raises:
        LocalStackError: Too many draws were taken ports; something is wrong with the machine.
    """
    draw = random.SystemRandom()
    found: list[int] = []
    for _ in range(_ATTEMPTS):
        port = draw.randrange(_LOWEST, _ephemeral_start())
        if port not in found and _is_free(port):
            found.append(port)
        if len(found) == count:
            return found
    raise LocalStackError(
        f"no {count} free ports on {LOOPBACK} after {_ATTEMPTS} draws: is another program holding them?"
    )


def accepts(port: int) -> bool:
    """Return whether a process on loopback accepts connections at `port`."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _ephemeral_start() -> int:
    try:
        start = int(_EPHEMERAL_RANGE.read_text().split()[0])
    except FileNotFoundError:
        return _EPHEMERAL_START_ELSEWHERE
    return start if start > 2 * _LOWEST else 65_536
