"""A session on scripted calls: the order of its steps, and what it refuses to seal after."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from auditseal_daemon.background import Background
from auditseal_schemas.block import Block
from auditseal_schemas.block_draft import BlockLimits, CloseReason
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.halt import Halt, HaltError
from auditseal_schemas.header import CAUSE_UNKNOWN, CAUSE_UNREADABLE, Gap
from auditseal_schemas.kafka_message import encode_message
from auditseal_schemas.key import SigningKey
from auditseal_schemas.log import LogState
from auditseal_schemas.origin import Origin
from auditseal_schemas.verification import RECORDS, verify
from auditseal_sealer.archive_age import ArchiveAge
from auditseal_sealer.batch import BatchPolicy
from auditseal_sealer.clock import BrokerClock
from auditseal_sealer.config import SealerConfig
from auditseal_sealer.context import SealerContext
from auditseal_sealer.errors import FencedError, UnreadableRecordsError
from auditseal_sealer.event_reader import AT_ONCE
from auditseal_sealer.hooks import Step
from auditseal_sealer.log_signers import LogSigners
from auditseal_sealer.metrics import LogMetrics, SealerMetrics
from auditseal_sealer.publisher import Publisher
from auditseal_sealer.recovery import Recovered, ResumePoint
from auditseal_sealer.session import Session
from auditseal_sealer.sources import EventsPartition
from auditseal_sealer.stop import Stop
from auditseal_sealer.unreadable import Damage, Unreadable
from auditseal_sealer.waiting_block import Position
from tests.factory.blocks import GENESIS, resigned
from tests.factory.keys import ORIGIN, OTHER_SIGNER, SIGNER
from tests.factory.messages import Message

CONFIG = SealerConfig(
    client={},
    events_topic=ORIGIN.topic,
    blocks_topic="blocks",
    cluster=ORIGIN.cluster,
    limits=BlockLimits(records=10),
    batch=BatchPolicy(age=60, wait=0.001),
)
FROM_THE_START = ResumePoint(0, -1, None)
NO_VAULT: Any = None
NO_CLUSTER: Any = None
NO_METRICS: Any = None
NO_WATCHDOG: Any = None
EVENTS = EventsPartition("cluster", "topic", 6, 0, 1000, 1)


@dataclass(frozen=True)
class Event(Message):
    leader_epoch: int | None = 4


class ScriptedReader:
    """Hands out its batches, then asks to stop."""

    def __init__(self, batches: Sequence[Sequence[Event] | Exception], stop: Stop, *, at_end: bool) -> None:
        self._batches, self._stop, self._at_end = list(batches), stop, at_end

    skips: Sequence[range] = ()

    def read(self, timeout: float) -> Sequence[Event]:
        if self._batches:
            batch = self._batches.pop(0)
            if isinstance(batch, Exception):
                raise batch
            return batch
        self._stop.finish(CloseReason.STOPPED)
        return []

    def wake(self) -> None:
        pass

    def has_more(self) -> bool:
        return bool(self._batches)

    def known_end(self) -> int:
        return 1000

    def is_at_end(self) -> bool:
        return self._at_end and not self._batches


@dataclass
class ScriptedWriter:
    """Keeps what it publishes, in the order in which it commits; `problems` are raised by the calls of that number."""

    problems: dict[int, Exception] = field(default_factory=dict)
    gate: threading.Event | None = None
    journal: list[object] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    positions: list[Position] = field(default_factory=list)
    calls: int = 0
    clock: BrokerClock = field(default_factory=lambda: broker_clock())  # noqa: PLW0108  (it is defined below)

    def __post_init__(self) -> None:
        self._thread = Background("publish")

    def publish(self, block: bytes, position: Position) -> "Future[BrokerClock]":
        return self._thread.submit(lambda: self._publish(block, position))

    def check(self) -> None:
        pass

    def _publish(self, block: bytes, position: Position) -> BrokerClock:
        self.calls += 1
        if self.gate:
            assert self.gate.wait(60)
        if problem := self.problems.get(self.calls):
            raise problem
        self.blocks.append(Block.parse(block))
        self.positions.append(position)
        self.journal.append(("committed", self.blocks[-1].header.height))
        return broker_clock()

    def after(self, step: Step, origin: Origin) -> None:
        if step is Step.SIGNED:
            self.journal.append(("signed", self.calls))


def broker_clock(behind: float = 0) -> BrokerClock:
    return BrokerClock(int((time.time() - behind) * 1000), time.monotonic())


def run(
    batches: Sequence[Sequence[Event] | Exception],
    writer: ScriptedWriter | None = None,
    *,
    resume: ResumePoint = FROM_THE_START,
    signer: SigningKey = SIGNER,
    clock: BrokerClock | None = None,
    state: LogState = GENESIS,
    metrics: LogMetrics | None = None,
    partitions: int = 1,
    at_end: bool = False,
    config: SealerConfig = CONFIG,
) -> ScriptedWriter:
    stop = Stop()
    writer = writer or ScriptedWriter()
    metrics = metrics or LogMetrics(SealerMetrics(CollectorRegistry()), ORIGIN)
    reader = ScriptedReader(batches, stop, at_end=at_end)
    context = SealerContext(config, LogSigners(signer), NO_VAULT, NO_CLUSTER, NO_METRICS, NO_WATCHDOG, writer)
    recovered = Recovered(state, None, resume, EVENTS, None)
    writer.clock = clock or broker_clock()
    publisher = Publisher(writer, context.pool)  # type: ignore[arg-type]
    log: Any = context, recovered, reader, publisher, metrics, ArchiveAge()
    Session(*log, partitions=lambda: partitions).run(stop)
    return writer


def events(*offsets: int) -> list[Event]:
    return [Event(offset, b"value %d" % offset) for offset in offsets]


def verified(writer: ScriptedWriter, state: LogState = GENESIS) -> list[int]:
    offsets = []
    for block in writer.blocks:
        state = state.accept(block)
        verify(block, RECORDS)
        offsets += [record.offset for record in block.records()]
    return offsets


def test_full_blocks_and_the_rest_at_the_end_make_one_chain() -> None:
    writer = run([events(*range(25)), events(*range(25, 34))])
    assert verified(writer) == list(range(34))
    assert [block.header.count for block in writer.blocks] == [10, 10, 10, 4]
    assert writer.positions == [Position(10, 1), Position(20, 2), Position(30, 3), Position(34, 4)]


def test_nothing_is_signed_before_the_block_before_has_committed() -> None:
    gate = threading.Event()
    writer = ScriptedWriter(gate=gate)
    thread = threading.Thread(target=run, args=([events(*range(11)), events(*range(11, 30))], writer))
    thread.start()
    deadline = time.monotonic() + 60
    while not writer.journal:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.2)  # in which nothing more is signed
    assert writer.journal == [("signed", 0)]
    gate.set()
    thread.join(60)
    steps = [step for step, _ in writer.journal]
    assert steps == ["signed", "committed"] * 3


def test_a_commit_ends_a_wait_for_records(monkeypatch: pytest.MonkeyPatch) -> None:
    gate, woken, read, timeouts = threading.Event(), threading.Event(), ScriptedReader.read, list[float]()

    def watched(reader: ScriptedReader, timeout: float) -> Sequence[Event]:
        timeouts.append(timeout)
        if len(timeouts) == 2:
            gate.set()
            assert woken.wait(60)
        return read(reader, timeout)

    monkeypatch.setattr(ScriptedReader, "read", watched)
    monkeypatch.setattr(ScriptedReader, "wake", lambda _: woken.set())
    policy = BatchPolicy(age=60, wait=0.5)
    run([events(*range(11)), []], ScriptedWriter(gate=gate), config=replace(CONFIG, batch=policy))
    assert timeouts[:2] == [0.5, 0.5], "fewer records than one call returns are all that were there"


def rested(monkeypatch: pytest.MonkeyPatch, batches: Sequence[Sequence[Event]], age: float) -> list[tuple[int, float]]:
    """Seal batches, and return for each read how many records it got, and how long it would have waited."""
    read, reads = ScriptedReader.read, list[tuple[int, float]]()

    def patient(reader: ScriptedReader, timeout: float) -> Sequence[Event]:
        found = read(reader, timeout)
        reads.append((len(found), timeout))
        if not found:
            time.sleep(timeout)
        return found

    monkeypatch.setattr(ScriptedReader, "read", patient)
    run(batches, config=replace(CONFIG, batch=BatchPolicy(age=age, wait=0.05)))
    return reads


def test_records_of_a_quiet_partition_gather_while_its_block_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    reads = rested(monkeypatch, [events(0), [], [], events(1), events(2), events(3)], 0.1)
    first_block, second_block = reads[:3], reads[3:6]
    assert all(timeout > 0 for _, timeout in first_block), "the partition is not known to be quiet"
    assert [count for count, _ in second_block] == [1, 1, 1]
    assert second_block[0][1] > 0, "no block is open, so the next record is waited for"
    assert [timeout for _, timeout in second_block[1:]] == [0, 0], "what came during the rest is taken after it"


def test_a_partition_that_was_quiet_rests_no_more_once_much_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    many = events(*range(1, 1 + AT_ONCE))
    reads = rested(monkeypatch, [events(0), [], [], many, events(AT_ONCE + 1), events(AT_ONCE + 2)], 0.1)
    assert reads[3][0] == AT_ONCE
    assert reads[4] == (1, 0), "it reads on at once"
    assert reads[5][1] > 0


def test_a_block_that_is_due_takes_what_comes_until_the_block_before_has_committed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate, read, reads = threading.Event(), ScriptedReader.read, list[float]()

    def watched(reader: ScriptedReader, timeout: float) -> Sequence[Event]:
        reads.append(timeout)
        if len(reads) == 4:
            gate.set()
        return read(reader, timeout)

    monkeypatch.setattr(ScriptedReader, "read", watched)
    policy = BatchPolicy(age=0, wait=0.5)
    batches = [events(0), events(1), events(2, 3), events(4)]
    writer = run(batches, ScriptedWriter(gate=gate), config=replace(CONFIG, batch=policy))
    assert verified(writer) == list(range(5))
    assert [block.header.count for block in writer.blocks] == [1, 4]
    assert reads[:4] == [0.5] * 4


def test_a_commit_that_never_ends_is_waited_for_no_longer_than_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    gate, read = threading.Event(), ScriptedReader.read

    def nothing(reader: ScriptedReader, timeout: float) -> Sequence[Event]:
        time.sleep(timeout)
        return read(reader, timeout) if reader.has_more() else []

    monkeypatch.setattr(ScriptedReader, "read", nothing)
    timeouts = replace(CONFIG.timeouts, call=0.1, stuck=0.2)
    policy = BatchPolicy(age=0, wait=0.01)
    with pytest.raises(UnavailableError, match="wasn't committed in time"):
        run([events(0, 1)], ScriptedWriter(gate=gate), config=replace(CONFIG, batch=policy, timeouts=timeouts))
    gate.set()


@pytest.mark.parametrize(
    "problem", [UnavailableError("away"), FencedError("fenced"), HaltError(Halt.BLOCK_TOO_LARGE, "!")]
)
def test_after_a_failed_publication_nothing_more_is_signed(problem: Exception) -> None:
    writer = ScriptedWriter(problems={2: problem})
    with pytest.raises(type(problem)):
        run([events(*range(35))], writer)
    assert [step for step, _ in writer.journal] == ["signed", "committed", "signed"]
    assert verified(writer) == list(range(10))


def test_records_before_unreadable_ones_are_published() -> None:
    writer = ScriptedWriter()
    unreadable = UnreadableRecordsError(Unreadable(13, Damage.CONTENT, "a wrong CRC", 13))
    with pytest.raises(UnreadableRecordsError):
        run([events(*range(13)), unreadable], writer)
    assert verified(writer) == list(range(13))


def test_skipped_offsets_are_a_gap_of_a_cause_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ScriptedReader, "skips", (range(1, 3), range(12, 14)))
    writer = run([events(0, *range(4, 12)), events(14)])
    assert [gap for block in writer.blocks for gap in block.header.gaps] == [
        Gap(1, 2, CAUSE_UNREADABLE),
        Gap(3, 3, CAUSE_UNKNOWN),
        Gap(12, 13, CAUSE_UNREADABLE),
    ]


def test_nothing_is_signed_once_another_sealer_has_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    def fenced(_: ScriptedWriter) -> None:
        raise FencedError("fenced")

    monkeypatch.setattr(ScriptedWriter, "check", fenced)
    writer = ScriptedWriter()
    with pytest.raises(FencedError):
        run([events(0)], writer)
    assert writer.journal == []


def test_the_record_that_was_sealed_last_is_read_again_and_not_sealed_again() -> None:
    first = run([events(*range(10))])
    state = GENESIS.accept(first.blocks[0])
    resume = ResumePoint(9, 4, encode_message(Event(9, b"value 9")))
    writer = run([events(9, 10, 11)], resume=resume, state=state)
    assert verified(writer, state) == [10, 11]


@pytest.mark.parametrize(
    "found", [events(10, 11), [Event(9, b"another value")], [Event(9, b"value 9", ms=5)], [*events(9), *events(8)]]
)
def test_another_record_in_its_place_is_a_halt(found: list[Event]) -> None:
    state = GENESIS.accept(run([events(*range(10))]).blocks[0])
    resume = ResumePoint(9, 4, encode_message(Event(9, b"value 9")))
    with pytest.raises(HaltError) as caught:
        run([found], resume=resume, state=state)
    assert caught.value.halt is Halt.LOG_RECREATED


def test_a_leaders_epoch_that_goes_back_is_a_halt() -> None:
    with pytest.raises(HaltError) as caught:
        run([[Event(0, leader_epoch=5)], [Event(1, leader_epoch=4)]])
    assert caught.value.halt is Halt.LOG_TRUNCATED


def test_the_epoch_of_the_last_record_stands_in_the_header() -> None:
    writer = run([[Event(0, leader_epoch=5), Event(1, leader_epoch=7)]])
    assert writer.blocks[0].header.last_leader_epoch == 7


def test_a_clock_that_leads_the_brokers_signs_nothing() -> None:
    writer = ScriptedWriter()
    with pytest.raises(HaltError) as caught:
        run([events(0)], writer, clock=broker_clock(behind=3600))
    assert caught.value.halt is Halt.CLOCK
    assert writer.journal == []


@pytest.mark.parametrize(("ahead", "halts"), [(3600, True), (5, False)])
def test_after_a_block_from_the_future_the_log_stands_still_until_the_brokers_clock_is_there(
    ahead: int, halts: bool
) -> None:
    """docs/runbooks/clock.md; the bound is 10 s."""
    now = time.time_ns() // 1000 + ahead * 1_000_000
    state = GENESIS.accept(resigned(run([events(*range(10))]).blocks[0], sealed_at=now))
    writer = ScriptedWriter()
    if not halts:
        assert verified(run([events(10)], writer, state=state), state) == [10]
        return
    with pytest.raises(HaltError) as caught:
        run([events(10)], writer, state=state)
    assert (caught.value.halt, writer.journal) == (Halt.CLOCK, [])


def test_a_key_that_is_not_the_logs_publishes_nothing() -> None:
    writer = ScriptedWriter()
    with pytest.raises(HaltError) as caught:
        run([events(0)], writer, signer=OTHER_SIGNER)
    assert caught.value.halt is Halt.KEY
    assert writer.calls == 0


def test_a_log_that_was_lost_is_left_as_it_is() -> None:
    stop, writer = Stop(), ScriptedWriter()
    stop.abandon()
    assert not stop.finishes
    stop.finish(CloseReason.REVOKED)
    assert not stop.finishes  # whatever comes after
    assert writer.calls == 0


AGE = "auditseal_oldest_unsealed_event_age_seconds"
LABELS = {"topic": ORIGIN.topic, "partition": str(ORIGIN.partition)}


def test_the_age_of_what_isnt_sealed_is_served_from_a_session_on_and_begins_anew_with_each() -> None:
    registry = CollectorRegistry()
    metrics = LogMetrics(SealerMetrics(registry), ORIGIN)
    assert registry.get_sample_value(AGE, LABELS) is None  # nobody knows yet
    with pytest.raises(UnavailableError):
        run([events(*range(12))], ScriptedWriter(problems={1: UnavailableError("away")}), metrics=metrics)
    age = registry.get_sample_value(AGE, LABELS)
    assert age
    assert age > 3600  # the events are years old, and unsealed
    run([], metrics=metrics)  # what the block held was committed on recovery, and no more came
    assert registry.get_sample_value(AGE, LABELS) == 0


def test_the_gauges_of_a_log_that_went_elsewhere_are_gone_and_its_counters_stay() -> None:
    registry = CollectorRegistry()
    everyones = SealerMetrics(registry)
    metrics, other = (LogMetrics(everyones, Origin("c", ORIGIN.topic, number, 0)) for number in (ORIGIN.partition, 7))
    run([events(*range(12))], metrics=metrics)
    run([events(*range(12))], metrics=other)
    gauges = [AGE, *(f"auditseal_{name}" for name in ("consumer_lag_records", "chain_height"))]
    gauges.append("auditseal_last_sealed_timestamp_seconds")
    assert all(registry.get_sample_value(name, LABELS) is not None for name in gauges)
    metrics.forget()
    run([events(*range(12))], metrics=metrics)  # a chain that is late
    assert [registry.get_sample_value(name, LABELS) for name in gauges] == [None] * 4
    assert all(registry.get_sample_value(name, LABELS | {"partition": "7"}) is not None for name in gauges)
    assert registry.get_sample_value("auditseal_events_sealed_total", LABELS) == 24


@pytest.mark.parametrize(
    ("now", "stated"), [(6, 6), (9, 9), (3, 6)], ids=["as before", "grown", "a broker that is behind"]
)
def test_a_header_states_how_many_partitions_there_are_now(now: int, stated: int) -> None:
    (block,) = run([events(0)], partitions=now).blocks
    assert block.header.partitions == stated


def test_a_log_without_an_event_gets_its_first_block_at_once_and_one_only() -> None:
    writer = run([[], []], at_end=True)
    (block,) = writer.blocks
    assert (block.header.count, block.header.first_offset, block.header.last_offset) == (0, 0, -1)
    assert writer.positions == [Position(0, 1)]
    assert verified(writer) == []


def test_no_block_says_that_nothing_came_while_the_partition_has_more_than_was_read() -> None:
    assert run([[], []], at_end=False).blocks == []


def test_a_log_that_has_events_begins_with_them() -> None:
    assert [block.header.count for block in run([[], events(0, 1)], at_end=True).blocks] == [2]


def silent_state(age: float) -> LogState:
    """Return the state after a block of ten records that was sealed so many seconds ago."""
    block = resigned(run([events(*range(10))]).blocks[0], sealed_at=time.time_ns() // 1000 - int(age * 1e6))
    return GENESIS.accept(block)


HEARTBEAT = replace(CONFIG, batch=BatchPolicy(age=60, heartbeat=100, wait=0.001))


@pytest.mark.parametrize(("age", "blocks"), [(90, 0), (101, 1)])
def test_a_silent_log_gets_an_empty_block_when_the_last_one_is_old_whoever_sealed_it(age: float, blocks: int) -> None:
    registry = CollectorRegistry()
    metrics, state = LogMetrics(SealerMetrics(registry), ORIGIN), silent_state(age)
    writer = run([[]], state=state, at_end=True, config=HEARTBEAT, metrics=metrics)
    assert [block.header.count for block in writer.blocks] == [0] * blocks
    assert verified(writer, state) == []
    assert registry.get_sample_value("auditseal_event_to_sealed_seconds_count", LABELS) == 0
    closes = registry.get_sample_value("auditseal_block_closes_total", LABELS | {"reason": "heartbeat"})
    assert closes == (1 if blocks else None)


def test_records_that_are_read_come_before_an_empty_block() -> None:
    state = silent_state(1000)
    writer = run([events(10)], state=state, at_end=True, config=HEARTBEAT)
    assert verified(writer, state) == [10]
    assert [block.header.count for block in writer.blocks] == [1]
