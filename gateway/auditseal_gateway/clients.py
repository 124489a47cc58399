"""The clients of a gateway: who they are is what their credentials say, and never what a request says."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from auditseal_gateway.tokens import equal_digests, is_digest
from auditseal_schemas.errors import ConfigurationError, EventError
from auditseal_schemas.event_parts import Source

_SOURCE = ("service", "environment", "version", "instance", "region")
_CREDENTIALS = ("token_sha256", "certificates", "subjects")
_CERTIFICATE_NAMES = ("dns:", "uri:")


@dataclass(frozen=True, slots=True)
class Client:
    """One client.

    Attributes:
        source: The source that its events are stamped with.
        token_sha256: Hashes of its tokens.
        certificates: Names in its certificates: `dns:NAME` or `uri:URI`, of the subject alternative names.
        subjects: The `sub` of its tokens from the OpenID Connect provider.
    """

    source: Source
    token_sha256: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()


class ClientDirectory:
    """Finds clients by their credentials.

    Raises:
        ConfigurationError: Two clients have one credential.
    """

    def __init__(self, clients: Sequence[Client]) -> None:
        self.clients = tuple(clients)
        self._digests = [(digest, client) for client in clients for digest in client.token_sha256]
        self._names = _unique("certificates", ((name, each) for each in clients for name in each.certificates))
        self._subjects = _unique("subjects", ((name, each) for each in clients for name in each.subjects))
        _unique("token_sha256", iter(self._digests))

    @classmethod
    def parse(cls, text: str) -> "ClientDirectory":
        """Read a clients file: TOML with one `[[client]]` for each.

        Raises:
            ConfigurationError: It isn't one. The text has one line for each problem.
        """
        try:
            document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ConfigurationError(f"it is not TOML: {error}") from error
        entries = document.get("client")
        if document.keys() != {"client"} or not isinstance(entries, list) or not entries:
            raise ConfigurationError("it needs one [[client]] for each client, and nothing else")
        clients, problems = list[Client](), list[str]()
        for number, entry in enumerate(entries, start=1):
            try:
                clients.append(_client(entry))
            except (ConfigurationError, EventError) as error:
                problems.append(f"client {number}: {error}")
        if problems:
            raise ConfigurationError("\n".join(problems))
        return cls(clients)

    @property
    def sources(self) -> tuple[Source, ...]:
        """All sources, each once."""
        return tuple(dict.fromkeys(client.source for client in self.clients))

    def by_digest(self, digest: str) -> Client | None:
        """Return the client whose token has a hash. All hashes are compared, whichever is the right one."""
        found = None
        for known, client in self._digests:
            if equal_digests(known, digest):
                found = client
        return found

    def by_certificate(self, names: Sequence[str]) -> Client | None:
        """Return the client of a certificate with these names; None where no client, or more than one, has one."""
        found = {id(client): client for name in names if (client := self._names.get(name))}
        return next(iter(found.values())) if len(found) == 1 else None

    def by_subject(self, subject: str) -> Client | None:
        """Return the client of an OpenID Connect subject."""
        return self._subjects.get(subject)


def _client(entry: object) -> Client:
    if not isinstance(entry, dict):
        raise ConfigurationError("it must be a table")
    unknown = sorted(set(entry) - {*_SOURCE, *_CREDENTIALS})
    if unknown:
        raise ConfigurationError(f"{unknown[0]}: there is no such key; known: {', '.join((*_SOURCE, *_CREDENTIALS))}")
    missing = [name for name in ("service", "environment") if name not in entry]
    if missing:
        raise ConfigurationError(f"{missing[0]} is missing")
    client = Client(
        Source(**{name: entry[name] for name in _SOURCE if name in entry}),
        *(_texts(entry, name) for name in _CREDENTIALS),
    )
    wrong = [digest for digest in client.token_sha256 if not is_digest(digest)]
    if wrong:
        raise ConfigurationError("token_sha256: 64 hexadecimal digits are expected: run auditseal gateway --new-token")
    wrong = [name for name in client.certificates if not name.startswith(_CERTIFICATE_NAMES)]
    if wrong:
        raise ConfigurationError(f"certificates: {wrong[0]!r} must begin with dns: or uri:")
    if not (client.token_sha256 or client.certificates or client.subjects):
        raise ConfigurationError("it has no credential: set token_sha256, certificates or subjects")
    return client


def _texts(entry: Mapping[str, Any], name: str) -> tuple[str, ...]:
    texts = entry.get(name, [])
    if not (isinstance(texts, list) and all(isinstance(text, str) and text for text in texts)):
        raise ConfigurationError(f"{name}: must be a list of texts")
    return tuple(texts)


def _unique(key: str, pairs: Iterator[tuple[str, Client]]) -> Mapping[str, Client]:
    found: dict[str, Client] = {}
    for name, client in pairs:
        if name in found:
            raise ConfigurationError(f"{key}: {name!r} is there twice: a credential is of one client")
        found[name] = client
    return found
