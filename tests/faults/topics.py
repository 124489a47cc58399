"""F18, F19 and F24: what befalls offsets and topics, and strangers on the blocks topic."""

import json
import time
from base64 import b64encode
from collections.abc import Callable
from typing import TypeAlias

from confluent_kafka import ConsumerGroupTopicPartitions, Producer, TopicPartition
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from auditseal_schemas.halt import Halt
from auditseal_schemas.log import LogState
from auditseal_sealer.cluster import Cluster
from auditseal_sealer.errors import UnavailableError
from tests.faults.daemon import Daemon
from tests.faults.fault import Outcome, Trial, fault
from tests.faults.ledger import format_entry
from tests.faults.rig import Pipeline

_DRAIN = 60.0  # s
_HALT = 40.0  # s within which a daemon must halt
_ALL = 1 << 60  # above every offset


@fault("F18", "offsets of both groups deleted or reset", 12)
def reset_offsets(trial: Trial) -> Outcome:
    line, admin = trial.pipeline(), trial.rig.admin
    topics = {f"{line.name}.sealer": line.events, f"{line.name}.archiver": line.blocks}
    sealer, archiver = line.sealer(), line.archiver()
    with line.load():
        for number in range(trial.rounds):
            with sealer, archiver:
                line.await_flow()
            trial.inject()
            for group, topic in topics.items():
                if number % 3 == 0:
                    admin.delete_consumer_groups([group])[group].result(10)
                    continue
                spot = 0 if number % 3 == 1 else 10**9
                spots = [TopicPartition(topic, partition, spot) for partition in range(line.partitions)]
                admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(group, spots)])[group].result(10)
        sealer.start()
        archiver.start()
        line.await_flow()
    line.await_archived(_DRAIN)
    sealer.stop()
    archiver.stop()
    return trial.judge(line, "deleted, set to 0, set far beyond the end, in turn")


@fault("F19", "blocks topic deleted; events topic deleted and made again; log truncated below the head", 3)
def lose_topics(trial: Trial) -> Outcome:
    harms = (delete_blocks, recreate_events, truncate_events)
    outcomes = [_lose(trial, harms[number % len(harms)]) for number in range(trial.rounds)]
    return Outcome(
        injected=trial.rounds,
        acknowledged=sum(outcome.acknowledged for outcome in outcomes),
        sealed=sum(outcome.sealed for outcome in outcomes),
        note="; ".join(outcome.note for outcome in outcomes),
    )


Harm: TypeAlias = Callable[[Pipeline, Daemon], tuple[Halt, int]]
"""Harms a log; returns what the sealer must halt for, and the end of what is left of the events log."""


def _lose(trial: Trial, harm: Harm) -> Outcome:
    """Harm a log at rest, see the sealer halt, and go on with run 1."""
    line = trial.pipeline(partitions=1)
    sealer = line.sealer(static=True)
    with line.archiver(static=True):
        with line.load():
            sealer.start()
            line.await_flow()
            time.sleep(1)
        line.await_archived(_DRAIN)
        before = trial.judge(line)
        trial.inject()
        halt, end = harm(line, sealer)
        code = sealer.await_end(_HALT)
        assert code == halt.exit_code, f"{harm.__name__}: the sealer halted with {code}, not for {halt.name}"
        assert f'"runbook": "{halt.runbook}"' in sealer.log.read_text(), "the halt doesn't name its runbook"
    after = _go_on(trial, line, end)
    note = f"{harm.__name__} halted for {halt.name}, run 1 went on"
    return Outcome(1, before.acknowledged + after.acknowledged, before.sealed + after.sealed, note=note)


def delete_blocks(line: Pipeline, sealer: Daemon) -> tuple[Halt, int]:
    """Delete the blocks topic under a running sealer."""
    line.rig.admin.delete_topics([line.blocks])[line.blocks].result(10)
    return Halt.BLOCKS_LOST, _ALL


