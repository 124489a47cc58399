"""Which connections are safe: TLS, or no further than this machine."""

from ipaddress import ip_address

from auditseal_schemas.errors import ConfigurationError

_TLS = ("SSL", "SASL_SSL")
_PROTOCOLS = ("PLAINTEXT", "SASL_PLAINTEXT", *_TLS)


def check_transport(bootstrap_servers: str, security_protocol: str) -> None:
    """Check that `host:port,...` is reached through TLS, or is on this machine as a whole.

    A caller whose configuration asks for plaintext by name skips this check.

    Raises:
        ConfigurationError: An unknown protocol, no server, or plaintext to another machine.
    """
    protocol = security_protocol.upper()
    if protocol not in _PROTOCOLS:
        raise ConfigurationError(f"security.protocol: {security_protocol!r} is not one of {', '.join(_PROTOCOLS)}")
    hosts = [_host(server) for server in bootstrap_servers.split(",")]
    exposed = [] if protocol in _TLS else [host for host in hosts if not is_loopback(host.lower())]
    if exposed:
        raise ConfigurationError(
            f"bootstrap.servers: {', '.join(exposed)} would be reached by {protocol}, in the clear, over a network:"
            " set security.protocol to SASL_SSL or SSL, or allow plaintext by name"
        )


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine alone: `localhost`, or a loopback address."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _host(server: str) -> str:
    """Return the host of `host`, `host:port`, `[v6]:port` or `PROTOCOL://host:port`, all of which librdkafka takes."""
    address = server.strip().rpartition("://")[2]
    name, colon, last = address.rpartition(":")
    host = address[1:].partition("]")[0] if address.startswith("[") else name if colon else last
    if not host:
        raise ConfigurationError(f"bootstrap.servers: {server!r} names no host: host:port,... is expected")
    return host
