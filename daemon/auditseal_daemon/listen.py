"""The socket on which a daemon listens, over IPv4 and IPv6."""

import errno
import socket
from typing import Any

from auditseal_schemas.errors import ConfigurationError


def listen(host: str, port: int, section: str = "metrics") -> socket.socket:
    """Listen on an address of this machine: `::` takes IPv4 connections too, and port 0 is a free port.

    Args:
        host: The address, or its name.
        port: The port.
        section: The section of the settings that has the two, for an error.

    Raises:
        ConfigurationError: The host is not an address of this machine, or the port is not allowed.
        OSError: Another program listens on the port.
    """
    try:
        family, address = _resolve(host, port)
        dual = family == socket.AF_INET6 and socket.has_dualstack_ipv6()
        return socket.create_server(address, family=family, dualstack_ipv6=dual)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise
        raise ConfigurationError(
            f"{section}.host, {section}.port: can't listen on {format_address(host, port)}: {error.strerror}."
            " Name an address of this machine, such as 127.0.0.1 or ::"
        ) from error


def check_listening(host: str, port: int) -> None:
    """Check that `listen` would succeed. A port that is in use passes: it may be this very daemon's.

    Raises:
        ConfigurationError: As `listen`.
    """
    try:
        listen(host, port).close()
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise


def format_address(host: str, port: int) -> str:
    """Return `host:port` as a URL has it: an IPv6 address in brackets (RFC 3986, section 3.2.2; RFC 6874)."""
    return f"[{host.replace('%', '%25')}]:{port}" if ":" in host else f"{host}:{port}"


def _resolve(host: str, port: int) -> tuple[socket.AddressFamily, Any]:
    """Return a host's address; of a name that has both, the IPv4 one."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
    return family, address
