"""Failures as a table: each call to Kafka and to the store, and each thing that may become of it; then the oracle.

A partition sealer works on a broker in memory, and a block archiver on a directory whose calls fail. The
fakes keep the rules of the real ones and note when a height is written with other bytes than before.
"""

import gc
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from auditseal_daemon import retry
from auditseal_daemon.errors import ExpelledError
from auditseal_schemas.block import Block
from auditseal_schemas.errors import UnavailableError
from auditseal_sealer.block_producer import BlockProducer
from auditseal_sealer.errors import FencedError
from auditseal_sealer.source_reader import SourceReader
from auditseal_sealer.takeover import take_over
from tests.faults.fake_kafka import (
    Broker,
    FakeProducer,
    Fate,
    Kind,
    Plan,
)
from tests.faults.stage import BOUND, EVENTS, HEARTBEAT, ORIGIN, AskedVault, Stage, event

CALLS = [
    ("init_transactions", 1),  # of the producer of blocks
    ("init_transactions", 2),  # of the one that claims the log
    ("begin_transaction", 1),  # of the claim, and is aborted
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
        assert len(stage.clients) >= 3, "one of blocks, one that claimed, and another one after the failure"
        assert not any(producer() for producer in stage.clients)
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
    assert stage.broker.calls["init_transactions"] == 2, "of the producer of blocks, and of the claim"


def test_a_sealer_whose_log_a_rival_takes_again_and_again_lets_the_group_speak_first_and_ends(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, served, send = list[float](), list[bool](), FakeProducer.send_offsets_to_transaction

    def be_fenced(producer: FakeProducer, *arguments: Any) -> None:
        begun.append(time.monotonic())
        labels = {"topic": ORIGIN.topic, "partition": str(ORIGIN.partition)}
        age = stage.registry.get_sample_value("auditseal_oldest_unsealed_event_age_seconds", labels)
        served.append(age is not None)
        with BlockProducer(stage.context(), object) as rival:
            take_over(stage.context(), ORIGIN, rival)
        send(producer, *arguments)

    monkeypatch.setattr(FakeProducer, "send_offsets_to_transaction", be_fenced)
    assert stage.begin().join(BOUND)
    assert [type(failure) for failure in stage.failures] == [FencedError]
    assert served == [True, False], "while the head is recovered no age is served that could look well"
    assert begun[1] - begun[0] >= 2 * HEARTBEAT
    stage.broker.check()


def test_a_sealer_that_is_fenced_for_other_logs_continues(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    send, fenced = FakeProducer.send_offsets_to_transaction, list[str]()

    def be_fenced(producer: FakeProducer, *arguments: Any) -> None:
        if len(fenced) < 3:
            fenced.append(producer.id)
            stage.producers.of(ORIGIN).fences.fence(producer.id)
        send(producer, *arguments)

    monkeypatch.setattr(FakeProducer, "send_offsets_to_transaction", be_fenced)
    stage.run()
    stage.check()
    assert len(set(fenced)) == 3


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