def recreate_events(line: Pipeline, sealer: Daemon) -> tuple[Halt, int]:
    """Delete the events topic under a running sealer, and make one of the same name."""
    line.rig.admin.delete_topics([line.events])[line.events].result(10)
    time.sleep(1)
    line.make_topics()
    return Halt.LOG_RECREATED, 0


def truncate_events(line: Pipeline, sealer: Daemon) -> tuple[Halt, int]:
    """Cut the end off the events log on the broker's disk, as an unclean leader would."""
    kafka = line.rig.kafka
    kafka.kill()
    (segment,) = (kafka.directory / "data" / f"{line.events}-0").glob("*.log")
    with segment.open("r+b") as file:
        file.truncate(segment.stat().st_size // 2)
    kafka.start()
    cluster = Cluster({"bootstrap.servers": kafka.bootstrap_servers}, 20)
    patient = Retrying(retry=retry_if_exception_type(UnavailableError), stop=stop_after_delay(20), wait=wait_fixed(0.2))
    return Halt.LOG_TRUNCATED, patient(cluster.end, line.events, 0)  # a broker that just started may have no leader yet


def _go_on(trial: Trial, line: Pipeline, end: int) -> Outcome:
    """Start run 1 after a log was given up: its genesis names the head that the vault has, and seals what is left."""
    line.make_topics()  # the one that is missing
    following = line.following_run()
    left = [entry for entry in line.ledger().entries if entry.offset < end]
    following.ledgers.append(following.folder / "ledger-left.txt")
    following.ledgers[0].write_text("".join(map(format_entry, left)))
    sealer = following.sealer("sealer-run-1", static=True)
    sealer.environment["AUDITSEAL_SEALER__PREDECESSORS"] = json.dumps([last_head(line)])
    with sealer, following.archiver("archiver-run-1", static=True):
        with following.load():
            following.await_flow()
        following.await_archived(_DRAIN)
    return trial.judge(following)


def last_head(line: Pipeline) -> str:
    """Return `<origin> <size> <root>` of the last block in the vault."""
    block = line.stored_blocks()[-1]
    root = LogState.after(block, ()).root
    return f"{block.header.origin} {block.header.height + 1} {b64encode(root).decode()}"


@fault("F24", "a foreign transaction left open on the blocks topic", 4)
def foreign_transaction(trial: Trial) -> Outcome:
    line, seen = trial.pipeline(partitions=1), list[str]()
    with line.archiver(static=True):
        with line.load():
            for number in range(trial.rounds):
                with line.sealer(static=True):
                    line.await_flow()
                stranger = open_transaction(line)
                trial.inject()
                sealer = line.sealer(static=True)
                sealer.start()
                if number % 2:
                    time.sleep(3)
                    stranger.abort_transaction(10)
                    seen.append("waited")
                else:
                    code = sealer.await_end(_HALT)
                    assert code == Halt.HANGING_TRANSACTION.exit_code, f"the sealer halted with {code}"
                    stranger.abort_transaction(10)
                    sealer.start()
                    seen.append("halted")
                line.await_flow()
                sealer.stop()
            last = line.sealer(static=True)
            last.start()
            line.await_flow()
        line.await_archived(_DRAIN)
        last.stop()
    return trial.judge(line, f"the sealer {seen.count('waited')} times waited, {seen.count('halted')} times halted")


def open_transaction(line: Pipeline) -> Producer:
    """Leave a transaction open behind a block that was published before: stale, and validly signed."""
    stranger = Producer(
        {
            "bootstrap.servers": line.rig.kafka.bootstrap_servers,
            "transactional.id": f"stranger.{line.name}",
            "transaction.timeout.ms": 120_000,
            "message.max.bytes": 16 << 20,
        }
    )
    stranger.init_transactions(20)
    stranger.begin_transaction()
    stranger.produce(line.blocks, line.stored_blocks()[0].format(), partition=0)
    stranger.flush(10)
    return stranger
