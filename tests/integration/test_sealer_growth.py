"""A sealer whose topics grow: new logs show at once and begin when they may, and the others never stop."""

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, NewPartitions

from auditseal_local.kafka import KafkaNode
from auditseal_schemas.block import Block
from auditseal_schemas.halt import Halt
from tests.factory.sealing import SealerProcess, Site

BEFORE, AFTER = 2, 4
SOON = 60.0  # s: 5 to notice, a rebalance, and a machine that is busy


@pytest.fixture
def site(kafka: KafkaNode, topic_name, tmp_path: Path) -> Site:
    site = Site(kafka.bootstrap_servers, tmp_path / "site", topic_name("events"), topic_name("blocks"), BEFORE)
    site.create_topics()
    return site


def grow(admin: AdminClient, topic: str) -> None:
    admin.create_partitions([NewPartitions(topic, AFTER)])[topic].result(20)


def states(sealer: SealerProcess) -> dict[int, str]:
    """Return each partition's state by the metric."""
    found = re.findall(r'auditseal_log_state{partition="(\d)",state="(\w+)",.*} 1\.0', sealer.get("/metrics")[1])
    return {int(partition): state for partition, state in found}


def halted_new(sealer: SealerProcess) -> set[str]:
    """Return the runbooks of the new partitions that halted, by the log file."""
    return {
        line["runbook"] for line in sealer.lines() if line["event"] == "a new partition halted, the others continue"
    }


def eventually(holds: Callable[[], bool], sealer: SealerProcess) -> None:
    deadline = time.monotonic() + SOON
    while not holds():
        assert time.monotonic() < deadline, sealer.log.read_text()[-4000:]
        time.sleep(0.1)


def begin(site: Site) -> None:
    """Seal an event in each partition that there is."""
    with site.sealer("--genesis") as sealer:
        for partition in range(site.partitions):
            site.publish([b"first"], partition)
            site.await_sealed(1, partition)
        assert sealer.stop() == 0


def publish_new(site: Site, partition: int) -> None:
    """Publish to a partition that the producer may not know yet."""
    Site(site.servers, site.directory / f"new-{partition}", site.events, site.blocks, AFTER).publish(
        [b"new"], partition
    )


def squat(site: Site, partition: int) -> Path:
    """Put an object at the place of a log's first block."""
    place = site.directory / "vault" / site.origin(partition).block_key(0)
    place.parent.mkdir(parents=True)
    place.write_bytes(b"someone was first")
    return place


def test_new_logs_that_halt_show_at_once_and_stop_no_other(site: Site, kafka_admin: AdminClient) -> None:
    begin(site)
    place = squat(site, 3)
    with site.sealer() as sealer:
        sealer.await_ready()
        grow(kafka_admin, site.blocks)
        grow(kafka_admin, site.events)
        eventually(lambda: states(sealer) == {0: "sealing", 1: "sealing", 2: "halted", 3: "halted"}, sealer)
        eventually(lambda: f"{site.origin(2)}: GENESIS_NOT_ALLOWED" in sealer.get("/readyz")[1], sealer)
        eventually(lambda: f"{site.origin(3)}: SQUATTED" in sealer.get("/readyz")[1], sealer)
        eventually(lambda: halted_new(sealer) == {"genesis-not-allowed", "squatted"}, sealer)
        for partition in (2, 3):
            publish_new(site, partition)
        for partition in (0, 1):
            site.publish([b"second"], partition)
            site.await_sealed(2, partition)
        assert (site.block_values(partition=2), site.block_values(partition=3)) == ([], [])
        assert Block.parse(site.block_values(partition=0)[-1]).header.partitions == AFTER
        assert sealer.stop() == 0
    place.unlink()
    with site.sealer("--genesis") as sealer:
        for partition in (2, 3):
            assert [record.value for record in site.await_sealed(1, partition)] == [b"new"]
        sealer.await_ready()
        eventually(lambda: set(states(sealer).values()) == {"sealing"}, sealer)
        assert sealer.stop() == 0


def test_events_that_grow_first_wait_for_the_blocks_topic_alone(site: Site, kafka_admin: AdminClient) -> None:
    with site.sealer("--genesis") as sealer:
        sealer.await_ready()
        grow(kafka_admin, site.events)
        expected = {0: "sealing", 1: "sealing", 2: "no_blocks_partition", 3: "no_blocks_partition"}
        eventually(lambda: states(sealer) == expected, sealer)
        reason = f"{site.blocks} has 2 partitions, and none for the blocks of"
        eventually(lambda: reason in sealer.get("/readyz")[1], sealer)
        publish_new(site, 2)
        site.publish([b"first"], 0)
        site.await_sealed(1, 0)
        grow(kafka_admin, site.blocks)
        site.await_sealed(1, 2)
        sealer.await_ready()
        assert sealer.stop() == 0


def test_where_no_log_has_begun_a_halt_ends_the_sealer(site: Site) -> None:
    with site.sealer() as sealer:
        assert sealer.exit_code() == Halt.GENESIS_NOT_ALLOWED.exit_code
