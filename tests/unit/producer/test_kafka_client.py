"""librdkafka's producer is made at its first use, and its settings are checked before.

The token of the service's `oauth_cb` is checked, too: the binding would raise in the wrong place.
"""

import re
from pathlib import Path
from typing import Any

import pytest

from auditseal_producer import (
    Actor,
    AuditProducer,
    DeliveryError,
    Outcome,
    ProducerClosedError,
    ProducerConfig,
    Resource,
    UndeliveredError,
)
from auditseal_producer.client_log import ClientLog
from auditseal_producer.kafka_client import KafkaClient, _TokenSource
from auditseal_schemas.errors import ConfigurationError
from auditseal_schemas.kafka_trouble import TroubleKind
from tests.factory.certificates import Authority

GOOD: list[tuple[Any, ...]] = [("t", 1.0), ("t", 1, "principal"), ("t", 1.5, "principal", {"name": "value"})]


@pytest.mark.parametrize("token", GOOD)
def test_a_token_is_handed_on(token: tuple[Any, ...]) -> None:
    source = _TokenSource(ClientLog(None), lambda config: token)
    assert source("config") is token
    assert source.error is None


@pytest.mark.parametrize(
    "token",
    [
        None,
        "t",
        (),
        ("t",),
        ("t", "soon"),
        (None, 1.0),
        ("a\0b", 1.0),
        ("t", 1, 7),
        ("t", 1, "p", []),
        ("t", 1, "p", {"name": 7}),
        ("t", 1, "p", {}, 1),
        ["t", 1],
    ],
)
def test_anything_else_is_a_trouble_that_says_what_is_expected(token: object) -> None:
    log = ClientLog(None)
    source = _TokenSource(log, lambda config: token)
    with pytest.raises(RuntimeError, match="no token"):
        source("config")
    assert isinstance(source.error, TypeError)
    assert log.trouble is not None
    assert log.trouble.kind is TroubleKind.TOKEN
    assert re.search(r"oauth_cb must return \(token, expiry", str(log.trouble))


NO_BROKER = {"bootstrap.servers": "127.0.0.1:9"}


def threads() -> set[str]:
    """The threads of this process, as the operating system has them."""
    return {path.name for path in Path("/proc/self/task").iterdir()}


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"no.such.setting": "1"}, "No such configuration property"),
        ({"linger.ms": "soon"}, "Invalid value"),
        ({"security.protocol": "SSL", "ssl.ca.location": "/no/such/file"}, "ssl.ca.location failed"),
        ({"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN"}, "sasl.username and sasl.password"),
    ],
)
def test_wrong_settings_are_refused_before_any_client_is_needed(settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        KafkaClient({**NO_BROKER, **settings}, ClientLog(None))


def test_a_client_that_is_not_needed_yet_has_no_thread() -> None:
    before = threads()
    client = KafkaClient(NO_BROKER, ClientLog(None))
    assert threads() <= before
    made = client.make()
    assert (client.make() is made, client.wait() is made) == (True, True)
    assert not threads() <= before
    client.forget()
    with pytest.raises(ProducerClosedError):
        client.make()


def test_a_file_that_is_gone_at_the_first_event_is_said_at_once(tmp_path: Path) -> None:
    """Neither the event that waited for the first one, nor the close, waits for a client that can't be made."""
    authority = tmp_path / "ca.pem"
    authority.write_text(Authority("tests").pem)
    kafka = {"security.protocol": "SSL", "ssl.ca.location": str(authority)}
    config = ProducerConfig(bootstrap_servers="127.0.0.1:9", service="s", environment="e", kafka=kafka, heartbeat=60)
    told: list[DeliveryError] = []
    producer = AuditProducer(config, on_error=told.append)
    authority.unlink()
    with pytest.raises(ConfigurationError, match=r"ssl\.ca\.location failed"):
        producer.record(actor=Actor("user", "u"), action="a", resources=[Resource("r", "1")], outcome=Outcome.SUCCESS)
    with pytest.raises(UndeliveredError) as undelivered:
        producer.close(60)
    assert (undelivered.value.waiting, undelivered.value.failed) == (0, 1)
    assert ["ssl.ca.location failed" in str(error) for error in told] == [True]
    assert producer.counts == (0, 1, 2, 0)  # the event that closes the stream is refused as well


def test_the_event_that_opens_a_stream_goes_with_the_first_one_or_with_a_flush() -> None:
    kafka = {"test.mock.num.brokers": 1}
    config = ProducerConfig(bootstrap_servers="127.0.0.1:9", service="s", environment="e", kafka=kafka, heartbeat=60)
    before = threads()
    with AuditProducer(config) as producer:
        assert len(threads() - before) == 2  # the two of Python's: none of librdkafka's
        assert producer.counts.pending == 1
        producer.flush(60)
        assert producer.counts == (1, 0, 0, 0)
        pending = producer.record(
            actor=Actor("user", "u"), action="a", resources=[Resource("r", "1")], outcome=Outcome.SUCCESS
        )
        assert pending.stream.sequence == 1
