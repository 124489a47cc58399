"""Serves the explorer on this machine, until it is stopped."""

import ipaddress
import socket

import uvicorn
from starlette.applications import Starlette

from auditseal_schemas.errors import ConfigurationError, quoted

_SECONDS_TO_END = 3


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Args:
        host: An address of this machine's loopback: `127.0.0.1`, `::1` or `localhost`.
        port: The port; 0 for a free one.

    Raises:
        ConfigurationError: The address is not loopback, or can't be listened on.
    """
    address = "127.0.0.1" if host == "localhost" else host
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError as error:
        raise ConfigurationError(f"--host {quoted(host)} is not an address: use 127.0.0.1 or ::1") from error
    if not parsed.is_loopback:
        problem = f"--host {host} is reached from other machines, and the explorer has no login"
        raise ConfigurationError(f"{problem}: use 127.0.0.1, and reach it through ssh -L or a proxy with a login")
    family = socket.AF_INET6 if parsed.version == 6 else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address, port))
        listening.listen()
    except OSError as error:
        listening.close()
        raise ConfigurationError(f"{host} port {port} can't be listened on: {error.strerror}: use --port") from error
    return listening


def address_of(listening: socket.socket) -> str:
    """Return the address at which a browser reaches the socket."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def hosts_of(listening: socket.socket) -> tuple[str, ...]:
    """Return the values of `Host` that browsers send to the socket."""
    port = listening.getsockname()[1]
    return address_of(listening).partition("://")[2], f"localhost:{port}"


def serve(app: Starlette, listening: socket.socket) -> None:
    """Answer requests until SIGTERM or SIGINT."""
    config = uvicorn.Config(
        app,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=_SECONDS_TO_END,
    )
    uvicorn.Server(config).run([listening])
