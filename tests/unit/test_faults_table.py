"""Failures as a table: each call to Kafka and to the store, and each thing that may become of it; then the oracle.

A partition sealer works on a broker in memory, and a block archiver on a directory whose calls fail. The
fakes keep the rules of the real ones and note when a height is written with other bytes than before.
"""

import gc
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from weakref import ref

import pytest
from confluent_kafka import KafkaError, KafkaException, Message
from prometheus_client import CollectorRegistry

from auditseal_archiver.block_archiver import BlockArchiver, PartitionConfig
from auditseal_archiver.metrics import ArchiverMetrics
from auditseal_daemon import retry
from auditseal_daemon.errors import ExpelledError
from auditseal_daemon.retry import StoreRetry
from auditseal_daemon.topic_rules import TopicView
from auditseal_schemas.block import Block
from auditseal_schemas.block_draft import BlockLimits, CloseReason
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import PinnedLog
from auditseal_sealer import block_writer, event_reader, new_partition, partition_consumer
from auditseal_sealer.batch import BatchPolicy
from auditseal_sealer.config import SealerConfig, Timeouts
from auditseal_sealer.context import SealerContext
from auditseal_sealer.errors import FencedError
from auditseal_sealer.log_signers import LogSigners
from auditseal_sealer.metrics import LogMetrics, SealerMetrics
from auditseal_sealer.partition_sealer import PartitionSealer
from auditseal_sealer.sealing_state import SealingState
from auditseal_sealer.source_reader import SourceReader
from auditseal_sealer.watchdog import Watchdog
from auditseal_vault.interface import StoredVersion
from tests.factory.archiving import DAY, FaultyVault
from tests.factory.keys import SIGNER
from tests.faults.fake_kafka import (
    NOW_MS,
    Broker,
    FakeCluster,
    FakeConsumer,
    FakeProducer,
    FakeRecordConsumer,
    Fate,
    Kind,
    Plan,
)
from tests.faults.ledger import Entry, Ledger
from tests.faults.oracle import digest_of, heights_of, judge

ORIGIN = Origin("faults.example.com", "events", 0, 0)
KEY = VerifierKey(str(ORIGIN), SIGNER.public)
TRUST = f"log {KEY}\n"
EVENTS = 40
BOUND = 20.0  # s; a case takes a tenth
HEARTBEAT = 0.15  # s
CONFIG = SealerConfig(
    client={},
    events_topic="events",
    blocks_topic="blocks",
    cluster=ORIGIN.cluster,
    genesis_allowed=True,
    limits=BlockLimits(records=10),
    batch=BatchPolicy(age=0.0, wait=0.01),
    timeouts=Timeouts(call=0.3, stuck=5, session=HEARTBEAT * 4, settled=1, pause=0.01, back_off=0.05),
    clock_lead=1e12,
)
CALLS = [
    ("init_transactions", 1),  # once a life
    ("begin_transaction", 1),  # of the transaction that asks for the broker's clock, and is aborted
    ("begin_transaction", 2),  # of the first block
    ("produce", 1),
    ("produce", 2),
    ("flush", 1),
    ("flush", 2),
    ("flush", 3),
    ("abort_transaction", 1),
    ("send_offsets_to_transaction", 1),
    ("send_offsets_to_transaction", 2),
    ("commit_transaction", 1),
    ("commit_transaction", 2),
]
READING = [("poll", 1), ("poll", 2), ("poll", 5), ("consume", 1), ("consume", 2), ("consume", 5), ("committed", 1)]
ASKING = ("cluster_id", "topic", "start", "end", "stable_end", "versions")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "wait_random_exponential", lambda **_: lambda _: 0)


WATCHDOG = Watchdog(3600, lambda error: None)  # one thread for all cases


