"""What a real broker's listeners do to a wrong client, and the sentence that names it, in seconds."""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from confluent_kafka import Producer

from auditseal_schemas.kafka_trouble import Trouble, TroubleKind, Troubles
from tests.factory.secured_kafka import SecuredKafka

SECONDS = 60  # in which a client learns it on a machine that does much else; on an idle one it takes 1 s
Settings = Callable[[SecuredKafka], Mapping[str, str]]


def trouble_of(settings: Mapping[str, str], topic: str = "audit.events") -> Trouble | None:
    """Return the first trouble of a producer that has one event to send; None where it is acknowledged."""
    troubles, acknowledged = Troubles(), threading.Event()

    class Logger:
        def log(self, level: int, form: str, facility: str, client: str, text: str) -> None:
            troubles.note(facility, text)

    def delivered(error: Any, _: object) -> None:
        acknowledged.set() if error is None else troubles.note(error.name(), error.str())

    client = Producer(
        {**settings, "logger": Logger(), "error_cb": lambda error: troubles.note(error.name(), error.str())}
    )
    client.produce(topic, b"event", on_delivery=delivered)
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and not acknowledged.is_set() and troubles.current is None:
        client.poll(0.1)
    assert acknowledged.is_set() or troubles.current is not None, f"neither in {SECONDS} s"
    client.purge()
    client.poll(0)
    return troubles.current


def writer(changed: Mapping[str, str]) -> Settings:
    return lambda node: {**node.client_config("writer", "secret"), **changed}


def at(listener: str, **changed: str) -> Settings:
    """Return the settings of a writer that goes to another listener; `ssl_ca_location` and so on."""
    more = {name.replace("_", "."): value for name, value in changed.items()}
    return lambda node: {
        **node.client_config("writer", "secret"),
        "bootstrap.servers": node.listener(listener),
        **more,
    }


def mutual(node: SecuredKafka) -> Mapping[str, str]:
    return {
        **at("mutual", security_protocol="SSL")(node),
        "ssl.certificate.location": str(node.client_certificate),
        "ssl.key.location": str(node.client_key),
    }


@pytest.mark.parametrize(
    "settings",
    [writer({}), at("sasl", security_protocol="SASL_PLAINTEXT"), at("tls", security_protocol="SSL"), mutual],
    ids=["SASL_SSL", "SASL_PLAINTEXT", "SSL", "mutual TLS"],
)
def test_a_right_client_has_no_trouble(secured_kafka: SecuredKafka, settings: Settings) -> None:
    assert trouble_of(settings(secured_kafka)) is None


@pytest.mark.parametrize(
    ("settings", "kind", "advice"),
    [
        (writer({"sasl.password": "wrong"}), TroubleKind.AUTHENTICATION, "check sasl.username, sasl.password"),
        (writer({"sasl.username": "nobody"}), TroubleKind.AUTHENTICATION, "check sasl.username"),
        (writer({"sasl.mechanism": "PLAIN"}), TroubleKind.SASL_MECHANISM, "it takes 'SCRAM-SHA-512'"),
        (
            lambda node: {**writer({})(node), "ssl.ca.location": str(node.other_ca_file)},
            TroubleKind.CERTIFICATE,
            "correct ssl.ca.location",
        ),
        (at("other_host", security_protocol="SSL"), TroubleKind.CERTIFICATE, "names another host"),
        (at("expired", security_protocol="SSL"), TroubleKind.CERTIFICATE, "it has expired"),
        (at("mutual", security_protocol="SSL"), TroubleKind.CLIENT_CERTIFICATE, "check ssl.certificate.location"),
        (at("sasl_tls", security_protocol="PLAINTEXT"), TroubleKind.TLS_EXPECTED, "set security.protocol to SSL"),
        (at("tls", security_protocol="PLAINTEXT"), TroubleKind.TLS_EXPECTED, "set security.protocol to SSL"),
        (at("tls", security_protocol="SASL_PLAINTEXT"), TroubleKind.TLS_EXPECTED, "set security.protocol to SSL"),
        (at("client", security_protocol="SSL"), TroubleKind.TLS_NOT_EXPECTED, "set security.protocol to PLAINTEXT"),
        (at("client", security_protocol="SASL_SSL"), TroubleKind.TLS_NOT_EXPECTED, "correct the port"),
        (at("client", security_protocol="SASL_PLAINTEXT"), TroubleKind.SASL_NOT_EXPECTED, "expects no SASL"),
        (at("tls", security_protocol="SASL_SSL"), TroubleKind.SASL_NOT_EXPECTED, "expects no SASL"),
        (at("sasl", security_protocol="PLAINTEXT"), TroubleKind.SASL_EXPECTED, "set security.protocol to SASL_SSL"),
        (at("sasl_tls", security_protocol="SSL"), TroubleKind.SASL_EXPECTED, "set security.protocol to SASL_SSL"),
    ],
)
def test_a_wrong_client_learns_what_is_wrong(
    secured_kafka: SecuredKafka, settings: Settings, kind: TroubleKind, advice: str
) -> None:
    used = settings(secured_kafka)
    trouble = trouble_of(used)
    assert trouble is not None
    assert (trouble.kind, trouble.broker) == (kind, used["bootstrap.servers"])
    assert advice in trouble.sentence
    assert trouble.kind.lasting


def test_a_user_without_the_right_is_named(secured_kafka: SecuredKafka) -> None:
    secured_kafka.add_user("reader", "secret")
    trouble = trouble_of(secured_kafka.client_config("reader", "secret"))
    assert trouble is not None
    assert (trouble.kind, trouble.broker) == (TroubleKind.NOT_AUTHORIZED, "")
    assert "Topic authorization failed" in trouble.sentence


def test_a_topic_that_is_missing_is_named(secured_kafka: SecuredKafka) -> None:
    settings = at("client", security_protocol="PLAINTEXT")(secured_kafka)
    trouble = trouble_of({**settings, "topic.metadata.propagation.max.ms": "500"}, "no.such.topic")
    assert trouble is not None
    assert trouble.kind is TroubleKind.TOPIC_MISSING


@pytest.fixture
def web_server() -> Iterator[str]:
    """`host:port` of something that answers every request as a web server does."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(1000)
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def test_something_that_is_not_kafka(web_server: str) -> None:
    trouble = trouble_of({"bootstrap.servers": web_server})
    assert trouble is not None
    assert (trouble.kind, trouble.broker) == (TroubleKind.NOT_KAFKA, web_server)
    secure = trouble_of({"bootstrap.servers": web_server, "security.protocol": "SSL"})
    assert secure is not None
    assert secure.kind is TroubleKind.TLS_NOT_EXPECTED


@pytest.mark.parametrize(
    ("server", "kind"), [("127.0.0.1:9", TroubleKind.REFUSED), ("no-such-host.invalid:9092", TroubleKind.HOST_UNKNOWN)]
)
def test_nothing_there(server: str, kind: TroubleKind) -> None:
    trouble = trouble_of({"bootstrap.servers": server})
    assert trouble is not None
    assert (trouble.kind, trouble.broker, trouble.kind.lasting) == (kind, server, False)
