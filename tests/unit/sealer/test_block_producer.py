"""The producer of several logs, on scripted calls: the blocks of one transaction, and whom an error reaches."""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition
from prometheus_client import CollectorRegistry

from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.halt import Halt, HaltError
from auditseal_schemas.limits import MIB
from auditseal_schemas.origin import Origin
from auditseal_sealer import transactional_producer
from auditseal_sealer.block_producer import BlockProducer
from auditseal_sealer.config import SealerConfig, Timeouts
from auditseal_sealer.context import SealerContext
from auditseal_sealer.log_signers import LogSigners
from auditseal_sealer.metrics import SealerMetrics
from auditseal_sealer.waiting_block import Claim, Position
from auditseal_sealer.watchdog import Watchdog
from tests.factory.keys import SIGNER

CONFIG = SealerConfig(
    client={},
    events_topic="events",
    blocks_topic="blocks",
    cluster="test.example.com",
    timeouts=Timeouts(call=1, stuck=20),
)
BOUND = 20  # s
LOGS = [CONFIG.origin(number) for number in range(3)]
NOTHING: Any = None


class Script:
    """What the producers did, and what the next calls meet."""

    def __init__(self) -> None:
        self.calls = list[object]()
        self.problems = dict[str, list[KafkaError | None]]()
        self.gate = threading.Event()
        self.gate.set()
        self.reached = threading.Event()

    def call(self, name: str, *values: object) -> None:
        self.calls.append((name, *values) if values else name)
        if (problems := self.problems.get(name)) and (problem := problems.pop(0)):
            raise KafkaException(problem)


class ScriptedProducer:
    """`confluent_kafka.Producer`, as far as the sealer uses it."""

    script: Script

    def __init__(self, _settings: Mapping[str, Any]) -> None:
        self._queue = list[tuple[int, Callable[..., None]]]()

    def init_transactions(self, _: float) -> None:
        self.script.call("init")

    def begin_transaction(self) -> None:
        self.script.call("begin")

    def produce(self, topic: str, value: bytes, key: bytes, partition: int, on_delivery: Any) -> None:
        self.script.call("produce", partition)
        self._queue.append((partition, on_delivery))

    def flush(self, _: float) -> None:
        self.script.call("flush")
        for partition, report in self._queue:
            report(None, Message(topic="blocks", partition=partition, offset=0, value=b"", timestamp=(2, 1)))
        self._queue.clear()

    def send_offsets_to_transaction(self, offsets: list[TopicPartition], group: object, _: float) -> None:
        assert group == "group"
        self.script.call("offsets", *[(one.partition, one.offset, one.metadata) for one in offsets])

    def commit_transaction(self, _: float) -> None:
        self.script.reached.set()
        assert self.script.gate.wait(BOUND)
        self.script.call("commit")

    def abort_transaction(self, _: float) -> None:
        self.script.call("abort")


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    made = Script()

    class Producer(ScriptedProducer):
        script = made

    monkeypatch.setattr(transactional_producer, "Producer", Producer)
    return made


@pytest.fixture
def blocks(script: Script) -> Iterator[BlockProducer]:
    watchdog, metrics = Watchdog(60, lambda _: None), SealerMetrics(CollectorRegistry())
    context = SealerContext(CONFIG, LogSigners(SIGNER), NOTHING, NOTHING, metrics, watchdog)
    with BlockProducer(context, lambda: "group") as blocks:
        yield blocks


def claimed(blocks: BlockProducer, origin: Origin) -> Claim:
    claim = Claim(origin, blocks.writer())
    blocks.hold(claim)
    return claim


def test_blocks_that_wait_meanwhile_share_the_next_transaction(script: Script, blocks: BlockProducer) -> None:
    claims = [claimed(blocks, origin) for origin in LOGS]
    script.gate.clear()
    first = blocks.submit(claims[0], b"a", Position(5, 1))
    assert script.reached.wait(BOUND)
    others = [blocks.submit(claim, b"b", Position(7, 2)) for claim in claims[1:]]
    script.gate.set()
    assert [future.result(BOUND).appended for future in (first, *others)] == [1, 1, 1]
    text = "auditseal run=0 height=2"
    assert script.calls == [
        "init",
        *("begin", ("produce", 0), "flush", ("offsets", (0, 5, "auditseal run=0 height=1")), "commit"),
        *("begin", ("produce", 1), ("produce", 2), "flush", ("offsets", (1, 7, text), (2, 7, text)), "commit"),
    ]


