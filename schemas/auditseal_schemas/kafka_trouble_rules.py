"""The troubles that a client of Kafka can have: how librdkafka words each, and what to do about it."""

import re
from enum import Enum
from typing import NamedTuple


class TroubleKind(Enum):
    """The causes that keep a client from its brokers. The value is (label for metrics, lasting)."""

    AUTHENTICATION = ("authentication", True)
    SASL_MECHANISM = ("sasl_mechanism", True)
    SASL_EXPECTED = ("sasl_expected", True)
    SASL_NOT_EXPECTED = ("sasl_not_expected", True)
    TOKEN = ("token", False)
    CERTIFICATE = ("certificate", True)
    CLIENT_CERTIFICATE = ("client_certificate", True)
    TLS_EXPECTED = ("tls_expected", True)
    TLS_NOT_EXPECTED = ("tls_not_expected", True)
    TLS_OTHER = ("tls_other", True)
    NOT_KAFKA = ("not_kafka", True)
    NOT_AUTHORIZED = ("not_authorized", True)
    TOPIC_MISSING = ("topic_missing", True)
    HOST_UNKNOWN = ("host_unknown", False)
    REFUSED = ("refused", False)
    NO_ROUTE = ("no_route", False)
    NO_ANSWER = ("no_answer", False)
    OTHER = ("other", False)

    @property
    def label(self) -> str:
        """A name for metrics and JSON."""
        return self.value[0]

    @property
    def lasting(self) -> bool:
        """Whether the trouble stays until somebody acts: a wrong password does, a broker that is down may not.

        TLS_EXPECTED and SASL_EXPECTED are concluded from closed connections, which a broker that starts or a proxy
        without a broker may cause too. Act on a lasting trouble once it has lasted for some 2 s.
        """
        return self.value[1]


class Rule(NamedTuple):
    """One wording of a trouble; `kafka_trouble` fills where, protocol, problem and mechanisms into its sentence."""

    kind: TroubleKind
    pattern: re.Pattern[str]
    sentence: str


def _rule(kind: TroubleKind, pattern: str, sentence: str) -> Rule:
    return Rule(kind, re.compile(pattern), sentence)


# The first that matches `name state problem` wins.
RULES = (
    _rule(
        TroubleKind.TOKEN,
        r"OAUTHBEARER.*token|OAuth",
        "{where}: no OAUTHBEARER token could be had: {problem}: check the token's endpoint or the callback",
    ),
    _rule(
        TroubleKind.SASL_MECHANISM,
        r"Unsupported SASL mechanism",
        "{where} doesn't take this SASL mechanism, it takes {mechanisms}: correct sasl.mechanism",
    ),
    _rule(
        TroubleKind.SASL_NOT_EXPECTED,
        r"not valid in current SASL state",
        "{where} expects no SASL at this port: correct the port, or set security.protocol to SSL or PLAINTEXT",
    ),
    _rule(
        TroubleKind.AUTHENTICATION,
        r"^_AUTHENTICATION|^SASL_AUTHENTICATION_FAILED|SASL authentication error",
        "{where} refuses the user name or the password: check sasl.username, sasl.password and sasl.mechanism",
    ),
    _rule(
        TroubleKind.CLIENT_CERTIFICATE,
        r"alert (certificate required|bad certificate|unknown ca|certificate unknown|certificate expired)"
        r"|alert handshake failure",
        "{where} refuses this client's certificate, or asks for one: check ssl.certificate.location and"
        " ssl.key.location",
    ),
    _rule(
        TroubleKind.CERTIFICATE,
        r"certificate verify failed|broker certificate could not be verified",
        "{where} has a certificate that isn't trusted here: its authority isn't in ssl.ca.location, or it names"
        " another host, or it has expired: correct ssl.ca.location or the broker's certificate",
    ),
    _rule(
        TroubleKind.TLS_NOT_EXPECTED,
        r"wrong version number|PLAINTEXT broker listener|SSL_HANDSHAKE.*closed by peer|unexpected eof",
        "{where} doesn't speak TLS at this port: correct the port, or set security.protocol to PLAINTEXT or"
        " SASL_PLAINTEXT",
    ),
    _rule(
        TroubleKind.TLS_EXPECTED,
        r"APIVERSION_QUERY.*(closed by peer|Disconnected|reset by peer)|is the broker.*SSL",
        "{where} closes {protocol} connections before the first answer: it probably expects TLS at this port: set"
        " security.protocol to SSL or SASL_SSL, or correct the port",
    ),
    _rule(
        TroubleKind.SASL_EXPECTED,
        r"UP AT ONCE.*closed by peer",
        "{where} closes {protocol} connections after the first answer: it probably expects SASL at this port: set"
        " security.protocol to SASL_SSL or SASL_PLAINTEXT, or correct the port",
    ),
    _rule(
        TroubleKind.NOT_KAFKA,
        r"Invalid response size|Invalid .*correlation|^_BAD_MSG",
        "{where} doesn't answer as a Kafka broker does: correct bootstrap.servers, or security.protocol where the"
        " port expects TLS",
    ),
    _rule(
        TroubleKind.TLS_OTHER,
        r"^_SSL|SSL handshake failed",
        "{where}: the TLS handshake failed: {problem}: check the ssl.* settings",
    ),
    _rule(
        TroubleKind.HOST_UNKNOWN,
        r"^_RESOLVE|Failed to resolve",
        "{where} is not a known host: correct bootstrap.servers, or this machine's name resolution",
    ),
    _rule(
        TroubleKind.REFUSED,
        r"Connection refused",
        "{where} refuses connections: start the broker, or correct bootstrap.servers",
    ),
    _rule(
        TroubleKind.NO_ROUTE,
        r"(Network is|Host is|No route to) (unreachable|down|host)",
        "{where} can't be reached over the network: {problem}: check the network and bootstrap.servers",
    ),
    _rule(
        TroubleKind.NOT_AUTHORIZED,
        r"^[A-Z_]*AUTHORIZATION_FAILED",
        "{where} refuses this: {problem}: grant the user this right by kafka-acls",
    ),
    _rule(
        TroubleKind.TOPIC_MISSING,
        r"^_?UNKNOWN_TOPIC",
        "the topic isn't there: make it by `auditseal topics create`, or correct its name",
    ),
    _rule(
        TroubleKind.NO_ANSWER,
        r"^_TIMED_OUT|^REQUEST_TIMED_OUT|[Tt]imed out",
        "{where} doesn't answer: check that it runs, and the firewalls on the way to bootstrap.servers",
    ),
)
