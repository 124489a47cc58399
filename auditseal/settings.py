"""The settings that every daemon has, from the environment and a TOML file, validated whole before anything starts.

`AUDITSEAL_KAFKA__BOOTSTRAP_SERVERS` and `bootstrap_servers` under `[kafka]` are the same key; the environment wins.
What one daemon alone needs stands in the section of its name, which the others pass over: one file serves them all.
Secrets stand in files, and settings hold the files' paths, so a dump of the settings shows none.
"""

import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FilePath,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from auditseal_schemas.errors import AuditsealError, ConfigurationError
from auditseal_schemas.origin import Origin
from auditseal_schemas.transport import check_transport

PREFIX = "AUDITSEAL_"
SECTIONS = frozenset({"sealer", "archiver"})
"""The daemons' own sections."""
_OTHERS = frozenset({"minio", "environment"})  # AUDITSEAL_MINIO is read by `auditseal local`, _ENVIRONMENT by `emit`

SettingsT = TypeVar("SettingsT", bound="DaemonSettings")


def _check_readable(value: Any, check_path: ValidatorFunctionWrapHandler) -> Path:
    """Let a file that can't be reached or read be an error of its key: pydantic lets an OSError through."""
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
        allow_plaintext: Asks by name for an unencrypted connection beyond loopback.
        sasl_mechanism: With `SASL_SSL` and `SASL_PLAINTEXT`.
        sasl_username: With it too.
        sasl_password_file: A file that holds the password alone.
        ssl_ca_file: PEM of the authorities; librdkafka's own search where it is not given.
        ssl_certificate_file: PEM of the client's certificate, for mutual TLS.
        ssl_key_file: PEM of its key.
        ssl_key_password_file: A file that holds the key's password alone.
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
            ConfigurationError: A secret's file can't be read.
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
        if self.ssl_key_password_file:
            config["ssl.key.password"] = read_secret(self.ssl_key_password_file)
        return config


class MetricsSettings(Section):
    """Where `/metrics`, `/healthz` and `/readyz` are served; port 0 is a free one, which the log names."""

    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65535)


class DaemonSettings(BaseSettings):
    """What every daemon is told. A daemon adds one field to it: the section of its own name.

    Attributes:
        cluster: The name of the Kafka cluster in origins; auditors pin it.
        vault: The vault's URL.
        events_topic: Where services publish.
        blocks_topic: Where the sealer commits blocks.
        kafka: How Kafka is reached.
        metrics: Where the daemon is watched.
        log_level: The least level that is logged.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True)

    cluster: str
    vault: str
    events_topic: str = "audit.events"
    blocks_topic: str = "audit.blocks"
    kafka: KafkaSettings
    metrics: MetricsSettings = MetricsSettings()
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  (pydantic-settings passes all by name)
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment win over the file, which comes in as arguments."""
        return env_settings, init_settings

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        try:
            Origin(self.cluster, self.events_topic, 0, 0)
        except AuditsealError as error:
            raise ValueError(f"cluster and events_topic make no origin: {error}") from error
        if self.events_topic == self.blocks_topic:
            raise ValueError("events_topic and blocks_topic are the same topic")
        return self

    @field_validator("vault")
    @classmethod
    def _check_vault(cls, url: str) -> str:
        scheme, separator, rest = url.partition("://")
        if not separator or scheme not in {"s3", "file"}:
            raise ValueError("expected s3://bucket/prefix?endpoint=... or file:///path")
        if "@" in rest.partition("/")[0]:
            raise ValueError("credentials never stand in a vault's URL: boto3 finds them by its own chain")
        return url


def load_settings(kind: type[SettingsT], config: Path | None) -> SettingsT:
    """Read and validate all settings of a daemon.

    Raises:
        ConfigurationError: With one line for each key that is wrong, unknown or missing.
    """
    from_file = _read_toml(config) if config else {}
    ours = {key: value for key, value in from_file.items() if key in kind.model_fields or key not in SECTIONS}
    problems = list(_unknown_variables(kind, os.environ))
    try:
        settings = kind(**_empty_sections(kind) | ours)
    except ValidationError as error:
        problems += [_describe(details) for details in error.errors()]
    except SettingsError as error:
        problems.append(f'{error}: a variable that holds a list has to be JSON, such as ["a", "b"]')
    if problems:
        raise ConfigurationError("\n".join(problems))
    return settings


def format_settings(settings: DaemonSettings) -> str:
    """Return the effective settings as TOML, one dotted key a line; secrets are their files' paths."""
    return "\n".join(_lines(settings.model_dump(mode="json"), ""))


def read_secret(path: Path) -> str:
    """Return the secret that stands alone in a file, without the newline after it.

    Raises:
        ConfigurationError: The file can't be read, is empty or is not UTF-8.
    """
    try:
        secret = path.read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"the secret in {path} can't be read: {error}") from error
    if not secret:
        raise ConfigurationError(f"{path} holds no secret: write it there, and nothing else")
    return secret


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{path} can't be read as TOML: {error}") from error


def _empty_sections(kind: type[DaemonSettings]) -> dict[str, Any]:
    """Return every section that is required, empty: what is missing of an absent one is then told key by key."""
    types = {name: field.annotation for name, field in kind.model_fields.items() if field.is_required()}
    return {name: {} for name, type_ in types.items() if isinstance(type_, type) and issubclass(type_, Section)}


def _unknown_variables(kind: type[DaemonSettings], environment: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each variable of ours that no daemon knows; pydantic-settings would pass over a typing error."""
    known = kind.model_fields.keys() | SECTIONS | _OTHERS
    for name in sorted(environment):
        if name.upper().startswith(PREFIX) and name[len(PREFIX) :].lower().partition("__")[0] not in known:
            yield f"{name}: there is no such setting"


def _describe(details: ErrorDetails) -> str:
    path = [str(part) for part in details["loc"]]
    message = "there is no such setting" if details["type"] == "extra_forbidden" else details["msg"]
    message = message.removeprefix("Value error, ")
    if not path:
        return message
    return f"{'.'.join(path)} ({PREFIX}{'__'.join(path).upper()}): {message}"


def _lines(values: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _lines(value, f"{prefix}{key}.")
        elif value is None:
            yield f"# {prefix}{key} is not set"
        else:
            yield f"{prefix}{key} = {json.dumps(value)}"
