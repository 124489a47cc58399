"""A real broker that takes OAUTHBEARER tokens, and checks who signed them."""

from pathlib import Path
from typing import ClassVar

from auditseal_local.kafka import KafkaSettings
from auditseal_local.ports import LOOPBACK
from tests.factory.quick_kafka import QuickKafka
from tests.factory.token_provider import AUDIENCE

_SESSION_MS = 5_000
"""The broker ends a connection that was not authenticated again within this time (KIP-368)."""
_PACKAGE = "org.apache.kafka.common.security.oauthbearer"


class OauthKafka(QuickKafka):
    """A broker with one more listener, `tokens`, that takes SASL/OAUTHBEARER alone."""

    port_names: ClassVar[tuple[str, ...]] = (*QuickKafka.port_names, "tokens")

    def __init__(self, directory: Path, keys: str, settings: KafkaSettings | None = None) -> None:
        super().__init__(directory, settings)
        self._keys = self.directory / "keys.json"
        self._keys.write_text(keys)

    @property
    def token_listener(self) -> str:
        return f"{LOOPBACK}:{self.ports['tokens']}"

    def _java(self, *options: str) -> list[str]:
        java, *rest = super()._java(*options)
        return [java, f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={self._keys.as_uri()}", *rest]

    def _properties(self) -> dict[str, str]:
        properties = super()._properties()
        properties["listeners"] += f",TOKENS://{self.token_listener}"
        properties["advertised.listeners"] += f",TOKENS://{self.token_listener}"
        properties["listener.security.protocol.map"] += ",TOKENS:SASL_PLAINTEXT"
        handler = "sasl.server.callback.handler.class"
        return properties | {
            "sasl.enabled.mechanisms": "OAUTHBEARER",
            "listener.name.tokens.oauthbearer.sasl.jaas.config": f"{_PACKAGE}.OAuthBearerLoginModule required;",
            f"listener.name.tokens.oauthbearer.{handler}": f"{_PACKAGE}.OAuthBearerValidatorCallbackHandler",
            "sasl.oauthbearer.jwt.validator.class": f"{_PACKAGE}.BrokerJwtValidator",
            "sasl.oauthbearer.jwks.endpoint.url": self._keys.as_uri(),
            "sasl.oauthbearer.expected.audience": AUDIENCE,
            "listener.name.tokens.oauthbearer.connections.max.reauth.ms": str(_SESSION_MS),
        }
