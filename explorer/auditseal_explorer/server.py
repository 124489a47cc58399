"""Listens, and serves the explorer until it is stopped."""

import ipaddress
import resource
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import uvicorn
from starlette.applications import Starlette

from auditseal_explorer.access import Access, Tls
from auditseal_explorer.connections import Connection
from auditseal_schemas.errors import ConfigurationError, quoted

_SECONDS_TO_END = 3
_FILES = 8_192  # connections, and those of strangers who have not finished their TLS handshake: it has 60 s
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def listen(host: str, port: int, access: Access | None = None) -> socket.socket:
    """Return a socket that listens.

    Args:
        host: An address of this machine; `localhost` is 127.0.0.1.
        port: The port; 0 for a free one.
        access: The login; without one the address must be of this machine's loopback.

    Raises:
        ConfigurationError: It can't be listened on, or other machines reach it and there is no login or no TLS.
    """
    address = "127.0.0.1" if host == "localhost" else host
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError as error:
        raise ConfigurationError(f"--host {quoted(host)} is not an address: use 127.0.0.1 or ::1") from error
    if not parsed.is_loopback:
        _check_beyond_loopback(host, access)
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


def _check_beyond_loopback(host: str, access: Access | None) -> None:
    if access is None:
        problem = f"--host {host} is reached from other machines, and there is no login"
        raise ConfigurationError(f"{problem}: give one by --access, or use 127.0.0.1 and reach it through ssh -L")
    if access.tls is None:
        problem = f"--host {host} is reached from other machines, and the file of --access has no certificate"
        raise ConfigurationError(f"{problem}: add certificate and key, or use 127.0.0.1 behind a proxy that has TLS")


def address_of(listening: socket.socket) -> str:
    """Return the address at which a browser reaches the socket."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def hosts_of(listening: socket.socket) -> tuple[str, ...]:
    """Return the values of `Host` that browsers send to the socket."""
    port = listening.getsockname()[1]
    return address_of(listening).partition("://")[2], f"localhost:{port}"


def server_config(app: Starlette, tls: Tls | None = None) -> uvicorn.Config:
    """Return how the explorer is served."""
    return uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_SECONDS_TO_END,
        **(tls.options() if tls else {}),
    )


def serve(app: Starlette, listening: socket.socket, tls: Tls | None, announce: Callable[[], None]) -> None:
    """Answer requests until SIGTERM or SIGINT, and return.

    `announce` says that it is served. It is called once a signal ends the serving, and not the process.
    """
    _allow_files()
    server = _Server(server_config(app, tls))
    with server.capture_signals():
        announce()
        server.run([listening])


def _allow_files() -> None:
    """Raise this process's own limit of open files: strangers' connections take some until their login is refused."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class _Server(uvicorn.Server):
    """uvicorn's server, after which its caller continues: uvicorn itself would send the signal to the process again.

    SIGTERM would end it then, with the looks that its producer has not delivered yet.
    """

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End on a signal, within."""
        before = {number: signal.signal(number, self.handle_exit) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
