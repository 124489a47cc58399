"""The sections [kafka.oauthbearer] and [kafka.kerberos]: SASL without a password."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Self
from urllib.parse import urlsplit

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from pydantic import Field, StringConstraints, model_validator

from auditseal.settings_sections import ReadableFile, Section, check_provider_url
from auditseal_daemon.secret_file import read_secret, read_secret_file
from auditseal_schemas.errors import ConfigurationError

_SHELL_SAFE = r"^[\w.+/@-]+$"  # librdkafka hands them to a shell, within the command that runs kinit
KerberosName = Annotated[str, StringConstraints(pattern=_SHELL_SAFE)]


class OauthbearerSettings(Section):
    """A token from an OpenID Connect provider by the grant `client_credentials` (RFC 6749, section 4.4; RFC 7628).

    Attributes:
        token_endpoint_url: The provider's token endpoint. Only `https`, except on this machine.
        client_id: The client's name at the provider.
        client_secret_file: A file that holds only the client's secret.
        scope: The scope to ask for; the provider's default if it is not set.
        extensions: `name=value,...`, SASL extensions for the broker.
        ca_file: PEM of the authorities for the provider's certificate; librdkafka's own search by default.
    """

    token_endpoint_url: str
    client_id: str = Field(min_length=1)
    client_secret_file: ReadableFile
    scope: str | None = None
    extensions: str | None = None
    ca_file: ReadableFile | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if "@" in urlsplit(self.token_endpoint_url).netloc:
            raise ValueError("token_endpoint_url must not hold credentials: client_id and client_secret_file have them")
        check_provider_url("token_endpoint_url", self.token_endpoint_url, "send the secret")
        return self

    def properties(self) -> dict[str, str]:
        """Return librdkafka's properties, without the secret."""
        given = {
            "sasl.oauthbearer.method": "oidc",
            "sasl.oauthbearer.token.endpoint.url": self.token_endpoint_url,
            "sasl.oauthbearer.client.id": self.client_id,
            "sasl.oauthbearer.scope": self.scope,
            "sasl.oauthbearer.extensions": self.extensions,
            "https.ca.location": str(self.ca_file) if self.ca_file else None,
        }
        return {name: value for name, value in given.items() if value}

    def secrets(self) -> dict[str, Callable[[], str]]:
        """Return functions that read the properties that are secrets; they raise `ConfigurationError`."""
        return {"sasl.oauthbearer.client.secret": partial(read_secret, self.client_secret_file)}


class KerberosSettings(Section):
    """A Kerberos ticket from a keytab (RFC 4752).

    Attributes:
        principal: The client's principal, such as `sealer@EXAMPLE.COM`.
        keytab_file: The keytab with its key.
        service_name: The first part of the brokers' principals.
    """

    principal: KerberosName
    keytab_file: ReadableFile
    service_name: KerberosName = "kafka"

    def properties(self) -> dict[str, str]:
        """Return librdkafka's properties.

        Raises:
            ConfigurationError: Others may read the keytab, its path has characters that a shell interprets, or this
                build of librdkafka has no GSSAPI.
        """
        _check_gssapi()
        read_secret_file(self.keytab_file)
        path = str(self.keytab_file)
        if set(path) & set('"$`\\'):
            raise ConfigurationError(f"kafka.kerberos.keytab_file: {path!r} has characters that a shell interprets")
        return {
            "sasl.kerberos.service.name": self.service_name,
            "sasl.kerberos.principal": self.principal,
            "sasl.kerberos.keytab": path,
        }


def _check_gssapi() -> None:
    """Ask librdkafka whether it was built with GSSAPI; the wheels of confluent-kafka are not.

    Raises:
        ConfigurationError: It was not.
    """
    try:
        AdminClient({"builtin.features": "sasl_gssapi", "bootstrap.servers": "127.0.0.1:1", "log_level": 0})
    except KafkaException as error:
        raise ConfigurationError(
            "kafka.sasl_mechanism: the installed librdkafka has no GSSAPI. Build confluent-kafka from source against a"
            " librdkafka with libsasl2: pip install --no-binary confluent-kafka confluent-kafka"
        ) from error
