"""A producer's spool on a real broker: killed, without a broker, on a full disk and on one that is read-only."""

import logging
import sys
import textwrap
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, NewTopic
from typer.testing import CliRunner

from auditseal.cli import app
from auditseal_local.kafka import KafkaNode
from auditseal_producer import AuditProducer, BrokerUnavailableError, ProducerConfig
from auditseal_producer.spool_file import SpoolFile
from auditseal_schemas.event_codec import decode_event
from tests.factory.programs import run_program
from tests.factory.quick_kafka import QuickKafka
from tests.factory.spools import FIELDS
from tests.faults import spool_kills
from tests.faults.rig import read_all

MakeTopic = Callable[..., str]


def config_of(servers: str, topic: str, path: Path, **changed: object) -> ProducerConfig:
    return ProducerConfig(
        bootstrap_servers=servers, topic=topic, service="billing", environment="test", spool=path, **changed
    )


def test_killed_producers_lose_nothing(kafka: KafkaNode, make_topic: MakeTopic, tmp_path: Path) -> None:
    found = spool_kills.run(kafka.bootstrap_servers, make_topic("kills"), tmp_path, kills=12, seed=1).check()
    assert found["accepted"] > 12


def test_a_broker_that_comes_late_gets_every_event_in_order(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """First nothing listens, then the topic isn't there: each time all events fail, and are sent again."""
    caplog.set_level(logging.CRITICAL + 1, logger="auditseal_producer")
    node = QuickKafka(tmp_path / "kafka")
    settings = {"kafka": {"topic.metadata.propagation.max.ms": 100}}
    producer = AuditProducer(config_of(node.bootstrap_servers, "events", tmp_path / "a.spool", **settings))
    pending = [producer.record(**FIELDS) for _ in range(50)]
    with node:
        with pytest.raises(BrokerUnavailableError, match="topic events"):
            producer.check_broker(60)
        admin = AdminClient({"bootstrap.servers": node.bootstrap_servers})
        admin.create_topics([NewTopic("events", 1, 1)])["events"].result(20)
        assert [each.result(60).stream.sequence for each in pending] == list(range(50))
        producer.close(20)
        events = [decode_event(value) for value in read_all(node.bootstrap_servers, "events", 1)]
    assert list({event.event_id: event.stream.sequence for event in events}.values()) == list(range(50))


def test_a_topic_that_refuses_an_event_lets_five_batches_pass_it_and_no_more(
    kafka: KafkaNode, make_topic: MakeTopic, kafka_admin: AdminClient, tmp_path: Path
) -> None:
    """The broker refuses a batch for its size: all behind it but five batches waits, until it is let in."""
    from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

    topic = make_topic("small", config={"max.message.bytes": "5000"})
    settings = {"kafka": {"compression.type": "none", "batch.num.messages": 1}}
    with AuditProducer(config_of(kafka.bootstrap_servers, topic, tmp_path / "a.spool", **settings)) as producer:
        first = producer.record(**FIELDS)
        large = producer.record(**FIELDS, attributes={"a": "x" * 10_000})
        others = [producer.record(**FIELDS) for _ in range(20)]
        assert first.result(30).offset == 0
        with pytest.raises(TimeoutError):
            large.result(1)
        larger = ConfigEntry("max.message.bytes", "1048576", incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[larger])
        kafka_admin.incremental_alter_configs([resource])[resource].result(20)
        assert [each.result(60).stream.sequence for each in (large, *others)] == list(range(1, 22))
    events = {event.event_id: event for event in map(decode_event, read_all(kafka.bootstrap_servers, topic, 1))}
    numbers = [event.stream.sequence for event in events.values()]
    assert numbers.index(1) <= 1 + 5
    numbers.remove(1)
    assert numbers == [0, *range(2, 22)]


def test_drain_publishes_what_a_service_left(kafka: KafkaNode, make_topic: MakeTopic, tmp_path: Path) -> None:
    path, topic = tmp_path / "a.spool", make_topic("drain")
    with AuditProducer(config_of("127.0.0.1:9", topic, path, close_timeout=0)) as producer:
        ids = [producer.record(**FIELDS).event_id for _ in range(30)]
    arguments = ["spool", "drain", str(path), "--bootstrap-servers", kafka.bootstrap_servers, "--topic", topic]
    drained = CliRunner().invoke(app, arguments)
    assert (drained.exit_code, drained.stdout) == (0, f"30 published to {topic}\n"), drained.stderr
    assert [decode_event(value).event_id for value in read_all(kafka.bootstrap_servers, topic, 1)] == ids
    with closing(SpoolFile(path)) as file:
        assert file.events == 0


SMALL_DISK = """
import logging, os, subprocess, sys
from pathlib import Path
from auditseal_producer import *
from tests.factory.spools import FIELDS, spool_config
logging.getLogger("auditseal_producer").setLevel(logging.CRITICAL + 1)
disk = Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)], check=True)
"""


def run_on_small_disk(folder: Path, program: str) -> list[str]:
    """Run a program in a mount namespace of its own, where it may mount a file system of 4 MiB."""
    command = ["unshare", "--map-root-user", "--mount", sys.executable, "-c", SMALL_DISK + textwrap.dedent(program)]
    done = run_program([*command, str(folder)], 60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_full_disk_is_an_error_and_nothing_accepted_is_lost(tmp_path: Path) -> None:
    error, *numbers = run_on_small_disk(
        tmp_path,
        """
        accepted = []
        (disk / "ballast").write_bytes(bytes(3_000_000))
        with AuditProducer(spool_config(disk / "a.spool", broker=False)) as producer:
            try:
                while True:
                    accepted.append(producer.record(**FIELDS, attributes={"a": "x" * 20_000}).stream.sequence)
            except SpoolError as error:
                print(error)
            (disk / "ballast").unlink()
            accepted.append(producer.record(**FIELDS).stream.sequence)
        print(accepted == list(range(len(accepted))), len(accepted) > 10)
        with AuditProducer(spool_config(disk / "a.spool")) as producer:
            producer.flush(20)
            print(producer.counts == (len(accepted), 0, 0, 0))
            print(producer.record(**FIELDS, attributes={"a": "x" * 20_000}).result(20).stream.sequence == len(accepted))
    """,
    )
    assert "a.spool: database or disk is full (SQLITE_FULL): free some space on the disk" in error
    assert numbers == ["True True", "True", "True"]


def test_a_read_only_disk_is_an_error_and_nothing_accepted_is_lost(tmp_path: Path) -> None:
    refused, unopened, delivered = run_on_small_disk(
        tmp_path,
        """
        def remount(how):
            subprocess.run(["mount", "-o", f"remount,{how}", str(disk)], check=True)
        producer = AuditProducer(spool_config(disk / "a.spool", broker=False))
        producer.record(**FIELDS)
        producer.close(0)
        remount("ro")
        try:
            AuditProducer(spool_config(disk / "a.spool", broker=False))
        except SpoolError as error:
            print(error)
        try:
            AuditProducer(spool_config(disk / "new.spool", broker=False))
        except SpoolError as error:
            print(error)
        remount("rw")
        with AuditProducer(spool_config(disk / "a.spool")) as producer:
            producer.flush(20)
            print(producer.counts)
    """,
    )
    assert "a.spool: its lock file can't be opened: [Errno 30] Read-only file system" in refused
    assert "new.spool: its lock file can't be opened: [Errno 30] Read-only file system" in unopened
    assert delivered == "ProducerCounts(acknowledged=1, failed=0, refused=0, pending=0)"
