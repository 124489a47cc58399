"""The settings of every daemon, from the environment and a TOML file, validated as a whole before anything starts.

`AUDITSEAL_KAFKA__BOOTSTRAP_SERVERS` and `bootstrap_servers` under `[kafka]` are the same key; the environment wins.
The settings of one daemon are in the section of its name, and the others ignore it. So one file serves all.
Secrets are in files. The settings hold the paths of the files, so a dump of the settings shows no secret.
"""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from pydantic import ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from auditseal.settings_kafka import KafkaSettings
from auditseal.settings_sections import MetricsSettings, Section, VaultUrl, read_toml
from auditseal_daemon.run import DaemonOptions
from auditseal_schemas.errors import AuditsealError, ConfigurationError
from auditseal_schemas.origin import Origin

PREFIX = "AUDITSEAL_"
SECTIONS = frozenset({"sealer", "archiver", "watch", "gateway", "record"})
"""The daemons' own sections, and the one of those that record events."""
_OTHERS = frozenset({"minio", "environment", "producer"})
"""AUDITSEAL_MINIO is read by `auditseal local`, _ENVIRONMENT by `emit`, _PRODUCER__* by services (`from_env`)."""

SettingsT = TypeVar("SettingsT", bound="CommonSettings")


class CommonSettings(BaseSettings):
    """The settings that every daemon has. A daemon adds one field: the section of its own name.

    Attributes:
        metrics: The address of the daemon's HTTP pages.
        log_level: The lowest level that is logged.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True)

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
        """Let the environment win over the file, whose values are passed as arguments."""
        return env_settings, init_settings

    def options(self) -> DaemonOptions:
        """Return how the daemon reports."""
        return DaemonOptions(self.log_level, self.metrics.host, self.metrics.port)


class DaemonSettings(CommonSettings):
    """The settings that the daemons of the pipeline share: those that need Kafka and a vault.

    Attributes:
        cluster: The name of the Kafka cluster in origins; auditors pin it.
        vault: The vault's URL.
        events_topic: The topic to which services publish.
        blocks_topic: The topic to which the sealer commits blocks.
        kafka: The connection to Kafka.
    """

    cluster: str
    vault: VaultUrl
    events_topic: str = "audit.events"
    blocks_topic: str = "audit.blocks"
    kafka: KafkaSettings

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        try:
            Origin(self.cluster, self.events_topic, 0, 0)
        except AuditsealError as error:
            raise ValueError(f"cluster and events_topic do not make an origin: {error}") from error
        if self.events_topic == self.blocks_topic:
            raise ValueError("events_topic and blocks_topic are the same topic")
        return self


def load_settings(kind: type[SettingsT], config: Path | None) -> SettingsT:
    """Read and validate all settings of a daemon.

    Raises:
        ConfigurationError: A key is wrong, unknown or missing; the text has one line for each.
    """
    from_file = read_toml(config) if config else {}
    others = SECTIONS | DaemonSettings.model_fields.keys()
    ours = {key: value for key, value in from_file.items() if key in kind.model_fields or key not in others}
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


def format_settings(settings: CommonSettings) -> str:
    """Return the effective settings as TOML, one dotted key a line; secrets are their files' paths."""
    return "\n".join(_lines(settings.model_dump(mode="json"), ""))


def _empty_sections(kind: type[CommonSettings]) -> dict[str, Any]:
    """Return every required section, empty, so that the error names each missing key of an absent section."""
    types = {name: field.annotation for name, field in kind.model_fields.items() if field.is_required()}
    return {name: {} for name, type_ in types.items() if isinstance(type_, type) and issubclass(type_, Section)}


def _unknown_variables(kind: type[CommonSettings], environment: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each `AUDITSEAL_` variable that no daemon knows: pydantic-settings would ignore them."""
    known = kind.model_fields.keys() | DaemonSettings.model_fields.keys() | SECTIONS | _OTHERS
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
