"""A producer's configuration: what is fixed stays so, and every wrong key gets a line of its own."""

import math
from typing import Any

import pytest

from auditseal_producer import AuditProducer, ConfigurationError, ProducerConfig

LEAST: dict[str, Any] = {"bootstrap_servers": "127.0.0.1:1", "service": "billing", "environment": "test"}


def test_what_keeps_order_and_events_is_set() -> None:
    settings = ProducerConfig(**LEAST).librdkafka
    assert settings["enable.idempotence"] is True
    assert settings["acks"] == "all"
    assert settings["partitioner"] == "murmur2_random"
    assert settings["message.max.bytes"] == 1_048_576
    assert settings["message.timeout.ms"] == 1_800_000
    assert settings["client.id"] == "auditseal/billing"


def test_what_is_a_matter_of_taste_can_be_changed() -> None:
    settings = ProducerConfig(
        **LEAST, kafka={"linger.ms": 50, "compression.type": "zstd", "client.id": "b-1"}
    ).librdkafka
    assert (settings["linger.ms"], settings["compression.type"], settings["client.id"]) == (50, "zstd", "b-1")


@pytest.mark.parametrize(
    "name",
    [
        "acks",
        "bootstrap.servers",
        "default.topic.config",
        "delivery.timeout.ms",
        "enable.idempotence",
        "max.in.flight",
        "max.in.flight.requests.per.connection",
        "message.max.bytes",
        "message.send.max.retries",
        "message.timeout.ms",
        "metadata.broker.list",
        "partitioner",
        "queuing.strategy",
        "request.required.acks",
        "retries",
        "transactional.id",
    ],
)
def test_what_would_lose_order_or_events_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"^kafka\['{name}'\]: is set by auditseal"):
        ProducerConfig(**LEAST, kafka={name: "1"})


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"service": ""}, "source.service: must not be empty"),
        ({"environment": 7}, "source.environment: must be text"),
        ({"topic": ""}, "topic: '' isn't a topic's name"),
        ({"buffer_events": 0}, "buffer_events: must be from 1 to 2000000000, not 0"),
        ({"buffer_bytes": 1_000_000}, "buffer_bytes: must be from 2097152 to 1099511627776, not 1000000"),
        ({"buffer_events": 1.5}, "buffer_events: must be a whole number, not float"),
        ({"buffer_events": True}, "buffer_events: must be a whole number, not bool"),
        ({"buffer_events": 10**12}, "buffer_events: must be from 1 to 2000000000, not 1000000000000"),
        ({"buffer_bytes": math.inf}, "buffer_bytes: must be a whole number, not float"),
        ({"buffer_bytes": 10**30}, "buffer_bytes: must be from 2097152 to 1099511627776"),
        (
            {"spool_bytes": 10**5000},
            "spool_bytes: must be from 2097152 to 1099511627776",
        ),  # Python writes no such number
        ({"buffer_events": -(10**5000)}, "buffer_events: must be from 1 to 2000000000"),
        ({"full_wait": 10**400}, "full_wait: a number of so many digits isn't a number of seconds"),
        ({"close_timeout": 10**5000}, "close_timeout: a number of so many digits isn't a number of seconds"),
        ({"delivery_timeout": -(10**5000)}, "delivery_timeout: a number of so many digits isn't"),
        ({"heartbeat": 10**5000}, "heartbeat: a number of so many digits isn't a number of seconds"),
        ({"spool": 10**5000}, "spool: must be the path of a file, not int"),
        ({"redact": 7}, "redact: must be a list of Redaction, not int"),
        ({"allow_plaintext": "false"}, "allow_plaintext: must be True or False, not str"),
        ({"delivery_timeout": 2_147_484}, "delivery_timeout: 2147484 is more than 2147483 seconds"),
        ({"topic": None}, "topic: must be text, not NoneType"),
        ({"topic": "a b"}, "topic: 'a b' isn't a topic's name"),
        ({"topic": "a\0b"}, "topic: 'a\\x00b' isn't a topic's name"),
        ({"topic": 7}, "topic: must be text, not int"),
        ({"bootstrap_servers": None}, "bootstrap_servers: must be text, not NoneType"),
        ({"kafka": 7}, "kafka: must be a mapping, not int"),
        ({"kafka": {"logger": None}}, "kafka['logger']: is set by auditseal"),
        ({"kafka": {"stats_cb": "print"}}, "kafka['stats_cb']: must be a function, not str"),
        ({"full_wait": -1}, "full_wait: -1 seconds"),
        ({"delivery_timeout": 0.5}, "delivery_timeout: 0.5 seconds"),
        ({"close_timeout": -1}, "close_timeout: -1 seconds"),
        ({"bootstrap_servers": "kafka.example.com:9092"}, "bootstrap.servers: kafka.example.com would be reached"),
        ({"bootstrap_servers": ""}, "bootstrap.servers: '' names no host"),
        ({"kafka": {"security.protocol": "TLS"}}, "security.protocol: 'TLS' is not one of"),
    ],
)
def test_a_wrong_value_is_named(changed: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        ProducerConfig(**LEAST | changed)
    assert str(refusal.value).startswith(problem)


@pytest.mark.parametrize("name", ["full_wait", "delivery_timeout", "close_timeout"])
@pytest.mark.parametrize("value", [math.nan, -math.inf, -1, None, "5", True, [], 1j])
def test_a_duration_that_is_none_is_refused_when_the_configuration_is_made(name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"^{name}: .*math.inf waits without end$"):
        ProducerConfig(**LEAST | {name: value})


@pytest.mark.parametrize("name", ["full_wait", "delivery_timeout", "close_timeout"])
def test_a_duration_may_be_endless(name: str) -> None:
    settings = ProducerConfig(**LEAST | {name: math.inf}).librdkafka
    assert settings["message.timeout.ms"] == (0 if name == "delivery_timeout" else 1_800_000)


def test_it_closes_well_before_a_supervisor_kills() -> None:
    assert ProducerConfig(**LEAST).close_timeout == 10


def test_what_is_checked_is_what_is_used() -> None:
    kafka: dict[str, Any] = {"linger.ms": 7}
    config = ProducerConfig(**LEAST, kafka=kafka)
    kafka["acks"] = 0
    kafka["linger.ms"] = "soon"
    assert (config.librdkafka["acks"], config.librdkafka["linger.ms"]) == ("all", 7)


def test_each_wrong_key_gets_a_line() -> None:
    with pytest.raises(ConfigurationError) as refusal:
        ProducerConfig(**LEAST | {"topic": "", "buffer_events": 0}, kafka={"acks": 1, "retries": 0})
    assert [line.partition(":")[0] for line in str(refusal.value).splitlines()] == [
        "topic",
        "buffer_events",
        "kafka['acks']",
        "kafka['retries']",
    ]


def test_plaintext_beyond_this_machine_is_asked_for_by_name() -> None:
    far = LEAST | {"bootstrap_servers": "kafka.example.com:9092"}
    assert ProducerConfig(**far, allow_plaintext=True).librdkafka["bootstrap.servers"] == "kafka.example.com:9092"
    assert ProducerConfig(**far, kafka={"security.protocol": "SSL"}).librdkafka["security.protocol"] == "SSL"


@pytest.mark.parametrize("kafka", [{"no.such.setting": "1"}, {"linger.ms": "soon"}, {"linger.ms": object()}])
def test_what_librdkafka_refuses_is_a_configuration_error(kafka: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="kafka: librdkafka refuses its settings"):
        AuditProducer(ProducerConfig(**LEAST, kafka=kafka))
