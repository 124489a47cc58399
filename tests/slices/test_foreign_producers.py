"""Events that Go and Java publish without auditseal's producer: our decoder takes each, under the same Kafka key."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from auditseal_local.kafka import KafkaNode
from auditseal_schemas.event import AuditEvent
from auditseal_schemas.event_codec import decode_event, encode_event
from auditseal_schemas.event_key import event_key
from tests.factory.programs import go_program

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "kafka"
SCHEMA = ROOT / "schemas" / "auditseal_schemas" / "avro" / "audit_event.v1.avsc"
COUNT = 5
UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def read(servers: str, topic: str) -> list[tuple[bytes, bytes]]:
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "unused", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, 0, 0)])
    messages = consumer.consume(COUNT, 20)
    consumer.close()
    return [(message.key() or b"", message.value() or b"") for message in messages]


def check(kafka: KafkaNode, topic: str, command: list[str], folder: Path, language: str) -> None:
    given = {"BOOTSTRAP_SERVERS": kafka.bootstrap_servers, "TOPIC": topic, "SCHEMA": str(SCHEMA), "COUNT": str(COUNT)}
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **given}, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr + done.stdout
    published = read(kafka.bootstrap_servers, topic)
    events: list[AuditEvent] = []
    for key, value in published:
        event = decode_event(value)
        assert encode_event(event) == value
        assert event_key(event.tenant, event.actor) == key
        events.append(event)
    assert [event.event_id for event in events] == re.findall(UUID, done.stdout)  # Maven adds escape sequences
    assert [event.stream.sequence for event in events] == list(range(COUNT))
    assert {event.stream.id for event in events} == {events[0].stream.id}
    assert (events[0].source.service, events[0].attributes) == (f"{language}-example", {"language": language})
    assert events[0].reason
    assert (events[0].reason.text, events[0].changes[0].field) == ("over the limit", "state")


def refuses_another_schema(command: list[str], folder: Path, scratch: Path) -> None:
    """Check that a program publishes nothing by another schema: it needs no broker to see that."""
    other = scratch / "other.avsc"
    other.write_text('{"type": "record", "name": "Other", "fields": []}')
    given = {"BOOTSTRAP_SERVERS": "127.0.0.1:1", "TOPIC": "unused", "SCHEMA": str(other), "COUNT": "1"}
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **given}, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode != 0
    assert "take" in done.stderr + done.stdout


def test_events_of_go(kafka: KafkaNode, make_topic: Callable[..., str], tmp_path: Path) -> None:
    built = go_program(EXAMPLES / "go", tmp_path)
    check(kafka, make_topic("events"), [str(built)], EXAMPLES / "go", "go")
    refuses_another_schema([str(built)], EXAMPLES / "go", tmp_path)


@pytest.mark.skipif(not (shutil.which("mvn") and shutil.which("javac")), reason="this machine has no JDK or no Maven")
def test_events_of_java(kafka: KafkaNode, make_topic: Callable[..., str], tmp_path: Path) -> None:
    # The Java runtime that the tests have for Kafka has no compiler, so that only a JDK of the machine will do.
    project = tmp_path / "java"
    shutil.copytree(EXAMPLES / "java", project)
    command = ["mvn", "--quiet", "--batch-mode", "compile", "exec:java"]
    check(kafka, make_topic("events"), command, project, "java")
    refuses_another_schema(command, project, tmp_path)
