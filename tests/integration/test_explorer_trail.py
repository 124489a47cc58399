"""The trail of auditors on a real Kafka: a look is there before its answer, and no broker means no answer."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition

from auditseal_explorer.producer_trail import StrictTrail
from auditseal_glue import own_events
from auditseal_glue.own_events import record_first
from auditseal_local.kafka import KafkaNode
from auditseal_producer import AuditProducer, ProducerConfig, UndeliveredError
from auditseal_schemas.event_codec import decode_event
from auditseal_schemas.event_parts import Outcome
from tests.factory.exploring import Exploring
from tests.factory.vaults import MemoryVault, put_log
from tests.unit.explorer.test_app import TRUST
from tests.unit.search.test_search_command import BLOCKS

pytestmark = pytest.mark.kafka


def configured(servers: str, **more: Any) -> ProducerConfig:
    return ProducerConfig(bootstrap_servers=servers, service="auditseal-explorer", environment="test", **more)


def exploring(config: ProducerConfig) -> tuple[Exploring, AuditProducer]:
    vault, producer = MemoryVault(), AuditProducer(config)
    put_log(vault, BLOCKS)
    return Exploring(vault, TRUST, trail=StrictTrail(producer)), producer


def test_a_look_is_in_kafka_when_its_answer_comes(kafka: KafkaNode, make_topic: Callable[[str], str]) -> None:
    topic = make_topic("looks")
    explorer, producer = exploring(configured(kafka.bootstrap_servers, topic=topic))
    with producer:
        explorer.json("search", q="outcome = DENIED")
        assert producer.counts.acknowledged >= 1  # the look; the event of its outcome follows
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": "looks"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    message = consumer.poll(30)
    consumer.close()
    event = decode_event(message.value())
    assert event.outcome is Outcome.UNKNOWN
    assert (event.action, event.attributes["filter"]) == ("auditseal.search", "outcome = DENIED")
    assert event.source.service == "auditseal-explorer"


def test_without_a_broker_strict_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_events, "record_first", partial(record_first, seconds=0.2))
    explorer, producer = exploring(configured("127.0.0.1:1", delivery_timeout=1))
    assert "was not recorded, so nothing is shown" in explorer.page("/", 503).text
    with pytest.raises(UndeliveredError):
        producer.close(0.1)
