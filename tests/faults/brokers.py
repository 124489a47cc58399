"""F27: a cluster of three brokers that loses a leader, two of its brokers, each one in turn, or a follower's disk."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from auditseal_local.kafka import KafkaSettings
from tests.factory.kafka_cluster import BROKERS, KafkaCluster
from tests.faults.daemon import await_true
from tests.faults.fault import Outcome, Trial, fault
from tests.faults.rig import Pipeline, Rig
from tests.faults.storage import filled, small_disk

_FLOW = 120.0  # s
_SYNC = 120.0  # s
_QUIET = 5.0  # s in which nothing may be acknowledged
_RATE = 100.0  # events/s


@fault("F27", "three brokers: leader killed, two down, rolling restart, a follower's disk full (as root)", 4)
def three_brokers(trial: Trial) -> Outcome:
    ways = [lose_leader, lose_two, restart_each, *([fill_disk] if os.geteuid() == 0 else [])]
    with cluster_rig(trial) as (rig, cluster, disk):
        line = rig.pipeline("f27")
        with line.sealer(static=True), line.archiver(static=True):
            with line.load(_RATE) as load:
                line.await_flow(_FLOW)
                for number in range(trial.rounds):
                    trial.inject()
                    ways[number % len(ways)](line, cluster, disk)
                    assert load.running, "the service that records events ended"
                    line.await_flow(_FLOW)
                    await_in_sync(cluster)
            line.await_archived(_FLOW)
        return trial.judge(line, ", ".join(way.__name__.replace("_", " ") for way in ways[: trial.rounds]))


@contextmanager
def cluster_rig(trial: Trial) -> Iterator[tuple[Rig, KafkaCluster, Path]]:
    """Start three brokers and a store; the third broker is on a small disk of its own, where root may mount one."""
    folder = trial.rig.folder / "f27"
    mounted = small_disk(folder / "disk") if os.geteuid() == 0 else nullcontext(folder / "disk")
    with mounted as disk:

        def make_kafka(directory: Path, settings: KafkaSettings) -> KafkaCluster:
            return KafkaCluster([directory / "1", directory / "2", disk / "3"], settings)

        with Rig(folder / "rig", trial.rig.seed, make_kafka=make_kafka, replicas=BROKERS) as rig:
            assert isinstance(rig.kafka, KafkaCluster)
            yield rig, rig.kafka, disk


def await_in_sync(cluster: KafkaCluster, copies: int = BROKERS) -> None:
    """Wait until every partition has so many copies in sync; an operator does so before the next broker goes down."""
    await_true(lambda: set(cluster.in_sync()) == {copies}, _SYNC, f"not each partition has {copies} copies in sync")


def lose_leader(line: Pipeline, cluster: KafkaCluster, _disk: Path) -> None:
    """kill -9 the leader of a partition: the two others continue, before it comes back."""
    leader = cluster.leader(line.events, 0)
    leader.kill()
    line.await_flow(_FLOW)
    assert cluster.leader(line.events, 0) is not leader, "a broker that is down leads"
    leader.start()


def lose_two(line: Pipeline, cluster: KafkaCluster, _disk: Path) -> None:
    """kill -9 both followers of a partition: its leader alone acknowledges nothing, until they are back."""
    leader = cluster.leader(line.events, 0)
    for follower in cluster.brokers:
        if follower is not leader:
            follower.kill()
    await_in_sync(cluster, 1)
    time.sleep(1)  # what was acknowledged before comes into the ledger
    before = len(line.ledger().entries)
    time.sleep(_QUIET)
    acknowledged = len(line.ledger().entries) - before
    assert not acknowledged, f"{acknowledged} events were acknowledged with one copy in sync"
    cluster.start()


def restart_each(line: Pipeline, cluster: KafkaCluster, _disk: Path) -> None:
    """Stop and start each broker in turn, as an upgrade does: the flow continues in between."""
    for broker in cluster.brokers:
        await_in_sync(cluster)
        broker.stop()
        line.await_flow(_FLOW)
        broker.start()


def fill_disk(line: Pipeline, cluster: KafkaCluster, disk: Path) -> None:
    """Fill the third broker's disk: it ends, the two others continue, and it catches up once there is space."""
    follower = cluster.brokers[-1]
    with filled(disk):
        await_true(lambda: not follower.running, 60, "the broker did not notice that its disk was full")
        line.await_flow(_FLOW)
    follower.start()
