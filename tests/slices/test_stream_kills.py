"""Producers killed at random: each loss shows as a gap or in the tail of an unclosed stream, and no gap is false."""

from collections.abc import Callable
from pathlib import Path

from auditseal_local.kafka import KafkaNode
from tests.faults import stream_kills


def test_every_loss_of_a_killed_producer_shows(
    kafka: KafkaNode, make_topic: Callable[..., str], tmp_path: Path
) -> None:
    topic = make_topic("streams", partitions=stream_kills.PARTITIONS)
    found = stream_kills.run(kafka.bootstrap_servers, topic, tmp_path, producers=8, seed=1)
    assert found["complete"] >= 2
    assert found["in tails"] + found["in gaps"] > 0
    assert found["events"] > 100
