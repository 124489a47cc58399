"""The results of a watcher and of a drill on a real Kafka."""

from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from auditseal.own_events import own_events
from auditseal.settings_sections import RecordSettings
from auditseal_local.kafka import KafkaNode
from auditseal_schemas.event_codec import decode_event
from auditseal_vault.directory import DirectoryVault

pytestmark = pytest.mark.kafka


def test_a_drills_result_is_in_kafka_when_the_daemon_has_ended(
    kafka: KafkaNode, make_topic: Callable[[str], str], tmp_path: Path
) -> None:
    topic, connection = make_topic("own"), {"bootstrap.servers": kafka.bootstrap_servers}
    section = RecordSettings(topic=topic, environment="test")
    with own_events(section, lambda: connection, "auditseal-archiver", CollectorRegistry()) as events:
        assert events
        events.drill(DirectoryVault(tmp_path))
    consumer = Consumer({**connection, "group.id": "own"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    message = consumer.poll(30)
    consumer.close()
    event = decode_event(message.value())
    assert (event.action, event.source.service) == ("auditseal.drill.completed", "auditseal-archiver")


def test_brokers_that_are_away_do_not_keep_a_daemon_from_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auditseal.own_events._CLOSE_SECONDS", 0.1)
    section, registry = RecordSettings(topic="t", environment="test"), CollectorRegistry()
    with (
        capture_logs() as lines,
        own_events(section, lambda: {"bootstrap.servers": "127.0.0.1:1"}, "a", registry) as events,
    ):
        assert events
        events.drill(DirectoryVault(tmp_path))
    assert any(line["event"] == "audit events were not recorded" for line in lines)
    assert registry.get_sample_value("auditseal_own_events_total", {"result": "failed"}) == 1
