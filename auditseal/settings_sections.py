"""The sections that all daemons' settings share, and the files that they name: keys, certificates, secrets."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FilePath,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from auditseal_daemon.secret_file import read_secret, read_secret_file
from auditseal_schemas.errors import ConfigurationError
from auditseal_schemas.transport import check_transport


def _check_readable(value: Any, check_path: ValidatorFunctionWrapHandler) -> Path:
    """Make an unreadable file an error of its key, because pydantic lets an OSError through."""
    try:
        path: Path = check_path(value)
        path.open("rb").close()
    except OSError as error:
        raise ValueError(f"it can't be read: {error}") from error
    return path


ReadableFile = Annotated[FilePath, WrapValidator(_check_readable)]
"""A file that is there and that this process may read."""


class Section(BaseModel):
    """A group of settings; an unknown key in it is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class KafkaSettings(Section):
    """How a client reaches Kafka.

    Attributes:
        bootstrap_servers: `host:port,...`.
        security_protocol: As librdkafka names it.
        allow_plaintext: Explicitly allows an unencrypted connection beyond loopback.
        sasl_mechanism: With `SASL_SSL` and `SASL_PLAINTEXT`.
        sasl_username: With it too.
        sasl_password_file: A file that holds only the password.
        ssl_ca_file: PEM of the authorities; librdkafka's own search by default.
        ssl_certificate_file: PEM of the client's certificate, for mutual TLS.
        ssl_key_file: PEM of its key.
        ssl_key_password_file: A file that holds only the key's password.
    """

    bootstrap_servers: str = Field(min_length=1)
    security_protocol: Literal["PLAINTEXT", "SASL_PLAINTEXT", "SSL", "SASL_SSL"] = "PLAINTEXT"
    allow_plaintext: bool = False
    sasl_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = "SCRAM-SHA-512"
    sasl_username: str | None = None
    sasl_password_file: ReadableFile | None = None
    ssl_ca_file: ReadableFile | None = None
    ssl_certificate_file: ReadableFile | None = None
    ssl_key_file: ReadableFile | None = None
    ssl_key_password_file: ReadableFile | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.allow_plaintext:
            try:
                check_transport(self.bootstrap_servers, self.security_protocol)
            except ConfigurationError as error:
                raise ValueError(str(error)) from error
        if self._uses_sasl and not (self.sasl_username and self.sasl_password_file):
            raise ValueError(f"{self.security_protocol} needs sasl_username and sasl_password_file")
        return self

    @property
    def _uses_sasl(self) -> bool:
        return self.security_protocol.startswith("SASL_")

    def client_config(self) -> dict[str, str]:
        """Return the connection as librdkafka's properties, with the secrets read from their files.

        Raises:
            ConfigurationError: A secret's file can't be read, or others may read it.
        """
        config = {"bootstrap.servers": self.bootstrap_servers, "security.protocol": self.security_protocol}
        if self._uses_sasl and self.sasl_username and self.sasl_password_file:
            config["sasl.mechanism"] = self.sasl_mechanism
            config["sasl.username"] = self.sasl_username
            config["sasl.password"] = read_secret(self.sasl_password_file)
        files = {
            "ssl.ca.location": self.ssl_ca_file,
            "ssl.certificate.location": self.ssl_certificate_file,
            "ssl.key.location": self.ssl_key_file,
        }
        config.update({name: str(path) for name, path in files.items() if path})
        if self.ssl_key_file:
            read_secret_file(self.ssl_key_file)  # librdkafka opens it, and doesn't ask who else may
        if self.ssl_key_password_file:
            config["ssl.key.password"] = read_secret(self.ssl_key_password_file)
        return config


class MetricsSettings(Section):
    """The address of `/metrics`, `/healthz` and `/readyz`; port 0 is a free port, which the log names."""

    host: str = Field(default="127.0.0.1", min_length=1)
    port: int = Field(default=0, ge=0, le=65535)
