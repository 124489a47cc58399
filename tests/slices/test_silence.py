"""Blocks without records on a real Kafka: exactly once, whatever kills the sealer."""

from pathlib import Path

import pytest

from auditseal_local.kafka import KafkaNode
from auditseal_schemas.block import Block
from tests.factory.sealing import KILL_ONCE_AFTER, Site


@pytest.fixture
def site(kafka: KafkaNode, topic_name, tmp_path: Path) -> Site:
    site = Site(kafka.bootstrap_servers, tmp_path / "site", topic_name("events"), topic_name("blocks"))
    site.create_topics()
    return site


def test_silence_is_sealed_once_a_height_whatever_kills_the_sealer(site: Site, tmp_path: Path) -> None:
    """A partition without an event gets its first block, and another after each silence; none is signed twice."""
    steps = ("signed", "flushed", "offsets_sent", "committed")
    for number, step in enumerate(steps):
        options = () if number else ("--genesis",)
        hook = KILL_ONCE_AFTER.format(step=step, mark=tmp_path / step)
        with site.sealer(*options, hook=hook, heartbeat=0.05) as sealer:
            assert sealer.exit_code() == -9
        with site.sealer(*options, heartbeat=0) as sealer:  # after the first start, genesis is not allowed again
            sealer.await_ready()
            sealer.await_metric(f'auditseal_chain_height{{partition="0",topic="{site.events}"}} {number + 1}.0')
            assert sealer.stop() == 0
    site.publish([b"after the silence"])
    with site.sealer() as sealer:
        assert [record.value for record in site.await_sealed(1)] == [b"after the silence"]
        assert sealer.stop() == 0
    assert [Block.parse(value).header.count for value in site.block_values()] == [0] * len(steps) + [1]
    site.check_one_block_a_height()
