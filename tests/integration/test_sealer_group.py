"""Sealers of one group on a real Kafka: hand-overs lose no block and no readiness, and a name has one bearer."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

from auditseal_local.kafka import KafkaNode
from tests.factory.foreign_member import foreign_member
from tests.factory.quick_kafka import QuickKafka
from tests.factory.sealing import Site

PARTITIONS = 4


@pytest.fixture
def site(kafka: KafkaNode, topic_name, tmp_path: Path) -> Site:
    site = Site(kafka.bootstrap_servers, tmp_path / "site", topic_name("events"), topic_name("blocks"), PARTITIONS)
    site.create_topics()
    return site


@contextmanager
def load(site: Site) -> Iterator[list[list[bytes]]]:
    """Publish to all partitions while the context lasts; the values, a list a partition."""
    over, published = Event(), [list[bytes]() for _ in range(site.partitions)]

    def publish() -> None:
        while not over.wait(0.02):
            for partition, values in enumerate(published):
                values.append(b"event %d" % len(values))
                site.publish(values[-1:], partition)

    thread = Thread(target=publish)
    thread.start()
    try:
        yield published
    finally:
        over.set()
        thread.join()


def assert_whole(site: Site, published: list[list[bytes]]) -> None:
    for partition, values in enumerate(published):
        assert [record.value for record in site.await_sealed(len(values), partition)] == values


def consumed(site: Site, partition: int) -> str:
    return f'auditseal_events_consumed_total{{partition="{partition}",topic="{site.events}"}} 1.0'


def test_a_hand_over_commits_the_open_blocks_of_what_moves(site: Site) -> None:
    with site.sealer("--genesis", instance="one", block_age=600) as one:
        one.await_ready()
        for partition in range(PARTITIONS):
            site.publish([b"event"], partition)
        for partition in range(PARTITIONS):
            one.await_metric(consumed(site, partition))
        with site.sealer(instance="two", block_age=600) as two:
            two.await_line("sealing")
            two.await_ready()
            one.await_ready()
            moved = {line["origin"] for line in two.lines() if line["event"] == "sealing"}
            partitions = [partition for partition in range(PARTITIONS) if str(site.origin(partition)) in moved]
            assert len(partitions) == PARTITIONS // 2
            for partition in range(PARTITIONS):
                assert len(site.verified(partition)) == (partition in partitions)
            assert two.stop() == 0
        assert one.stop() == 0
    told = {line["event"] for sealer in (one, two) for line in sealer.lines()}
    assert not told & {
        "not sealing, will recover the head",
        "committing a block again that was signed and not committed",
    }


def test_of_two_sealers_of_one_name_the_older_ends(site: Site) -> None:
    with site.sealer("--genesis", instance="one", block_age=0.02) as older, load(site) as published:
        older.await_ready()
        with site.sealer(instance="one", block_age=0.02) as newer:
            assert older.exit_code() == 1
            assert "another sealer" in older.await_line("failed")["problem"]
            newer.await_ready()
            time.sleep(1)
            assert newer.process.poll() is None
            assert newer.stop() == 0
            assert not any("another sealer" in line.get("problem", "") for line in newer.lines())
    with site.sealer(instance="one") as last:
        assert_whole(site, published)
        assert last.stop() == 0


def test_an_idle_sealer_whose_name_another_has_ends_too(site: Site) -> None:
    """Nothing to seal, so that no transaction is fenced: the group alone tells it."""
    with site.sealer("--genesis", instance="one") as older:
        older.await_ready()
        with site.sealer("--genesis", instance="one") as newer:
            assert older.exit_code() == 1
            problem = older.await_line("failed")["problem"]
            assert "'one' (sealer.instance)" in problem
            newer.await_ready()
            assert newer.stop() == 0


def test_a_busy_sealer_stops_in_time_and_loses_nothing(site: Site) -> None:
    with load(site) as published:
        with site.sealer("--genesis", block_age=0.02) as sealer:
            sealer.await_ready()
            site.await_sealed(5, PARTITIONS - 1)
            assert sealer.stop() == 0
        assert sealer.lines()[-1]["event"] == "stopped"
    with site.sealer() as sealer:
        assert_whole(site, published)
        assert sealer.stop() == 0


def test_a_sealer_whose_broker_died_stops_in_time(tmp_path: Path) -> None:
    """With a block that can't be published: its transaction is left for the coordinator to abort."""
    with QuickKafka(tmp_path / "kafka") as node:
        site = Site(node.bootstrap_servers, tmp_path / "site", "events", "blocks", PARTITIONS)
        site.create_topics()
        with site.sealer("--genesis", instance="", block_age=600) as sealer:
            sealer.await_ready()
            site.publish([b"event"])
            sealer.await_metric(consumed(site, 0))
            node.kill()
            assert sealer.stop() == 0
        told = [line["event"] for line in sealer.lines()]
        assert "a partition didn't end in time" in told
        assert told[-1] == "stopped"


def test_a_foreign_member_of_the_group_shows_while_it_has_a_partition(site: Site, kafka: KafkaNode) -> None:
    with site.sealer("--genesis") as sealer:
        sealer.await_ready()
        with foreign_member(kafka, f"sealers.{site.events}", site.events):
            deadline = time.monotonic() + 60
            while "'foreign'" not in sealer.get("/readyz")[1]:
                assert time.monotonic() < deadline, sealer.log.read_text()
                time.sleep(0.1)
        sealer.await_ready()
        for partition in range(PARTITIONS):
            site.publish([b"event"], partition)
            site.await_sealed(1, partition)
        assert sealer.stop() == 0
