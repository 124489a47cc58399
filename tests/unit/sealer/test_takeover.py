"""Sealers of several groups take one log from each other, on a broker in memory: no height is ever written twice."""

import random
import threading
import time
from collections.abc import Callable
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaException

from auditseal_daemon import retry
from auditseal_schemas.block_draft import CloseReason
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.origin import Origin
from auditseal_sealer.block_producer import BlockProducer
from auditseal_sealer.block_writer import BlockWriter
from auditseal_sealer.errors import FencedError
from auditseal_sealer.fences import Fences
from auditseal_sealer.hooks import Step
from auditseal_sealer.mark import Act, Mark
from auditseal_sealer.takeover import take_over
from auditseal_sealer.waiting_block import Position
from tests.factory.blocks import chain
from tests.faults.fake_kafka import Broker, FakeProducer
from tests.faults.stage import BOUND, EVENTS, ORIGIN, Stage, event

SEALERS = 3
BLOCK, OTHER_BLOCK = (chain(size)[0][0].format() for size in (1, 2))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "wait_random_exponential", lambda **_: lambda _: 0)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Stage:
    return Stage(Broker(events=[event(offset) for offset in range(EVENTS)]), monkeypatch, tmp_path)


def marks(broker: Broker) -> list[str]:
    """Return what the keys say, without the names of writers."""
    found = (Mark.parse(entry.key) for entry in broker.blocks)
    return [str(one.act) for one in found if one]


def test_a_new_log_needs_one_claim(stage: Stage) -> None:
    with BlockProducer(stage.context(), object) as blocks:
        taken = take_over(stage.context(), ORIGIN, blocks)
    assert taken.rivals == ()
    assert marks(stage.broker) == ["claim"]
    assert stage.broker.committed() == []


def test_a_rival_is_fenced_released_and_the_log_claimed_again(stage: Stage) -> None:
    context = stage.context()
    with BlockProducer(context, object) as first, BlockProducer(context, object) as second:
        held = take_over(context, ORIGIN, first)
        taken = take_over(context, ORIGIN, second)
        assert taken.rivals == (held.claim.writer,)
        assert marks(stage.broker) == ["claim", "claim", "release", "claim"]
        with pytest.raises(FencedError):
            first.submit(held.claim, b"", Position(0, 0)).result(BOUND)
        third = take_over(context, ORIGIN, second)
        assert third.rivals == ()
        assert second.is_own(taken.claim.writer)


def test_the_writer_of_the_last_block_is_a_rival_whose_claim_is_behind_it(stage: Stage) -> None:
    context = stage.context()
    with BlockProducer(context, object) as first, BlockProducer(context, object) as second:
        held = BlockWriter(context, ORIGIN, first)
        held.commit(BLOCK, Position(1, 1))
        assert take_over(context, ORIGIN, second).rivals == (first.writer(),)
        with pytest.raises(FencedError):
            held.commit(BLOCK, Position(1, 1))


