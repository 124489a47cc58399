"""What all sections of settings are made of, the section [metrics], and reading a file of them."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    FilePath,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from auditseal_schemas.errors import ConfigurationError
from auditseal_schemas.transport import is_loopback
from auditseal_vault.url import parse_vault_url


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


def readable_by(read: Callable[[str], object]) -> AfterValidator:
    """Return the check of a text that `read` must be able to read; the text stays as it is.

    Args:
        read: Raises `ConfigurationError` or `ValueError` for a text that it can't read.
    """

    def check(text: str) -> str:
        try:
            read(text)
        except ConfigurationError as error:
            raise ValueError(str(error)) from error
        return text

    return AfterValidator(check)


VaultUrl = Annotated[str, readable_by(parse_vault_url)]
"""The URL of a bucket or a directory."""

TopicName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,249}$")]
"""The name of a topic, as Kafka allows it."""


def check_provider_url(name: str, url: str, exposure: str) -> None:
    """Check the URL of an identity provider: `https`, or `http` on this machine.

    Args:
        name: The setting that has it.
        url: The URL.
        exposure: What plain HTTP would do, such as `send the secret`.

    Raises:
        ValueError: It is another URL, or none.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{name} is not a URL: https://host/path is expected")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError(f"{name} would {exposure} unencrypted over a network: use https")


class Section(BaseModel):
    """A group of settings; an unknown key in it is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RecordSettings(Section):
    """The section [record]: where a daemon's own audit events go.

    Attributes:
        topic: The events topic of them.
        environment: The `environment` of the events' source.
    """

    topic: TopicName
    environment: str = Field(min_length=1)


class MetricsSettings(Section):
    """The address of `/metrics`, `/healthz` and `/readyz`; port 0 is a free port, which the log names."""

    host: str = Field(default="127.0.0.1", min_length=1)
    port: int = Field(default=0, ge=0, le=65535)


def read_toml(path: Path) -> dict[str, Any]:
    """Read a file of settings.

    Raises:
        ConfigurationError: It can't be read, or it is not TOML.
    """
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path} can't be read: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{path} is not TOML: {error}") from error
