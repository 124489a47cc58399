"""A real broker with TLS, SASL and ACLs: the listeners that a client may meet, right and wrong ones.

| listener | protocol | certificate |
| --- | --- | --- |
| `client` | PLAINTEXT; for administration, everything is allowed | |
| `sasl_tls` | SASL_SSL | good |
| `sasl` | SASL_PLAINTEXT | |
| `tls` | SSL; everything is allowed | good |
| `other_host` | SSL | names another host |
| `expired` | SSL | expired two days ago |
| `mutual` | SSL, and asks for the client's certificate | good |
"""

from functools import cached_property
from pathlib import Path
from typing import ClassVar

from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from cryptography import x509

from auditseal_local.kafka import KafkaSettings
from auditseal_local.ports import LOOPBACK
from tests.factory.certificates import Authority
from tests.factory.quick_kafka import QuickKafka

_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
_PROTOCOLS = {
    "sasl_tls": "SASL_SSL",
    "sasl": "SASL_PLAINTEXT",
    "tls": "SSL",
    "other_host": "SSL",
    "expired": "SSL",
    "mutual": "SSL",
}


ADMINISTRATOR = "administrator"
"""A user who may do everything, once it has a password."""
MECHANISM = "SCRAM-SHA-512"
SESSION_MS = 5_000
"""At the listener `sasl`, the broker ends a connection that was not authenticated again in this time (KIP-368)."""


class SecuredKafka(QuickKafka):
    """The broker. `ca_file` is the PEM of its authority, `other_ca_file` that of a stranger."""

    port_names: ClassVar[tuple[str, ...]] = (*QuickKafka.port_names, *_PROTOCOLS)

    def __init__(self, directory: Path, settings: KafkaSettings | None = None) -> None:
        super().__init__(directory, settings)
        self._authority = Authority("auditseal test authority")
        self.ca_file = self._write("ca.pem", self._authority.pem)
        self.other_ca_file = self._write("other_ca.pem", Authority("a stranger").pem)
        certificate, key = self._authority.issue("client")
        self.client_certificate = self._write("client.pem", certificate)
        self.client_key = self._write("client.key", key)

    def listener(self, name: str) -> str:
        """Return `host:port` of a listener."""
        return f"{LOOPBACK}:{self.ports[name]}"

    def client_config(self, user: str, password: str) -> dict[str, str]:
        """Return librdkafka's settings of a user at `sasl_tls`."""
        return {
            "bootstrap.servers": self.listener("sasl_tls"),
            "security.protocol": "SASL_SSL",
            "ssl.ca.location": str(self.ca_file),
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": user,
            "sasl.password": password,
        }

    @cached_property
    def admin(self) -> AdminClient:
        """A client that may do everything."""
        return AdminClient({"bootstrap.servers": self.bootstrap_servers})

    def add_user(self, name: str, password: str) -> None:
        """Make a user of SCRAM-SHA-512, who has no right yet."""
        secret = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        user = UserScramCredentialUpsertion(name, secret, password.encode())
        self.admin.alter_user_scram_credentials([user])[name].result(20)

    def allow(self, user: str, resource: ResourceType, name: str, *operations: AclOperation) -> None:
        """Give a user rights on one resource."""
        rules = [
            AclBinding(
                resource, name, ResourcePatternType.LITERAL, f"User:{user}", "*", operation, AclPermissionType.ALLOW
            )
            for operation in operations
        ]
        for done in self.admin.create_acls(rules).values():
            done.result(20)

    def _properties(self) -> dict[str, str]:
        properties = super()._properties()
        for name, protocol in _PROTOCOLS.items():
            listener = f",{name.upper()}://{self.listener(name)}"
            properties["listeners"] += listener
            properties["advertised.listeners"] += listener
            properties["listener.security.protocol.map"] += f",{name.upper()}:{protocol}"
            if protocol.startswith("SASL"):
                properties[f"listener.name.{name}.scram-sha-512.sasl.jaas.config"] = _SCRAM
            if protocol.endswith("SSL"):
                properties |= self._key_store(name)
        return properties | {
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": f"User:ANONYMOUS;User:CN=client;User:{ADMINISTRATOR}",
            f"listener.name.sasl.{MECHANISM.lower()}.connections.max.reauth.ms": str(SESSION_MS),
            "listener.name.mutual.ssl.client.auth": "required",
            "listener.name.mutual.ssl.truststore.type": "PEM",
            "listener.name.mutual.ssl.truststore.certificates": _one_line(self._authority.pem),
        }

    def _key_store(self, listener: str) -> dict[str, str]:
        if listener == "other_host":
            certificate, key = self._authority.issue("broker", [x509.DNSName("kafka.example.com")])
        else:
            certificate, key = self._authority.issue("broker", expired=listener == "expired")
        return {
            f"listener.name.{listener}.ssl.keystore.type": "PEM",
            f"listener.name.{listener}.ssl.keystore.key": _one_line(key),
            f"listener.name.{listener}.ssl.keystore.certificate.chain": _one_line(certificate),
        }

    def _write(self, name: str, pem: str) -> Path:
        path = self.directory / name
        path.write_text(pem)
        return path


def _one_line(pem: str) -> str:
    return pem.replace("\n", "\\n")
