"""The sealer on a real Kafka: whatever arrives is sealed, once, through kills, and verifies."""

import random
import time
from pathlib import Path
from threading import Thread

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from auditseal_daemon.cluster import Cluster
from auditseal_local.kafka import KafkaNode
from auditseal_schemas.block import Block
from auditseal_schemas.header import CAUSE_BELOW_START, Gap
from auditseal_schemas.limits import MAX_CONTENT_BYTES
from tests.factory.sealing import KILL_ONCE_AFTER, UNCOMMITTED, Site, read_topic


@pytest.fixture
def site(kafka: KafkaNode, topic_name, tmp_path: Path) -> Site:
    site = Site(kafka.bootstrap_servers, tmp_path / "site", topic_name("events"), topic_name("blocks"))
    site.create_topics()
    return site


def publish_aborted(site: Site) -> None:
    producer = Producer({"bootstrap.servers": site.servers, "transactional.id": f"aborted.{site.events}"})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(site.events, b"aborted", partition=0)
    producer.flush(30)
    producer.abort_transaction(30)
    cluster, deadline = Cluster({"bootstrap.servers": site.servers}, 10), time.monotonic() + 60
    while cluster.end(site.events, 0) != cluster.stable_end(site.events, 0):  # the marker comes a moment later
        assert time.monotonic() < deadline
        time.sleep(0.02)


def publish_oversize(site: Site) -> bytes:
    value = bytes(MAX_CONTENT_BYTES + 1)
    producer = Producer(
        {"bootstrap.servers": site.servers, "compression.type": "zstd", "message.max.bytes": 2 * MAX_CONTENT_BYTES}
    )
    producer.produce(site.events, value, partition=0)
    assert producer.flush(30) == 0
    return value


def test_sealer_seals_whatever_arrives_and_stops_in_order(site: Site) -> None:
    odd = [b"", None, b"\x00", b"\xff" * 1000, b"{"]
    with site.sealer("--genesis") as sealer:
        sealer.await_ready()
        site.publish(odd)
        site.publish([b"with a key and headers"], key=b"k", headers=[("h", b"v"), ("h", None), ("", b"")])
        site.await_sealed(len(odd) + 1)
        publish_aborted(site)
        site.publish([b"after the marker"])
        publish_oversize(site)
        records = site.await_sealed(len(odd) + 4)
        labels = f'{{partition="0",topic="{site.events}"}}'
        sealer.await_metric(f"auditseal_events_sealed_total{labels} {len(records)}.0")
        sealer.await_metric(f"auditseal_chain_gaps_total{labels} 1.0")
        assert sealer.stop() == 0
    assert [record.value for record in records[: len(odd)]] == odd
    assert all(record.key is None and record.headers == () for record in records[: len(odd)])
    keyed, aborted, after, oversize = records[len(odd) :]
    assert (keyed.key, keyed.headers) == (b"k", (("h", b"v"), ("h", None), ("", b"")))
    assert (aborted.value, after.value) == (b"aborted", b"after the marker")
    assert after.offset == aborted.offset + 2  # the marker between them is a gap
    assert oversize.value is None
    assert oversize.oversize is not None
    assert oversize.oversize.length > MAX_CONTENT_BYTES
    gaps = [gap for value in site.block_values() for gap in Block.parse(value).header.gaps]
    assert gaps == [Gap(aborted.offset + 1, aborted.offset + 1, 0)]


def test_sealer_loses_and_doubles_nothing_when_killed(site: Site) -> None:
    chance, total = random.Random(7), 5000

    def publish() -> None:
        for start in range(0, total, 20):
            site.publish([b"event %d" % number for number in range(start, start + 20)])
            time.sleep(0.03)

    load = Thread(target=publish)
    load.start()
    for _ in range(4):
        with site.sealer("--genesis", block_age=0.02) as sealer:
            sealer.await_line("sealing")
            time.sleep(chance.uniform(0.05, 0.6))
            sealer.kill()
    load.join()
    with site.sealer(block_age=0.02) as sealer:
        records = site.await_sealed(total)
        assert sealer.stop() == 0
    assert [record.value for record in records] == [b"event %d" % number for number in range(total)]
    site.check_one_block_a_height()


def test_sealer_commits_the_very_bytes_again_that_it_signed(site: Site, tmp_path: Path) -> None:
    """Killed after each step of the first block after it: a reader of all records sees one block a height."""
    steps = ("signed", "flushed", "offsets_sent", "committed")
    site.publish([b"before"])
    with site.sealer("--genesis"):
        site.await_sealed(1)
    for number, step in enumerate(steps):
        site.publish([b"event %d" % number])
        with site.sealer(hook=KILL_ONCE_AFTER.format(step=step, mark=tmp_path / step)) as sealer:
            assert sealer.exit_code() == -9
        with site.sealer() as sealer:
            sealer.await_ready()
            site.await_sealed(number + 2)
            committed_again = "committing a block again that was signed and not committed"
            told = any(line["event"] == committed_again for line in sealer.lines())
            assert told == (step in {"flushed", "offsets_sent"})
            assert sealer.stop() == 0
    assert [record.value for record in site.verified()] == [b"before"] + [b"event %d" % n for n in range(len(steps))]
    site.check_one_block_a_height()


def test_sealer_resumes_from_its_blocks_whatever_the_groups_offset_says(site: Site) -> None:
    """Another group has no offset at all; what was sealed is read from the blocks."""
    site.publish([b"one"])
    with site.sealer("--genesis") as sealer:
        site.await_sealed(1)
        assert sealer.stop() == 0
    site.publish([b"two"])
    with site.sealer(group=f"others.{site.events}"):
        assert [record.value for record in site.await_sealed(2)] == [b"one", b"two"]


def test_sealer_seals_what_was_deleted_before_it_came_as_a_gap(site: Site, kafka_admin: AdminClient) -> None:
    site.publish([b"one"])
    with site.sealer("--genesis") as sealer:
        site.await_sealed(1)
        assert sealer.stop() == 0
    site.publish([b"two", b"three", b"four"])
    where = TopicPartition(site.events, 0, 3)
    kafka_admin.delete_records([where])[where].result(30)
    with site.sealer() as sealer:
        records = site.await_sealed(2)
        assert sealer.await_line("offsets are gone")["last"] == 2
    assert [record.value for record in records] == [b"one", b"four"]
    (gap,) = [gap for value in site.block_values() for gap in Block.parse(value).header.gaps]
    assert gap == Gap(1, 2, CAUSE_BELOW_START)


def test_sealer_restart_reads_its_last_record_again_and_seals_it_once(site: Site) -> None:
    for number in range(3):
        site.publish([b"event %d" % number])
        with site.sealer("--genesis") as sealer:
            site.await_sealed(number + 1)
            assert sealer.stop() == 0
    assert [offset for offset, _ in read_topic(site.servers, site.events, 0, UNCOMMITTED)] == [
        record.offset for record in site.verified()
    ]
