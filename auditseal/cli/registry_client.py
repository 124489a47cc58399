"""The schemas that a Confluent Schema Registry has for a subject, with the errors that a user can act on."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.error import OAuthTokenError, SchemaRegistryError
from httpx2 import HTTPError, InvalidURL

from auditseal_schemas.errors import ConfigurationError, UnavailableError, quoted
from auditseal_schemas.transport import is_loopback

_DEFAULTS: Mapping[str, float] = {"timeout": 20.0, "max.retries": 2}
_NUMBERS = {"timeout", "max.retries", "retries.wait.ms", "retries.max.wait.ms"}
_AVRO = {None, "AVRO"}


@dataclass(frozen=True, slots=True)
class RegisteredVersion:
    """A version of a subject, as the registry has it. Nothing of it is checked.

    Attributes:
        version: Its number in the subject.
        ids: The ids by which records name its schema: the number, and the GUID where the registry has one.
        text: The schema; None where it is not of Avro.
    """

    version: int
    ids: tuple[str, ...]
    text: str | None


class RegistryClient:
    """Asks a registry. A context manager.

    Args:
        url: Its URL.
        settings: Settings of confluent-kafka's client, such as `basic.auth.user.info` and `ssl.ca.location`.

    Raises:
        ConfigurationError: The URL or a setting can't be used.
    """

    def __init__(self, url: str, settings: Mapping[str, str]) -> None:
        _check_url(url)
        self._url = url
        try:
            given = {name: float(value) if name in _NUMBERS else value for name, value in settings.items()}
            self._client = SchemaRegistryClient({"url": url, **_DEFAULTS, **given})
        except (OSError, TypeError, ValueError) as error:
            raise ConfigurationError(
                f"the settings of the registry can't be used: {error}: correct the file"
            ) from error

    def __enter__(self) -> "RegistryClient":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def versions(self, subject: str) -> Iterator[RegisteredVersion]:
        """Yield all versions of a subject, deleted ones among them: sealed records may name those.

        Raises:
            ConfigurationError: The registry refuses the credentials, or has no such subject.
            UnavailableError: It can't be reached, or does not answer as a registry.
        """
        with self._errors(subject):
            numbers = self._client.get_versions(subject, deleted=True)
            if not isinstance(numbers, list) or not numbers:
                raise TypeError(f"the versions of {subject} are {numbers!r}")
            for number in numbers:
                yield _registered(self._client.get_version(subject, number, deleted=True))

    @contextmanager
    def _errors(self, subject: str) -> Iterator[None]:
        try:
            yield
        except SchemaRegistryError as error:
            raise self._refusal(error, subject) from error
        except OAuthTokenError as error:
            problem = f"a token for the registry can't be fetched: {quoted(str(error))}"
            raise ConfigurationError(f"{problem}: correct the file of --config") from error
        except (HTTPError, InvalidURL) as error:
            problem = f"the registry {self._url} can't be reached: {type(error).__name__}: {error}"
            raise UnavailableError(f"{problem}: check --url, and try again") from error
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            problem = f"{self._url} does not answer as a schema registry: {type(error).__name__}: {quoted(str(error))}"
            raise UnavailableError(f"{problem}: check --url") from error

    def _refusal(self, error: SchemaRegistryError, subject: str) -> ConfigurationError | UnavailableError:
        said = f"HTTP {error.http_status_code}: {quoted(str(error.error_message))}"
        match error.http_status_code:
            case 401 | 403:
                remedy = "set basic.auth.user.info or a bearer token in the file of --config"
                return ConfigurationError(f"the registry {self._url} refuses the credentials ({said}): {remedy}")
            case 404:
                problem = f"the registry {self._url} has no subject {quoted(subject)} ({said})"
                return ConfigurationError(f"{problem}: name the subject of the topic's values by --subject")
        return UnavailableError(f"the registry {self._url} answers with an error ({said}): try again")


def _registered(found: Any) -> RegisteredVersion:
    ids = tuple(str(each).lower() for each in (found.schema_id, found.guid) if each is not None)
    is_avro = found.schema.schema_type in _AVRO and not found.schema.references
    return RegisteredVersion(int(found.version), ids, str(found.schema.schema_str) if is_avro else None)


def _check_url(url: str) -> None:
    """Check that a URL is one of HTTP without credentials, and that no network on the way can change the answers.

    Raises:
        ConfigurationError: It is not.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError as error:
        raise ConfigurationError(f"--url {quoted(url)}: {error}") from error
    if parts.scheme not in {"http", "https"} or not host or "," in url:
        raise ConfigurationError(f"--url {quoted(url)} is not the URL of a registry: write https://host:port")
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError("--url has credentials, which other users of this machine can see: use --config")
    if parts.scheme == "http" and not is_loopback(host):
        raise ConfigurationError(f"--url {quoted(url)} would be asked in the clear over a network: use https")
