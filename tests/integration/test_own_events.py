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
from auditseal_schemas.event import AuditEvent
from auditseal_schemas.event_codec import decode_event
from auditseal_vault.directory import DirectoryVault
from tests.factory.copies import BLOCKS, put, run, write_trust

pytestmark = pytest.mark.kafka


def first_event(kafka: KafkaNode, topic: str) -> AuditEvent:
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": "own"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    message = consumer.poll(30)
    consumer.close()
    return decode_event(message.value())


def test_the_result_of_a_run_of_verify_is_in_kafka_when_it_has_ended(
    kafka: KafkaNode, make_topic: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = make_topic("verified")
    (tmp_path / "vault").mkdir()
    put((tmp_path / "vault").as_uri(), BLOCKS[:2])
    for name, value in {
        "KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "EVENTS_TOPIC": topic,
        "ENVIRONMENT": "test",
    }.items():
        monkeypatch.setenv(f"AUDITSEAL_{name}", value)
    code, _, said = run("verify", write_trust(tmp_path), (tmp_path / "vault").as_uri(), "--record")
    assert code == 0, said
    event = first_event(kafka, topic)
    assert (event.action, event.source.service) == ("auditseal.verify.completed", "auditseal-verify")
    assert event.attributes["head_size"] == "2"


def test_a_drills_result_is_in_kafka_when_the_daemon_has_ended(
    kafka: KafkaNode, make_topic: Callable[[str], str], tmp_path: Path
) -> None:
    topic, connection = make_topic("own"), {"bootstrap.servers": kafka.bootstrap_servers}
    section = RecordSettings(topic=topic, environment="test")
    with own_events(section, lambda: connection, "auditseal-archiver", CollectorRegistry()) as events:
        assert events
        events.drill(DirectoryVault(tmp_path))
    event = first_event(kafka, topic)
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