def test_large_blocks_do_not_wait_for_each_other(script: Script, blocks: BlockProducer) -> None:
    claims = [claimed(blocks, origin) for origin in LOGS]
    script.gate.clear()
    blocks.submit(claims[0], b"a", Position(1, 1))
    assert script.reached.wait(BOUND)
    futures = [blocks.submit(claim, bytes(20 * MIB), Position(2, 2)) for claim in claims[1:]]
    script.gate.set()
    for future in futures:
        future.result(BOUND)
    assert script.calls.count("commit") == 3


def test_a_new_generation_of_the_group_costs_one_transaction_and_no_recovery(
    script: Script, blocks: BlockProducer
) -> None:
    claim, writer = claimed(blocks, LOGS[0]), blocks.writer()
    script.problems["offsets"] = [KafkaError(KafkaError.ILLEGAL_GENERATION, "old", txn_requires_abort=True)]
    blocks.submit(claim, b"a", Position(5, 1)).result(BOUND)
    ends = [call for call in script.calls if call in {"begin", "abort", "commit"}]
    assert ends == ["begin", "abort", "begin", "commit"]
    assert blocks.writer() == writer


def test_a_group_that_does_not_know_this_sealer_any_more_is_asked_for_a_bounded_time(
    script: Script, blocks: BlockProducer
) -> None:
    claim = claimed(blocks, LOGS[0])
    script.problems["offsets"] = [KafkaError(KafkaError.UNKNOWN_MEMBER_ID, "who?", txn_requires_abort=True)] * 1000
    with pytest.raises(UnavailableError, match="who"):
        blocks.submit(claim, b"a", Position(5, 1)).result(BOUND)
    assert "commit" not in script.calls


def test_a_block_that_is_too_large_halts_its_own_log_alone(script: Script, blocks: BlockProducer) -> None:
    claims, writer = [claimed(blocks, origin) for origin in LOGS], blocks.writer()
    script.gate.clear()
    blocks.submit(claims[0], b"a", Position(1, 1))
    assert script.reached.wait(BOUND)
    script.problems["produce"] = [None, KafkaError(KafkaError.MSG_SIZE_TOO_LARGE, "too large")]
    other, large = (blocks.submit(claim, b"b", Position(2, 2)) for claim in claims[1:])
    script.gate.set()
    with pytest.raises(HaltError) as caught:
        large.result(BOUND)
    assert caught.value.halt is Halt.BLOCK_TOO_LARGE
    assert f"{LOGS[2]}: block 1" in str(caught.value)
    with pytest.raises(UnavailableError):
        other.result(BOUND)
    with pytest.raises(UnavailableError):
        blocks.check(claims[0])
    assert blocks.writer() != writer


def test_whoever_asks_for_a_producer_is_told_why_there_is_none(script: Script, blocks: BlockProducer) -> None:
    script.problems["init"] = [KafkaError(KafkaError.CLUSTER_AUTHORIZATION_FAILED, "not allowed")]
    with pytest.raises(UnavailableError, match="not allowed"):
        blocks.writer()
    assert blocks.writer()


def test_blocks_that_wait_are_committed_before_the_end(script: Script, blocks: BlockProducer) -> None:
    claims = [claimed(blocks, origin) for origin in LOGS]
    script.gate.clear()
    futures = [blocks.submit(claim, b"a", Position(1, 1)) for claim in claims]
    closing = threading.Thread(target=blocks.close)
    closing.start()
    script.gate.set()
    closing.join(BOUND)
    for future in futures:
        future.result(BOUND)


def test_nobody_waits_for_a_producer_that_has_ended(script: Script, blocks: BlockProducer) -> None:
    claim = claimed(blocks, LOGS[0])
    blocks.close()
    with pytest.raises(UnavailableError, match="ended"):
        blocks.submit(claim, b"a", Position(1, 1))
    with pytest.raises(UnavailableError, match="ended"):
        blocks.writer()


def test_a_claim_waits_until_the_block_of_an_earlier_one_is_decided(script: Script, blocks: BlockProducer) -> None:
    claim = claimed(blocks, LOGS[0])
    script.gate.clear()
    late = blocks.submit(claim, b"a", Position(1, 1))
    assert script.reached.wait(BOUND)
    later = replace(claim)
    holding = threading.Thread(target=blocks.hold, args=(later,))
    holding.start()
    holding.join(0.2)
    assert holding.is_alive()
    script.gate.set()
    late.result(BOUND)
    holding.join(BOUND)
    assert not holding.is_alive()
    blocks.check(later)
