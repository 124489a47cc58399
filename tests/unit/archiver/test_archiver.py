"""The archiver's body on a consumer that a test directs: it stops while it asks, and needs a partition to be ready."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from auditseal_archiver import archiver, store_check
from auditseal_archiver.archiver import Archiver
from auditseal_archiver.config import ArchiverConfig
from auditseal_archiver.metrics import ArchiverMetrics
from auditseal_archiver.readiness import CONDITIONS, LOGS, PARTITIONS, STORE
from auditseal_daemon import group_member
from auditseal_daemon.background import run_in_thread
from auditseal_daemon.telemetry import Health
from auditseal_schemas.block import Block
from auditseal_schemas.halt import Halt, HaltError
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import PinnedLog
from auditseal_vault.directory import DirectoryVault
from tests.factory.archiving import FaultyVault
from tests.factory.keys import keys_of
from tests.factory.vaults import ORIGINS, make_log
from tests.unit.archiver.consumers import GroupConsumer, SilentConsumer, stop_when_asked

SOON = 60.0  # s: for a machine that does much else
PINNED = {origin.partition: (PinnedLog(origin, keys_of(origin)),) for origin in ORIGINS}
CONFIG = ArchiverConfig(client={}, blocks_topic="blocks", logs=PINNED, retention=timedelta(days=1))


def test_an_archiver_that_is_stopped_while_it_asks_leaves_as_one_that_worked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    consumer = SilentConsumer()
    monkeypatch.setattr(group_member, "Consumer", lambda settings: consumer)
    body = Archiver(CONFIG, DirectoryVault(tmp_path), ArchiverMetrics(CollectorRegistry()), Health(CONDITIONS))
    begun = time.monotonic()
    body.run(stop_when_asked(consumer))
    assert time.monotonic() - begun < SOON
    assert (consumer.assigned, consumer.closed) == (False, True)


@dataclass
class Stage:
    """An archiver that runs in a thread, on a consumer and a vault of the test's."""

    consumer: GroupConsumer
    health: Health
    registry: CollectorRegistry
    vault: FaultyVault
    stop: threading.Event
    ended: "Future[None]"

    def await_missing(self, condition: str, reason: str | None) -> str:
        """Wait until a condition is missing and its reason has some text; None: until it holds. Return the reason."""
        deadline = time.monotonic() + SOON
        while True:
            found = self.health.missing().get(condition)
            if found == reason or (found and reason and reason in found):
                return found or ""
            assert time.monotonic() < deadline, self.health.missing()
            time.sleep(0.01)

    def await_stored(self, blocks: list[Block]) -> None:
        deadline = time.monotonic() + SOON
        while [self.vault.read(entry.key) for entry in self.vault.versions(blocks[0].header.origin.blocks_prefix)] != [
            block.format() for block in blocks
        ]:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def await_states(self, wanted: dict[int, str]) -> None:
        deadline = time.monotonic() + SOON
        while (found := self.states()) != wanted:
            assert time.monotonic() < deadline, found
            time.sleep(0.01)

    def states(self) -> dict[int, str]:
        """Return each partition's state by the metric, of which exactly one must be 1."""
        found: dict[int, str] = {}
        for metric in self.registry.collect():
            for sample in metric.samples:
                if sample.name == "auditseal_log_state" and sample.value == 1:
                    assert found.setdefault(int(sample.labels["partition"]), sample.labels["state"])
        return found


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Stage]]:
    monkeypatch.setattr(archiver, "_UPKEEP_SECONDS", 0.0)
    stages: list[Stage] = []

    def start(*origins: Origin) -> Stage:
        consumer, registry, vault = GroupConsumer(), CollectorRegistry(), FaultyVault(tmp_path)
        monkeypatch.setattr(group_member, "Consumer", lambda settings: consumer)
        logs = {origin.partition: PINNED[origin.partition] for origin in origins}
        health, stop = Health(CONDITIONS), threading.Event()
        body = Archiver(replace(CONFIG, logs=logs), vault, ArchiverMetrics(registry), health)
        ended = run_in_thread("archiver", lambda: body.run(stop))
        stages.append(Stage(consumer, health, registry, vault, stop, ended))
        return stages[-1]

    yield start
    for stage in stages:
        stage.stop.set()
        wait([stage.ended])


def test_an_archiver_without_a_partition_is_not_ready(run: Callable[..., Stage]) -> None:
    stage = run(*ORIGINS)
    consumer = stage.consumer
    stage.await_missing(PARTITIONS, "no partition is assigned")
    consumer.assign(0)
    stage.await_missing(PARTITIONS, None)
    consumer.revoke(0)
    stage.await_missing(PARTITIONS, "no partition is assigned")
    consumer.assign()
    consumer.assign(1)
    stage.await_missing(PARTITIONS, None)
    consumer.revoke(1)
    consumer.assign()
    stage.await_missing(PARTITIONS, "no partition is assigned")
    assert consumer.news.empty()