def test_a_block_that_a_rival_wrote_meanwhile_hides_no_claim(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second claim is behind it, so the next sealer finds the one that claimed."""
    context, fence, written = stage.context(), Fences.fence, list[str]()

    def fence_late(fences: Fences, writer: str) -> None:
        if not written:
            written.append(writer)
            held.commit(BLOCK, Position(1, 1))
        fence(fences, writer)

    monkeypatch.setattr(Fences, "fence", fence_late)
    with (
        BlockProducer(context, object) as first,
        BlockProducer(context, object) as second,
        BlockProducer(context, object) as third,
    ):
        held = BlockWriter(context, ORIGIN, first)
        taken = take_over(context, ORIGIN, second)
        assert written == list(taken.rivals)[:1]
        assert take_over(context, ORIGIN, third).rivals == (taken.claim.writer,)


def test_an_older_sealer_whose_blocks_have_no_marks_is_fenced(stage: Stage) -> None:
    older = FakeProducer(stage.broker, {"transactional.id": "auditseal.events.0"})
    older.init_transactions(1)
    older.begin_transaction()
    older.produce("blocks", BLOCK, None, 0, lambda *_: None)
    older.flush(1)
    with BlockProducer(stage.context(), object) as blocks:
        assert take_over(stage.context(), ORIGIN, blocks).rivals == ()
    assert [entry.state for entry in stage.broker.blocks] == ["aborted", "marker", "aborted", "marker"]
    with pytest.raises(KafkaException, match="old epoch"):
        older.commit_transaction(1)


def test_a_log_that_was_released_is_taken_over_and_nobody_fenced(stage: Stage) -> None:
    context = stage.context()
    with BlockProducer(context, object) as first, BlockProducer(context, object) as second:
        BlockWriter(context, ORIGIN, first).release()
        writer, inits = first.writer(), stage.broker.calls["init_transactions"]
        assert take_over(context, ORIGIN, second).rivals == ()
        assert first.writer() == writer
        assert stage.broker.calls["init_transactions"] == inits + 2, "the second producer, and its claim"


def test_a_thread_that_ends_late_does_not_release_the_log_that_its_successor_has(stage: Stage) -> None:
    context = stage.context()
    with BlockProducer(context, object) as blocks:
        late = BlockWriter(context, ORIGIN, blocks)
        BlockWriter(context, ORIGIN, blocks)
        late.release()
        assert marks(stage.broker) == ["claim", "claim"]


def test_a_mark_of_a_producer_that_is_no_sealers_fences_nobody(stage: Stage) -> None:
    """Else who may write to one blocks topic could let a sealer fence that of another topic."""
    context = stage.context()
    for writer in ("auditseal.other.writer." + 32 * "0", "auditseal.events.0", "auditseal.events.writer.x"):
        stage.broker.append_block(None, Mark(Act.CLAIM, writer).format())
    stage.broker.end_transaction(commit=False)
    with BlockProducer(context, object) as blocks:
        assert take_over(context, ORIGIN, blocks).rivals == ()
    assert {name for name in stage.broker.epochs if not context.config.is_writer(name)} == {"auditseal.events.0"}


def test_a_producer_that_was_discarded_releases_nothing(stage: Stage) -> None:
    """Its last transaction may be open, so its successor must fence it."""
    context = stage.context()
    with BlockProducer(context, object) as first, BlockProducer(context, object) as second:
        held = BlockWriter(context, ORIGIN, first)
        second.fences.fence(first.writer())
        with pytest.raises(FencedError):
            held.publish(b"", Position(0, 0)).result(BOUND)
        held.release()
        assert marks(stage.broker) == ["claim"]


def test_one_process_accepts_blocks_of_the_last_claim_of_a_log_only(stage: Stage) -> None:
    context = stage.context()
    with BlockProducer(context, object) as blocks:
        first, second = BlockWriter(context, ORIGIN, blocks), BlockWriter(context, ORIGIN, blocks)
        for late in (first.check, lambda: first.commit(b"", Position(0, 0))):
            with pytest.raises(FencedError, match="taken it over again"):
                late()
        first.close()
        second.check()
        second.close()
        with pytest.raises(FencedError, match="given the log up"):
            second.commit(b"", Position(0, 0))


def test_a_claim_of_a_producer_that_met_an_error_counts_no_more(stage: Stage) -> None:
    context = replace(stage.context(), hooks=Away())
    with BlockProducer(context, object) as blocks:
        held = BlockWriter(context, ORIGIN, blocks)
        with pytest.raises(UnavailableError, match="away"):
            held.commit(b"", Position(0, 0))
        with pytest.raises(UnavailableError, match="away"):
            held.check()


class Away:
    """Fails each step of a transaction of blocks."""

    def after(self, step: Step, origin: Origin) -> None:
        raise UnavailableError("away")


class Crowd:
    """Sealers of several groups. Each seals until another one fences it, or for a while, and begins again."""

    def __init__(self, stage: Stage, seconds: float) -> None:
        self._stage, self._until, self.ends = stage, time.monotonic() + seconds, list[Exception]()

    def run(self) -> None:
        """Let them take the log from each other, while events come."""
        threads = [threading.Thread(target=self._seal) for _ in range(SEALERS)]
        for thread in threads:
            thread.start()
        while not self._is_over():
            with self._stage.broker.lock:
                self._stage.broker.events.append(event(len(self._stage.broker.events)))
            time.sleep(0.02)
        for thread in threads:
            thread.join(BOUND)

    def _is_over(self) -> bool:
        return time.monotonic() > self._until or bool(self._stage.broker.breaches)

    def _seal(self) -> None:
        one = copy(self._stage)
        one.failures, one.failed = [], threading.Event()
        while not self._is_over():
            made = one.begin()
            one.failed.wait(random.uniform(0.1, 1))
            if random.random() < 0.5:
                made.abandon()
            else:
                made.finish(random.choice([CloseReason.REVOKED, CloseReason.STOPPED]))
            made.join(random.choice([0.0, BOUND]))  # a thread that is left behind must do no harm
            self.ends += one.failures
            one.failures.clear()
            one.failed.clear()


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let some calls take longer, so that those of several sealers come in another order each time."""
    call = Broker.call

    def slow(broker: Broker, name: str, effect: Callable[[], Any]) -> Any:
        if random.random() < 0.3:
            time.sleep(random.expovariate(200))
        return call(broker, name, effect)

    monkeypatch.setattr(Broker, "call", slow)


@pytest.mark.usefixtures("slow")
def test_sealers_of_three_groups_write_no_height_twice_and_lose_nothing(stage: Stage) -> None:
    crowd = Crowd(stage, 3)
    crowd.run()
    assert {type(error) for error in crowd.ends} <= {FencedError}, crowd.ends
    stage.run()
    stage.check()
    assert marks(stage.broker).count("release") > 3, "nobody took the log from anybody"


def test_without_fencing_they_would_write_a_height_twice(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """So the test above would show a fault."""
    monkeypatch.setattr(Fences, "fence", lambda *_: None)
    context = stage.context()
    with BlockProducer(context, object) as first, BlockProducer(context, object) as second:
        held, taken = BlockWriter(context, ORIGIN, first), BlockWriter(context, ORIGIN, second)
        held.commit(BLOCK, Position(1, 1))
        taken.commit(OTHER_BLOCK, Position(2, 1))
    with pytest.raises(AssertionError, match="signed twice"):
        stage.broker.check()
