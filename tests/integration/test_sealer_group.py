"""Sealers of one group on a real Kafka: hand-overs lose no block and no readiness, and a name has one bearer."""

from pathlib import Path

import pytest

from auditseal_local.kafka import KafkaNode
from tests.sealing import Site

PARTITIONS = 4


@pytest.fixture
def site(kafka: KafkaNode, topic_name, tmp_path: Path) -> Site:
    site = Site(kafka.bootstrap_servers, tmp_path / "site", topic_name("events"), topic_name("blocks"), PARTITIONS)
    site.create_topics()
    return site


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