class AskedVault:
    """The vault for the sealer, as a bucket is listed; its listings fail as the broker's plan says."""

    enforces_worm = True

    def __init__(self, vault: FaultyVault, ask: Callable[[str, Callable[[], Any]], Any]) -> None:
        self.url, self.holds, self.read = vault.url, vault.holds, vault.read
        self._vault, self._ask = vault, ask

    def versions(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[StoredVersion]:
        listed: list[StoredVersion] = self._ask("versions", lambda: list(self._vault.versions(prefix, after, limit)))
        return iter(listed)

    def versions_of(self, key: str) -> Sequence[StoredVersion]:
        return [entry for entry in self.versions(key) if entry.key == key]


def event(offset: int) -> Message:
    value = b'{"number": %d}' % offset
    return Message(topic="events", partition=0, offset=offset, key=b"key", value=value, timestamp=(2, NOW_MS + offset))


class Stage:
    """A partition sealer on a broker, and what the vault says to it."""

    def __init__(self, broker: Broker, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.broker, self.vault = broker, FaultyVault(folder)
        self.failures: list[Exception] = []
        self.producers = producers = list[ref[FakeProducer]]()

        class Producer(FakeProducer):
            def __init__(self, settings: Mapping[str, Any]) -> None:
                super().__init__(broker, settings)
                producers.append(ref(self))

        monkeypatch.setattr(block_writer, "Producer", Producer)
        monkeypatch.setattr(partition_consumer, "Consumer", lambda settings: FakeConsumer(broker, settings))
        monkeypatch.setattr(event_reader, "RecordConsumer", lambda _: FakeRecordConsumer(broker))
        monkeypatch.setattr(new_partition, "first_blocks", lambda *_: {})  # there is one partition, so none is new
        self.archiver, self.archived = self.new_archiver(), 0

    def new_archiver(self) -> BlockArchiver:
        """Return a block archiver that knows nothing but the vault."""
        config = PartitionConfig("blocks", 0, (PinnedLog(ORIGIN, (KEY,)),), (), DAY, from_beginning=True)
        store_retry = StoreRetry(threading.Event(), lambda _: None)
        return BlockArchiver(config, self.vault, ArchiverMetrics(CollectorRegistry()), store_retry)

    def begin(self) -> PartitionSealer:
        """Start a partition sealer, with metrics of its own."""
        self.registry = CollectorRegistry()
        metrics = SealerMetrics(self.registry)
        return PartitionSealer(self.context(metrics), ORIGIN, LogMetrics(metrics, ORIGIN), self)

    def group_metadata(self) -> object:
        return object()

    def topics(self) -> tuple[TopicView, TopicView]:
        return TopicView("events", "id-events", (1,), {}), TopicView("blocks", "id-blocks", (1,), {})

    def report(self, partition: PartitionSealer, state: SealingState, problem: str | None = None) -> None:
        pass

    def fail(self, error: Exception) -> None:
        self.failures.append(error)

    def run(self) -> None:
        """Seal until all events are in committed blocks, and stop."""
        made = self.begin()
        deadline = time.monotonic() + BOUND
        while self.sealed() < len(self.broker.events) and not self.failures and time.monotonic() < deadline:
            time.sleep(0.005)
        made.finish(CloseReason.STOPPED)
        assert made.join(BOUND)
        assert not self.failures, self.failures
        self.broker.check()

    def sealed(self) -> int:
        return self.broker.group[0] if self.broker.group else 0

    def archive(self) -> None:
        """Hand each committed block that it hasn't seen to the archiver."""
        committed = self.broker.committed()
        for data in committed[self.archived :]:
            self.archiver.archive(data, "a block")
        self.archived = len(committed)

    def check(self) -> None:
        """Let the oracle judge all that was ever acknowledged, published and stored."""
        self.archive()
        self.judge(self.broker.events)

    def judge(self, events: Sequence[Message]) -> None:
        """Let the oracle judge the vault as it is, which must hold these events and no others."""
        entries = tuple(
            Entry(0, message.offset(), "stream", message.offset(), digest_of(message.value())) for message in events
        )
        published = [entry.value for entry in self.broker.blocks if entry.value is not None]
        found = judge(Ledger(entries), Path(self.vault.url.removeprefix("file://")), TRUST, heights_of(published))
        assert found.sealed == len(events)

    def context(self, metrics: SealerMetrics | None = None) -> SealerContext:
        """Return what the sealer works with, on this broker and this vault."""

        def ask(name: str, effect: Callable[[], Any]) -> Any:
            try:
                return self.broker.call(name, effect)
            except KafkaException as error:
                raise UnavailableError(str(error)) from error

        return SealerContext(
            CONFIG,
            LogSigners(SIGNER),
            vault=AskedVault(self.vault, ask),  # type: ignore[arg-type]
            cluster=FakeCluster(self.broker, ask),  # type: ignore[arg-type]
            metrics=metrics or SealerMetrics(CollectorRegistry()),
            watchdog=WATCHDOG,
        )


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Stage:
    return Stage(Broker(events=[event(offset) for offset in range(EVENTS)]), monkeypatch, tmp_path)


def test_a_rival_that_commits_while_the_head_is_looked_for_is_no_lost_block(stage: Stage) -> None:
    stage.run()
    blocks = stage.broker.blocks
    last, marker = blocks.pop(-2), blocks.pop(-1)
    assert (last.state, marker.state) == ("committed", "marker")

    def rival(call: str, effect: Callable[[], Any]) -> Any:
        if call == "versions":
            blocks.extend((last, marker))
        return effect()

    context = replace(stage.context(), vault=AskedVault(stage.vault, rival))  # type: ignore[arg-type]
    with pytest.raises(UnavailableError, match="moved from"):
        SourceReader(context, ORIGIN).read()


def test_without_a_fault_every_event_is_sealed_once(stage: Stage) -> None:
    stage.run()
    stage.check()
    assert len(stage.broker.committed()) >= EVENTS // 10


@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.name.lower())
@pytest.mark.parametrize("fate", Fate, ids=lambda fate: fate.name.lower())
@pytest.mark.parametrize(("call", "number"), CALLS)
def test_a_transactional_call_fails(stage: Stage, call: str, number: int, fate: Fate, kind: Kind) -> None:
    stage.broker.plan = Plan(call, number, fate, kind)
    stage.run()
    stage.check()
    assert stage.broker.struck, f"{call} was never called {number} times"
    stage.broker.events.append(event(EVENTS))
    stage.run()  # the next life begins from what this one left
    stage.check()


@pytest.mark.parametrize("fate", [Fate.NOT_DONE, Fate.NOT_DONE_TIMEOUT], ids=lambda fate: fate.name.lower())
@pytest.mark.parametrize(("call", "number"), READING)
def test_reading_fails(stage: Stage, call: str, fate: Fate, number: int) -> None:
    stage.broker.plan = Plan(call, number, fate)
    stage.run()
    stage.check()
    stage.broker.events.append(event(EVENTS))
    stage.run()
    stage.check()
    assert stage.broker.struck


@pytest.mark.parametrize("fate", [Fate.NOT_DONE, Fate.NOT_DONE_TIMEOUT], ids=lambda fate: fate.name.lower())
@pytest.mark.parametrize("call", ASKING)
def test_asking_fails(stage: Stage, call: str, fate: Fate) -> None:
    stage.broker.plan = Plan(call, 1, fate)
    stage.run()
    stage.check()
    assert stage.broker.struck


@pytest.mark.parametrize("call", ["produce", "flush", "send_offsets_to_transaction", "commit_transaction"])
def test_one_life_after_the_other_ends_at_the_same_call(stage: Stage, call: str) -> None:
    for fate in Fate:
        stage.broker.calls.clear()
        stage.broker.plan = Plan(call, 2, fate, Kind.FATAL)
        stage.broker.events += [event(len(stage.broker.events) + number) for number in range(25)]
        stage.run()
        stage.check()


@pytest.mark.parametrize(("call", "number"), CALLS)
def test_a_life_that_ended_leaves_no_producer_to_the_garbage_collector(stage: Stage, call: str, number: int) -> None:
    stage.broker.plan = Plan(call, number, Fate.NOT_DONE, Kind.FATAL)
    gc.disable()
    try:
        stage.run()
        assert stage.broker.struck
        assert [producer() for producer in stage.producers] == [None] * 2
    finally:
        gc.enable()


def test_a_sealer_whose_name_another_sealer_has_ends_and_fences_nobody(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise KafkaException(KafkaError(KafkaError.FENCED_INSTANCE_ID, "another has the name", txn_requires_abort=True))

    monkeypatch.setattr(FakeProducer, "send_offsets_to_transaction", refuse)
    assert stage.begin().join(BOUND)
    assert [type(failure) for failure in stage.failures] == [ExpelledError]
    assert stage.broker.calls["init_transactions"] == 1


def test_a_fenced_sealer_lets_the_group_speak_first_and_ends_when_fenced_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, served = list[float](), list[bool]()

    def be_fenced(producer: FakeProducer, *_: object) -> None:
        begun.append(time.monotonic())
        labels = {"topic": ORIGIN.topic, "partition": str(ORIGIN.partition)}
        age = stage.registry.get_sample_value("auditseal_oldest_unsealed_event_age_seconds", labels)
        served.append(age is not None)
        raise KafkaException(KafkaError(KafkaError._FENCED, "a rival", fatal=True))

    monkeypatch.setattr(FakeProducer, "send_offsets_to_transaction", be_fenced)
    assert stage.begin().join(BOUND)
    assert [type(failure) for failure in stage.failures] == [FencedError]
    assert served == [True, False], "while the head is recovered no age is served that could look well"
    assert stage.broker.calls["init_transactions"] == len(begun) == 2
    assert begun[1] - begun[0] >= 2 * HEARTBEAT


STORE = [("put", "before"), ("put", "after"), ("versions", "before"), ("read", "before"), ("retention", "before")]
"""Calls to the store, and when they fail; reading changes nothing, so that it is all one when."""


@pytest.mark.parametrize("restart", [False, True], ids=["same", "restarted"])
@pytest.mark.parametrize("late", ["", "late "], ids=["at once", "timed out"])
@pytest.mark.parametrize(("operation", "moment"), STORE)
def test_a_call_to_the_store_fails_twice_at_each_block(
    stage: Stage, operation: str, moment: str, late: str, restart: bool
) -> None:
    stage.run()
    struck = 0
    for data in stage.broker.committed():
        plan: list[str | None] = [late + moment] * 2
        stage.vault.faults[operation] = plan
        if restart:
            stage.archiver = stage.new_archiver()
            stage.archiver.recover()
        stage.archiver.archive(data, "a block")
        stage.judge(stage.broker.events[: Block.parse(data).header.last_offset + 1])
        struck += 2 - len(plan)
    stage.vault.faults.clear()
    stage.check()
    assert struck or (operation == "read" and not restart), f"{operation} was never called"  # memory spares a read


def test_the_fake_broker_fails_a_test_that_signs_a_height_twice(stage: Stage) -> None:
    stage.run()
    first, second = stage.broker.committed()[:2]
    stage.broker.append_block(first)
    stage.broker.check()
    stage.broker.heights[1] = first
    stage.broker.append_block(second)
    with pytest.raises(AssertionError, match="signed twice"):
        stage.broker.check()
