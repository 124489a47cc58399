"""Events of confluent-kafka's own AvroSerializer, in V0 and V1 framing: sealed from a real Kafka, then read everywhere.

The registry is one on loopback. The events are ours, as values of the schema that the package has.
"""

import json
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient, header_schema_id_serializer
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from typer.testing import CliRunner

from auditseal.cli import app
from auditseal_local.kafka import KafkaNode
from auditseal_schemas.event import AuditEvent
from auditseal_schemas.event_codec import PREFIX_BYTES, encode_event
from auditseal_schemas.event_parts import Stream
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.registry_schema import HEADER
from auditseal_schemas.schema import schema_text
from tests.factory.events import FULL, LEAST
from tests.factory.exploring import explorer_process
from tests.factory.schema_registry import SchemaRegistry, schema_registry
from tests.factory.sealing import Site

SCHEMA = schema_text("audit_event.v1").decode()
EVENTS = [
    replace(each, stream=Stream("s-1", number), event_id=f"019390a0-0000-7000-8000-{number:012x}")
    for number, each in enumerate((FULL, LEAST, FULL, LEAST))
]


def as_value(event: AuditEvent) -> dict[str, Any]:
    """An event as a service gives it to a serializer of Avro."""
    return asdict(replace(event, attributes={})) | {"attributes": dict(event.attributes)}


@pytest.fixture
def site(kafka: KafkaNode, topic_name: Callable[[str], str], tmp_path: Path) -> Site:
    site = Site(kafka.bootstrap_servers, tmp_path / "site", topic_name("events"), topic_name("blocks"))
    site.create_topics()
    return site


def publish(site: Site, registry: SchemaRegistry) -> None:
    """Publish each event by the serializer: V0 and V1 in turn."""
    never = {"auto.register.schemas": False}
    with SchemaRegistryClient({"url": registry.url}) as client:
        forms = (
            AvroSerializer(client, SCHEMA, conf=never),
            AvroSerializer(client, SCHEMA, conf={**never, "schema.id.serializer": header_schema_id_serializer}),
        )
        for number, event in enumerate(EVENTS):
            headers: list[tuple[str, bytes]] = []
            context = SerializationContext(site.events, MessageField.VALUE, headers)
            value = forms[number % 2](as_value(event), context)
            site.publish([value], headers=headers, key=b"k")
    site.publish([b"\x00\x00\x00\x00\x63" + encode_event(FULL)[PREFIX_BYTES:]])  # of a registry that is not ours


def run(*words: str) -> Any:
    done = CliRunner().invoke(app, [*words])
    assert done.exit_code == 0, done.output
    return done


def test_events_of_confluents_serializer_are_read_everywhere(site: Site, tmp_path: Path) -> None:
    with schema_registry() as registry:
        registry.add(f"{site.events}-value", SCHEMA)
        publish(site, registry)
        origin = site.origin()
        lines = run("registry", "pin", f"{origin.cluster}/{origin.topic}", "--url", registry.url).stdout
    with site.sealer("--genesis") as sealer:
        sealed = site.await_sealed(len(EVENTS) + 1)
        assert sealer.stop() == 0
    assert [record.value and record.value[0] for record in sealed] == [0, 0x48, 0, 0x48, 0]
    assert [len(record.headers or ()) for record in sealed] == [0, 1, 0, 1, 0]
    assert (sealed[1].headers or ())[0][0] == HEADER
    trust, index = tmp_path / "trust.txt", tmp_path / "index"
    vault = site.store_blocks()
    trust.write_text(f"log {VerifierKey(str(origin), site.key.public)}\nvault {vault.as_uri()}\n{lines}")
    given = ["--trust", str(trust)]

    wanted = [event.event_id for event in EVENTS]
    run("index", "build", *given, "--index", str(index), "--jobs", "1")
    run("index", "verify", *given, "--index", str(index), "--jobs", "1")
    for more in ([], ["--index", str(index)]):
        answer = json.loads(run("search", "", *given, *more, "--oldest-first", "--json").stdout)
        assert [hit["event_id"] for hit in answer["hits"]] == [*wanted, None]
        assert [hit["problem"] for hit in answer["hits"]] == [None] * len(EVENTS) + ["undecodable"]
        assert "the schema 99 of a registry" in answer["unknown_schemas"][0]
    for offset, event in enumerate(EVENTS):
        shown = json.loads(run("show", str(origin), "--offset", str(offset), "--json", *given).stdout)["record"]
        assert shown["event"]["event_id"] == event.event_id
        assert shown["event"].get("attributes", {}) == dict(event.attributes)
    for offset, event in enumerate(EVENTS[:2]):  # one of each form
        proof = tmp_path / f"{offset}.tlog-proof"
        run("prove", "--event-id", event.event_id, *given, "--index", str(index), "-o", str(proof))
        proven = json.loads(run("check-proof", str(proof), "--json", *given).stdout)["record"]
        assert (proven["offset"], proven["event"]["event_id"]) == (offset, event.event_id)
    (line,) = map(json.loads, run("streams", "--json", "--jobs", "1", *given).stdout.splitlines())
    assert (line["stream"], line["numbers"], line["gaps"]) == ("s-1", len(EVENTS), [])
    with explorer_process(trust, vault, "--index", str(index)) as (address, _):
        for offset, event in enumerate(EVENTS[:2]):
            with urllib.request.urlopen(f"{address}/event?origin={origin}&offset={offset}", timeout=60) as answer:
                assert event.event_id in answer.read().decode()
