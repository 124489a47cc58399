"""The configuration of a gateway."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from auditseal_gateway.clients import ClientDirectory
from auditseal_producer import ProducerConfig
from auditseal_schemas.event_parts import Source

_MIB = 1 << 20
_BUFFER_EVENTS = 20_000
_BUFFER_BYTES = 16 * _MIB
CLOSE_SECONDS = 5.0
"""Seconds that the end waits for the last acknowledgements."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may take of the gateway.

    Attributes:
        ack_seconds: Seconds that a request waits for the acknowledgement of its events.
        read_seconds: Seconds that a client has for a request's head, and again for its body.
        body_bytes: Bytes of a body, also after it is decompressed.
        batch: Events of a request.
        connections: Connections at a time.
        requests: Requests at a time.
        remembered: Events that the gateway remembers, to recognize retries.
    """

    ack_seconds: float = 5.0
    read_seconds: float = 10.0
    body_bytes: int = 4 * _MIB
    batch: int = 1_000
    connections: int = 2_000
    requests: int = 1_000
    remembered: int = 50_000


@dataclass(frozen=True, slots=True)
class Tls:
    """Files for TLS.

    Attributes:
        certificate: PEM of the gateway's certificate and of those between it and the authority.
        key: PEM of its key.
        client_ca: PEM of the authorities for clients' certificates; None if no client has one.
    """

    certificate: Path
    key: Path
    client_ca: Path | None = None


@dataclass(frozen=True, slots=True)
class Oidc:
    """An OpenID Connect provider whose tokens are taken.

    Attributes:
        issuer: The `iss` of its tokens.
        audience: The `aud` that a token for this gateway has.
        jwks_url: Where its keys are (RFC 7517).
        ca: PEM of the authorities for its certificate; None for the system's.
    """

    issuer: str
    audience: str
    jwks_url: str
    ca: Path | None = None


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """Where a gateway listens and publishes, and for whom.

    Attributes:
        host: The address to listen on.
        port: The port; 0 for a free one, which the log names.
        clients: The clients and their credentials.
        events_topic: The topic to publish to.
        kafka: The connection to Kafka as librdkafka's properties.
        tls: Files for TLS; None for plain HTTP.
        oidc: The provider of tokens; None for none.
        spool_dir: The folder of the spools, one for each source; None for none.
        limits: What a client may take.
    """

    host: str
    port: int
    clients: ClientDirectory
    events_topic: str
    kafka: Mapping[str, str]
    tls: Tls | None = None
    oidc: Oidc | None = None
    spool_dir: Path | None = None
    limits: Limits = Limits()

    def producer(self, source: Source) -> ProducerConfig:
        """Return the configuration of the producer for a source.

        Raises:
            ConfigurationError: Kafka can't be reached in this way.
        """
        properties = dict(self.kafka)
        servers = properties.pop("bootstrap.servers")
        return ProducerConfig(
            bootstrap_servers=servers,
            service=source.service,
            environment=source.environment,
            version=source.version,
            instance=source.instance,
            region=source.region,
            topic=self.events_topic,
            buffer_events=_BUFFER_EVENTS,
            buffer_bytes=_BUFFER_BYTES,
            full_wait=0,
            close_timeout=CLOSE_SECONDS,
            spool=None if self.spool_dir is None else self.spool_dir / _file_name(source),
            allow_plaintext=True,  # the settings have checked it
            kafka=properties,
        )


def _file_name(source: Source) -> str:
    """Return the name of a source's spool: every character but letters, digits and `-` as its UTF-8 bytes in hex."""
    parts = (source.service, source.environment, source.instance or "", source.region or "", source.version or "")
    return "_".join(map(_escaped, parts)) + ".spool"


def _escaped(text: str) -> str:
    return "".join(
        character
        if character.isascii() and (character.isalnum() or character == "-")
        else "".join(f"%{byte:02x}" for byte in character.encode())
        for character in text
    )
