"""librdkafka's properties of a connection, of which secrets can be renewed in their files while clients use them."""

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from auditseal_schemas.errors import ConfigurationError

_USER, _PASSWORD = "sasl.username", "sasl.password"
_log = logging.getLogger("auditseal.kafka")


class ClientProperties(Mapping[str, str]):
    """A connection's properties. A secret is read again at each use, so that a new client logs in with the new one.

    A file that can't be read then may be half written. The secret that was read before is used meanwhile.
    """

    def __init__(self, fixed: Mapping[str, str], secrets: Mapping[str, Callable[[], str]]) -> None:
        """Read each secret once.

        Args:
            fixed: The properties that never change.
            secrets: A function for each further property, which returns its value or raises `ConfigurationError`.

        Raises:
            ConfigurationError: A secret can't be read.
        """
        self._fixed, self._secrets = dict(fixed), dict(secrets)
        self._read = {name: read() for name, read in secrets.items()}

    def __getitem__(self, name: str) -> str:
        if name not in self._secrets:
            return self._fixed[name]
        try:
            self._read[name] = self._secrets[name]()
        except ConfigurationError as error:
            _log.warning("%s: the secret that was read before is used", error)
        return self._read[name]

    def __contains__(self, name: object) -> bool:
        return name in self._fixed or name in self._secrets

    def __iter__(self) -> Iterator[str]:
        yield from self._fixed
        yield from self._secrets

    def __len__(self) -> int:
        return len(self._fixed) + len(self._secrets)

    def __repr__(self) -> str:
        return f"ClientProperties({self._fixed!r}, secrets: {', '.join(self._secrets) or 'none'})"


class LoggedIn(Protocol):
    """A client of Kafka that takes another password while it runs."""

    def set_sasl_credentials(self, username: str, password: str) -> None:
        """Take what it logs in with from its next connection on."""
        ...


def log_in_again(client: LoggedIn, properties: Mapping[str, str]) -> None:
    """Let a client that a broker refused log in with the password that its properties have now, if they have one."""
    if _PASSWORD in properties:
        client.set_sasl_credentials(properties[_USER], properties[_PASSWORD])
