"""The peers of `make peers`: each is fetched, runs, and takes every event. Our own figures have their own benches."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from auditseal_daemon.cluster import Cluster
from auditseal_daemon.topic_rules import TopicRules
from auditseal_daemon.topics import create_topics
from auditseal_local.kafka import KafkaNode
from auditseal_local.minio import MinioNode
from auditseal_local.progress import silent
from tests.bench import bench_sealer
from tests.peers import connect_sink, consumer_performance, event_file, go_peers, ours, pymerkle_tree

EVENTS = 5_000
TOPIC = "peers.slice"

pytestmark = [pytest.mark.timeout(1800)]  # on a new machine it also fetches and builds the peers


@pytest.fixture(scope="module")
def events(kafka: KafkaNode, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The events, in a topic and in a file."""
    servers, path = kafka.bootstrap_servers, tmp_path_factory.mktemp("peers") / "events"
    create_topics(Cluster({"bootstrap.servers": servers}, 20), TopicRules(1, replication=1), TOPIC, f"{TOPIC}.blocks")
    bench_sealer.publish(servers, TOPIC, EVENTS)
    event_file.store_topic(servers, TOPIC, EVENTS, path)
    yield path
    path.unlink()


@pytest.mark.kafka
def test_kafkas_own_consumer_reads_the_topic(kafka: KafkaNode, events: Path) -> None:
    result = consumer_performance.measure(kafka.bootstrap_servers, TOPIC, EVENTS)
    assert (result.events, result.rate > 0) == (EVENTS, True)


@pytest.mark.kafka
def test_tessera_and_immudb_take_every_event(events: Path, tmp_path: Path) -> None:
    results = go_peers.measure(events, tmp_path, silent)
    assert [result.peer for result in results] == list(go_peers.PLANS)
    assert {result.events for result in results} == {EVENTS}


@pytest.mark.kafka
def test_pymerkle_and_our_verifier_take_every_event(events: Path, tmp_path: Path) -> None:
    assert pymerkle_tree.measure(events).events == EVENTS
    assert ours.verify(events, EVENTS, tmp_path).rate > 0


@pytest.mark.kafka
@pytest.mark.minio
def test_the_sink_has_every_event_in_its_table(
    kafka: KafkaNode, minio: MinioNode, events: Path, tmp_path: Path
) -> None:
    result = connect_sink.measure(kafka.bootstrap_servers, minio, events, EVENTS, tmp_path / "sink", silent)
    assert (result.events, result.rate > 0) == (EVENTS, True)
