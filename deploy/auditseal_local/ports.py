"""Loopback ports that stay free.

Ports that the kernel hands out for outgoing connections are avoided: while a killed broker is down, a client that
retries its port may be given that very port as its own source, connect to itself, and keep the broker from coming back.
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
        LocalStackError: When so many draws met a taken port that something must be wrong with the machine.
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
    """Whether something on loopback accepts connections at `port`."""
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
