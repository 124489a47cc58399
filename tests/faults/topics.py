"""F18, F19 and F24: faults of offsets and topics, and foreign writers on the blocks topic."""

import json
import time
from base64 import b64encode
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from confluent_kafka import ConsumerGroupTopicPartitions, Producer, TopicPartition
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from auditseal_daemon.cluster import Cluster
from auditseal_schemas.block import Block
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.halt import Halt
from auditseal_schemas.log import LogState
from tests.factory.keys import verifier_key
from tests.faults.daemon import Daemon, await_true
from tests.faults.fault import Outcome, Trial, fault
from tests.faults.ledger import Ledger, format_entry
from tests.faults.rig import Pipeline

_DRAIN = 60.0  # s
_HALT = 40.0  # s within which a daemon must halt
_ALL = 1 << 60  # above every offset
_TOO_SOON = "the sealer began behind a transaction that hides the head"
_SETTLED, _PATIENT = 6, 30  # s that a sealer waits for an open transaction


@fault("F18", "offsets of both groups deleted or reset", 9)
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


@fault("F19", "blocks topic deleted, once with blocks in no vault; events topic made again; log truncated", 4)
def lose_topics(trial: Trial) -> Outcome:
    losses = (
        (archive_all, delete_blocks),
        (archive_all, recreate_events),
        (archive_all, truncate_events),
        (leave_unarchived, delete_blocks),
    )
    outcomes = [_lose(trial, *losses[number % len(losses)]) for number in range(trial.rounds)]
    return Outcome(
        injected=trial.rounds,
        acknowledged=sum(outcome.acknowledged for outcome in outcomes),
        sealed=sum(outcome.sealed for outcome in outcomes),
        note="; ".join(outcome.note for outcome in outcomes),
    )


Rest: TypeAlias = Callable[[Pipeline, Daemon], None]
"""Lets a log come to rest before it is harmed; the daemon is its archiver."""
Harm: TypeAlias = Callable[[Pipeline, Daemon], tuple[Halt, int]]
"""Harms a log; returns what the sealer must halt for, and the end of what is left of the events log."""


def _lose(trial: Trial, rest: Rest, harm: Harm) -> Outcome:
    """Harm a log at rest, wait for the sealer's halt, and continue with run 1; judge the rest of both runs."""
    line = trial.pipeline(partitions=1)
    sealer = line.sealer(static=True)
    with line.archiver(static=True) as archiver:
        with line.load():
            sealer.start()
            line.await_flow()
            time.sleep(1)
        rest(line, archiver)
        before = trial.judge(line)
        trial.inject()
        halt, end = harm(line, sealer)
        code = sealer.await_end(_HALT)
        assert code == halt.exit_code, f"{harm.__name__}: the sealer halted with {code}, not for {halt.name}"
        assert f'"runbook": "{halt.runbook}"' in sealer.log.read_text(), "the halt doesn't name its runbook"
    after = _go_on(trial, line, end)
    left, _ = line.judge()
    assert left.once == before.sealed, f"run 0 had {before.sealed} events, and {left.once} after run 1 began"
    lost = f" with {len(line.forgotten)} events in blocks that nobody has" if line.forgotten else ""
    note = f"{harm.__name__}{lost} halted for {halt.name}, run 1 went on, both verify"
    return Outcome(1, before.acknowledged + after.acknowledged, before.sealed + after.sealed, note=note)


def archive_all(line: Pipeline, archiver: Daemon) -> None:
    """Let the vault have all that was acknowledged."""
    line.await_archived(_DRAIN)


def leave_unarchived(line: Pipeline, archiver: Daemon) -> None:
    """Let the last blocks be committed in their topic and nowhere else: run 0 ends without them."""
    line.await_archived(_DRAIN)
    archiver.stop()
    with line.load():
        time.sleep(2)
    archived, end = line.archived_end(), line.ledger().ends()[0]
    await_true(lambda: last_published(line) >= end, _DRAIN, "the sealer didn't seal to the end")
    assert archived < end, "the load came to nothing"
    line.forget(set(range(archived + 1, end + 1)))


def last_published(line: Pipeline) -> int:
    """Return the last offset that a published block accounts for."""
    return max(Block.parse(value).header.last_offset for value in line.published())


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
    kafka = line.rig.broker
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
    left = [entry for entry in Ledger.read(*line.ledgers).entries if entry.offset is not None and entry.offset < end]
    following.ledgers.append(following.folder / "ledger-left.txt")
    following.ledgers[0].write_text("".join(map(format_entry, left)))
    head = last_head(line)
    settings = following.sealer("sealer-run-1", static=True).environment
    settings["AUDITSEAL_SEALER__PREDECESSORS"] = json.dumps([head])
    origin, size, *_ = head.split()
    arguments = ("sealer", "--genesis", "--give-up", f"{origin} {size}")
    sealer = Daemon("sealer-run-1", "auditseal", settings, following.folder / "sealer-run-1.log", *arguments)
    with sealer, following.archiver("archiver-run-1", static=True):
        with following.load():
            following.await_flow()
        following.await_archived(_DRAIN)
    return trial.judge(following)


def last_head(line: Pipeline) -> str:
    """Return `<origin> <size> <root> <key>` of the last block in the vault."""
    block = line.stored_blocks()[-1]
    root = LogState.after(block, ()).root
    key = verifier_key(block.header.origin, line.key)
    return f"{block.header.origin} {block.header.height + 1} {b64encode(root).decode()} {key}"


@fault("F24", "a foreign transaction left open on the blocks topic", 4)
def foreign_transaction(trial: Trial) -> Outcome:
    line, seen = trial.pipeline(partitions=1), list[str]()
    cluster = Cluster({"bootstrap.servers": trial.rig.kafka.bootstrap_servers}, 20)
    with line.archiver(static=True):
        with line.load():
            for number in range(trial.rounds):
                with line.sealer(static=True):
                    line.await_flow()
                stranger = open_transaction(line)
                trial.inject()
                waits = bool(number % 2)
                sealer = line.sealer(static=True, settled=_PATIENT if waits else _SETTLED)
                begun, end = time.time(), cluster.end(line.blocks, 0)
                sealer.start()
                if waits:
                    await_true(
                        partial(has_grown, cluster, line, end), _HALT, "the sealer's question for the clock didn't come"
                    )
                    time.sleep(3)
                    assert not sealer.told("sealing", begun), _TOO_SOON
                    assert sealer.running, "the sealer ended before its patience did"
                    stranger.abort_transaction(10)
                    sealer.await_told("sealing", begun, _HALT)
                    seen.append("waited")
                else:
                    code = sealer.await_end(_HALT)
                    assert code == Halt.HANGING_TRANSACTION.exit_code, f"the sealer halted with {code}"
                    assert not sealer.told("sealing", begun), _TOO_SOON
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


def has_grown(cluster: Cluster, line: Pipeline, end: int) -> bool:
    """Whether the blocks partition has more than so many offsets: a sealer that comes asks its broker's clock there."""
    return cluster.end(line.blocks, 0) > end


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
