"""The gateway's own settings, and the configuration that they make."""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from auditseal.settings import CommonSettings
from auditseal.settings_kafka import KafkaSettings
from auditseal.settings_sections import ReadableFile, Section, check_provider_url
from auditseal_daemon.secret_file import read_secret_file
from auditseal_gateway.clients import ClientDirectory
from auditseal_gateway.config import GatewayConfig, Limits, Oidc, Tls
from auditseal_schemas.errors import ConfigurationError
from auditseal_schemas.transport import is_loopback


class OidcSettings(Section):
    """The section [gateway.oidc]: a provider whose tokens the gateway takes.

    Attributes:
        issuer: The `iss` of its tokens.
        audience: The `aud` that a token for this gateway has.
        jwks_url: Where its keys are; `http` only on this machine.
        ca_file: PEM of the authorities for its certificate; the system's by default.
    """

    issuer: str = Field(min_length=1)
    audience: str = Field(min_length=1)
    jwks_url: str
    ca_file: ReadableFile | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_provider_url("jwks_url", self.jwks_url, "fetch keys")
        return self


class GatewaySection(Section):
    """The section that only the gateway reads.

    Attributes:
        clients_file: The clients, and the hashes of their tokens.
        host: The address to listen on.
        port: The port; 0 for a free one, which the log names.
        tls_certificate_file: PEM of the gateway's certificate and of those between it and the authority.
        tls_key_file: PEM of its key.
        client_ca_file: PEM of the authorities for clients' certificates.
        allow_plaintext: Explicitly allows plain HTTP on an address that other machines reach.
        oidc: A provider of tokens.
        spool_dir: A folder for spools, which keep events while the brokers are away; not set for none.
        ack_seconds: Seconds that a request waits for the acknowledgement of its events.
        read_seconds: Seconds that a client has for a request's head, and again for its body.
        max_body_bytes: Bytes of a body, also after it is decompressed.
        max_batch: Events of a request.
        max_connections: Connections at a time.
        max_requests: Requests at a time.
        remember: Events that the gateway remembers, to recognize retries.
    """

    clients_file: ReadableFile
    host: str = Field(default="127.0.0.1", min_length=1)
    port: int = Field(default=8787, ge=0, le=65535)
    tls_certificate_file: ReadableFile | None = None
    tls_key_file: ReadableFile | None = None
    client_ca_file: ReadableFile | None = None
    allow_plaintext: bool = False
    oidc: OidcSettings | None = None
    spool_dir: Path | None = None
    ack_seconds: float = Field(default=5, ge=0.1, le=300)
    read_seconds: float = Field(default=10, ge=0.1, le=300)
    max_body_bytes: int = Field(default=4_194_304, ge=1_024, le=67_108_864)
    max_batch: int = Field(default=1_000, ge=1, le=10_000)
    max_connections: int = Field(default=2_000, ge=1, le=100_000)
    max_requests: int = Field(default=1_000, ge=1, le=100_000)
    remember: int = Field(default=50_000, ge=0, le=10_000_000)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.tls_certificate_file is None) != (self.tls_key_file is None):
            raise ValueError("tls_certificate_file and tls_key_file belong together: set both")
        if self.client_ca_file and not self.tls_certificate_file:
            raise ValueError("client_ca_file needs TLS: set tls_certificate_file and tls_key_file")
        if not (self.tls_certificate_file or self.allow_plaintext or is_loopback(self.host)):
            raise ValueError(
                f"host {self.host} would take tokens unencrypted over a network: set tls_certificate_file and"
                " tls_key_file, or allow_plaintext behind a proxy that has TLS"
            )
        return self


class GatewaySettings(CommonSettings):
    """All settings of the gateway, which needs Kafka and no vault.

    Attributes:
        events_topic: The topic to which it publishes.
        kafka: The connection to Kafka.
        gateway: The gateway's own section.
    """

    events_topic: str = "audit.events"
    kafka: KafkaSettings
    gateway: GatewaySection

    def config(self) -> GatewayConfig:
        """Return the gateway's configuration.

        Raises:
            ConfigurationError: A file can't be read, is not what it should be, or others may read a secret.
        """
        section = self.gateway
        if section.tls_key_file:
            read_secret_file(section.tls_key_file)  # ssl opens it, and doesn't ask who else may
        if section.spool_dir and not section.spool_dir.is_dir():
            raise ConfigurationError(f"gateway.spool_dir: {section.spool_dir} is not a folder: make it")
        oidc = section.oidc
        return GatewayConfig(
            host=section.host,
            port=section.port,
            clients=_read_clients(section.clients_file),
            events_topic=self.events_topic,
            kafka=self.kafka.client_config(),
            tls=self._tls(),
            oidc=Oidc(oidc.issuer, oidc.audience, oidc.jwks_url, oidc.ca_file) if oidc else None,
            spool_dir=section.spool_dir,
            limits=Limits(
                ack_seconds=section.ack_seconds,
                read_seconds=section.read_seconds,
                body_bytes=section.max_body_bytes,
                batch=section.max_batch,
                connections=section.max_connections,
                requests=section.max_requests,
                remembered=section.remember,
            ),
        )

    def _tls(self) -> Tls | None:
        section = self.gateway
        if section.tls_certificate_file is None or section.tls_key_file is None:
            return None
        return Tls(section.tls_certificate_file, section.tls_key_file, section.client_ca_file)


def _read_clients(path: Path) -> ClientDirectory:
    try:
        return ClientDirectory.parse(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"gateway.clients_file: {path} can't be read: {error}") from error
    except ConfigurationError as error:
        raise ConfigurationError(f"gateway.clients_file: {path}: {error}") from error
