"""The section [kafka]: how daemons and commands reach Kafka, and authenticate there."""

from collections.abc import Callable
from functools import partial
from typing import Literal, Self

from pydantic import Field, model_validator

from auditseal.settings_sasl import KerberosSettings, OauthbearerSettings
from auditseal.settings_sections import ReadableFile, Section
from auditseal_daemon.client_properties import ClientProperties
from auditseal_daemon.secret_file import read_secret, read_secret_file
from auditseal_schemas.errors import ConfigurationError
from auditseal_schemas.transport import check_transport


class KafkaSettings(Section):
    """How a client reaches Kafka.

    Attributes:
        bootstrap_servers: `host:port,...`.
        security_protocol: As librdkafka names it.
        allow_plaintext: Explicitly allows an unencrypted connection beyond loopback.
        sasl_mechanism: With `SASL_SSL` and `SASL_PLAINTEXT`.
        sasl_username: With SCRAM and PLAIN.
        sasl_password_file: A file that holds only the password; with SCRAM and PLAIN.
        oauthbearer: With OAUTHBEARER.
        kerberos: With GSSAPI.
        ssl_ca_file: PEM of the authorities; librdkafka's own search by default.
        ssl_certificate_file: PEM of the client's certificate, for mutual TLS.
        ssl_key_file: PEM of its key.
        ssl_key_password_file: A file that holds only the key's password.
    """

    bootstrap_servers: str = Field(min_length=1)
    security_protocol: Literal["PLAINTEXT", "SASL_PLAINTEXT", "SSL", "SASL_SSL"] = "PLAINTEXT"
    allow_plaintext: bool = False
    sasl_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN", "OAUTHBEARER", "GSSAPI"] = "SCRAM-SHA-512"
    sasl_username: str | None = None
    sasl_password_file: ReadableFile | None = None
    oauthbearer: OauthbearerSettings | None = None
    kerberos: KerberosSettings | None = None
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
        self._check_sasl()
        return self

    def _check_sasl(self) -> None:
        used = self.sasl_mechanism if self._uses_sasl else ""
        for mechanism, section, name in (
            ("OAUTHBEARER", self.oauthbearer, "oauthbearer"),
            ("GSSAPI", self.kerberos, "kerberos"),
        ):
            if used == mechanism and section is None:
                raise ValueError(f"{mechanism} needs the section kafka.{name}")
            if used != mechanism and section is not None:
                raise ValueError(f"the section kafka.{name} is for sasl_mechanism {mechanism}, with SASL_SSL")
        has_password = self.sasl_username and self.sasl_password_file
        if used not in {"", "OAUTHBEARER", "GSSAPI"} and not has_password:
            raise ValueError(f"{self.security_protocol} needs sasl_username and sasl_password_file")

    @property
    def _uses_sasl(self) -> bool:
        return self.security_protocol.startswith("SASL_")

    def client_config(self) -> ClientProperties:
        """Return the connection as librdkafka's properties, whose secrets are read from their files at each use.

        Raises:
            ConfigurationError: A secret's file can't be read, or others may read it, or this build of librdkafka does
                not have the mechanism.
        """
        config = {"bootstrap.servers": self.bootstrap_servers, "security.protocol": self.security_protocol}
        secrets = dict[str, Callable[[], str]]()
        if self._uses_sasl:
            config |= {"sasl.mechanism": self.sasl_mechanism, **self._sasl_properties()}
            secrets |= self._sasl_secrets()
        files = {
            "ssl.ca.location": self.ssl_ca_file,
            "ssl.certificate.location": self.ssl_certificate_file,
            "ssl.key.location": self.ssl_key_file,
        }
        config.update({name: str(path) for name, path in files.items() if path})
        if self.ssl_key_file:
            read_secret_file(self.ssl_key_file)  # librdkafka opens it, and doesn't ask who else may
        if self.ssl_key_password_file:
            secrets["ssl.key.password"] = partial(read_secret, self.ssl_key_password_file)
        return ClientProperties(config, secrets)

    def _sasl_properties(self) -> dict[str, str]:
        if section := self.oauthbearer or self.kerberos:
            return section.properties()
        return {"sasl.username": self.sasl_username} if self.sasl_username else {}

    def _sasl_secrets(self) -> dict[str, Callable[[], str]]:
        if self.oauthbearer:
            return self.oauthbearer.secrets()
        if self.sasl_password_file and not self.kerberos:
            return {"sasl.password": partial(read_secret, self.sasl_password_file)}
        return {}