FIRST, SECOND = (make_log(origin) for origin in ORIGINS)


def test_a_partition_that_the_trust_file_does_not_pin_shows_and_the_others_are_archived(
    run: Callable[..., Stage],
) -> None:
    stage = run(ORIGINS[0])
    stage.consumer.assign(0, 1)
    stage.consumer.deliver(1, *(block.format() for block in SECOND))
    stage.consumer.deliver(0, *(block.format() for block in FIRST))
    stage.await_stored(FIRST)
    assert "partition 1: the trust file" in stage.await_missing(LOGS, "pins no log")
    stage.await_states({0: "archiving", 1: "unpinned"})
    assert stage.consumer.paused == {1}
    assert stage.health.missing().keys() == {LOGS}
    stage.consumer.revoke(1)
    stage.await_missing(LOGS, None)
    stage.await_states({0: "archiving"})


@pytest.mark.parametrize("reason", ["squatted", "invalid-block", "blocks-lost"])
def test_a_new_partition_that_halts_stops_no_other(run: Callable[..., Stage], reason: str) -> None:
    stage = run(*ORIGINS)
    stage.consumer.assign(0, 1)
    stage.consumer.deliver(0, FIRST[0].format())
    stage.await_stored(FIRST[:1])
    if reason == "squatted":
        stage.vault.put(ORIGINS[1].block_key(0), b"garbage", datetime.now(UTC))
    bad = {"squatted": SECOND[0].format(), "invalid-block": b"garbage", "blocks-lost": SECOND[1].format()}
    stage.consumer.deliver(1, bad[reason], SECOND[1].format())
    assert "partition 1: " in stage.await_missing(LOGS, f"(runbook: {reason})")
    stage.consumer.deliver(0, *(block.format() for block in FIRST))
    stage.await_stored(FIRST)
    stage.await_states({0: "archiving", 1: "halted"})
    assert stage.consumer.paused == {1}
    assert not stage.ended.done()
    failures = {"topic": "blocks", "partition": "1", "reason": reason}
    assert stage.registry.get_sample_value("auditseal_archive_put_failures_total", failures) == 1


@pytest.mark.parametrize("begun", [(), (0, 1)], ids=["none has begun", "it has begun too"])
def test_any_other_partition_that_halts_ends_the_archiver(run: Callable[..., Stage], begun: tuple[int, ...]) -> None:
    stage = run(*ORIGINS)
    stage.consumer.assign(0, 1)
    for partition in begun:
        block = (FIRST, SECOND)[partition][0]
        stage.consumer.deliver(partition, block.format())
        stage.await_stored([block])
    stage.consumer.deliver(1, *([SECOND[0].format()] if begun else []), b"garbage")
    with pytest.raises(HaltError) as caught:
        stage.ended.result(SOON)
    assert caught.value.halt is Halt.INVALID_BLOCK


def test_a_log_whose_vault_head_is_garbage_is_not_new(run: Callable[..., Stage]) -> None:
    stage = run(*ORIGINS)
    for block in (FIRST[0], SECOND[0]):
        stage.vault.put(block.header.origin.block_key(0), block.format(), datetime.now(UTC))
    stage.vault.put(ORIGINS[1].block_key(1), b"garbage", datetime.now(UTC))
    stage.consumer.assign(0, 1)
    with pytest.raises(HaltError) as caught:
        stage.ended.result(SOON)
    assert caught.value.halt is Halt.SQUATTED


def test_a_store_that_refuses_an_idle_archiver_shows_until_it_answers(
    run: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_check, "CHECK_SECONDS", 0.01)
    stage = run(*ORIGINS)
    stage.consumer.assign(0, 1)
    stage.await_missing(STORE, None)
    stage.await_states({0: "archiving", 1: "archiving"})
    assert stage.registry.get_sample_value("auditseal_store_available") == 1
    stage.vault.faults["versions"] = ["before"] * 5
    stage.await_missing(STORE, "versions failed before")
    assert stage.registry.get_sample_value("auditseal_store_available") == 0
    stage.await_missing(STORE, None)
    assert not stage.vault.faults["versions"]


def test_a_store_that_refuses_a_block_shows_although_it_answers_questions(run: Callable[..., Stage]) -> None:
    stage = run(*ORIGINS)
    stage.consumer.assign(0, 1)
    stage.await_states({0: "archiving", 1: "archiving"})
    stage.vault.faults["put"] = ["before"] * 3
    stage.consumer.deliver(0, FIRST[0].format())
    stage.await_missing(STORE, "put failed before")
    stage.await_states({0: "waiting", 1: "archiving"})
    assert stage.registry.get_sample_value("auditseal_store_available") == 0
