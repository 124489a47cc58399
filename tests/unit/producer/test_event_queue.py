"""Numbers without gaps, whatever Python runs in between: finalizers, handlers of signals, other threads."""

import gc
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer
from uuid_utils import uuid7

from auditseal_producer import (
    Actor,
    BufferFullError,
    Outcome,
    ProducerClosedError,
    ProducerConfig,
    PublishError,
    Resource,
)
from auditseal_producer.client_log import ClientLog
from auditseal_producer.event_queue import EventQueue
from auditseal_producer.outgoing import EventEncoder, NewEvent
from auditseal_producer.pending import PendingReceipt
from auditseal_producer.receipts import Receipts
from auditseal_schemas.event_codec import decode_event
from auditseal_schemas.event_parts import Source, Stream

SOURCE = Source(service="billing", environment="test")
STREAM = Stream(str(uuid7()), 0)
Produce = Callable[..., None]


def event(action: str = "approve") -> NewEvent:
    fields: Any = {
        "actor": Actor("user", "u-1"),
        "action": action,
        "resources": [Resource("invoice", "1")],
        "outcome": Outcome.SUCCESS,
    }
    return EventEncoder(SOURCE, STREAM).encode(fields)


class Kafka:
    """Takes events as librdkafka does; `before` and `after` run around each, where a finalizer might."""

    def __init__(self) -> None:
        self.taken: list[tuple[int, str]] = []
        self.before: Callable[[], object] = bool
        self.after: Callable[[], object] = bool

    def produce(self, _topic: str, encoded: bytes, _key: bytes, _partition: int, _report: Any) -> None:
        self.before()
        taken = decode_event(encoded)
        self.taken.append((taken.stream.sequence, taken.action))
        self.after()


@pytest.fixture
def kafka() -> Kafka:
    return Kafka()


@pytest.fixture
def receipts() -> Receipts:
    return Receipts(ClientLog(None), None)


def make_queue(produce: Produce, receipts: Receipts, **changed: Any) -> EventQueue:
    config = ProducerConfig(bootstrap_servers="127.0.0.1:9", service="s", environment="e", **changed)
    return EventQueue(config, lambda: produce, receipts, ClientLog(None))


@pytest.fixture
def queue(kafka: Kafka, receipts: Receipts) -> EventQueue:
    return make_queue(kafka.produce, receipts)


def offer(queue: EventQueue, action: str = "approve") -> PendingReceipt:
    pending = queue.offer(event(action))
    assert pending is not None
    return pending


@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_event_recorded_within_a_call_comes_after_the_outer_one(
    kafka: Kafka, queue: EventQueue, moment: str
) -> None:
    inner: list[PendingReceipt] = []

    def record_once() -> None:
        setattr(kafka, moment, bool)
        inner.append(offer(queue, "inner"))
        with pytest.raises(PublishError, match="gets its place in the stream when the outer"):
            _ = inner[0].stream

    setattr(kafka, moment, record_once)
    outer = offer(queue, "outer")
    assert kafka.taken == [(0, "outer"), (1, "inner")]
    assert (outer.stream.sequence, inner[0].stream.sequence, queue.waiting) == (0, 1, 2)


def test_calls_within_calls_within_calls_keep_their_order(kafka: Kafka, queue: EventQueue) -> None:
    depth = 0

    def record_again() -> None:
        nonlocal depth
        depth += 1
        if depth <= 50:
            offer(queue, f"{depth}")

    kafka.after = record_again
    offer(queue, "0")
    assert kafka.taken == [(number, f"{number}") for number in range(51)]


def test_an_outer_call_that_is_refused_leaves_no_gap_and_loses_no_inner_one(receipts: Receipts) -> None:
    kafka = Kafka()
    inner: list[PendingReceipt] = []

    def produce(*args: Any) -> None:
        if not inner:
            inner.append(offer(queue, "inner"))
            raise BufferError("full")
        kafka.produce(*args)

    queue = make_queue(produce, receipts)
    with pytest.raises(PublishError, match="librdkafka takes no event"):
        queue.offer(event("outer"))
    assert (queue.waiting, kafka.taken) == (1, [])
    queue.queue_deferred()  # as the producer's thread does
    assert (queue.waiting, kafka.taken, inner[0].stream.sequence) == (1, [(0, "inner")], 0)
    assert offer(queue, "next").stream.sequence == 1


def test_an_inner_event_that_librdkafka_refuses_ends_in_an_error(receipts: Receipts) -> None:
    inner: list[PendingReceipt] = []

    def produce(*_: object) -> None:
        if inner:
            raise KafkaException(KafkaError(KafkaError._FATAL, "fenced"))
        inner.append(offer(queue, "inner"))

    queue = make_queue(produce, receipts)
    assert offer(queue).stream.sequence == 0
    receipts.hand_out()
    assert "fenced" in str(inner[0].exception(0))
    assert (receipts.failed, queue.waiting) == (1, 1)


def test_waiting_within_a_call_is_refused(kafka: Kafka, queue: EventQueue) -> None:
    refused: list[str] = []

    def wait() -> None:
        kafka.before = bool
        assert queue.is_nested()
        for call in (queue.close, lambda: queue.refuse_nested("flush()")):
            with pytest.raises(PublishError, match="within record") as error:
                call()
            refused.append(str(error.value))

    kafka.before = wait
    offer(queue)
    assert len(refused) == 2
    assert not queue.is_nested()
    assert not queue.closed


def test_a_full_buffer_and_a_closed_one_refuse_inner_events_too(kafka: Kafka, receipts: Receipts) -> None:
    queue = make_queue(kafka.produce, receipts, buffer_events=2)
    answers: list[object] = []

    def record_twice() -> None:
        kafka.before = bool
        answers.extend(queue.offer(event()) for _ in range(2))

    kafka.before = record_twice
    offer(queue)
    assert [answer is None for answer in answers] == [False, True]
    assert queue.offer(event()) is None
    queue.close()
    with pytest.raises(ProducerClosedError):
        queue.offer(event())


class Finalized:
    """A piece of garbage, in a circle, whose finalizer records."""

    def __init__(self, record: Callable[[], object]) -> None:
        self.record = record
        self.itself = self

    def __del__(self) -> None:
        self.record()


@pytest.fixture
def eager_gc() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(1, 1, 1)
    yield
    gc.set_threshold(*before)


def test_finalizers_may_record_at_any_moment(kafka: Kafka, queue: EventQueue, eager_gc: None) -> None:
    handles: list[PendingReceipt] = []

    def work() -> None:
        for _ in range(300):
            Finalized(lambda: handles.append(offer(queue, "inner")))
            handles.append(offer(queue, "outer"))

    threads = [threading.Thread(target=work, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "record() waits for a lock that its own thread holds"
    gc.collect()
    assert [number for number, _ in kafka.taken] == list(range(len(kafka.taken)))
    assert len(handles) == len(kafka.taken) == queue.events == 3 * 600
    assert sorted(handle.stream.sequence for handle in handles) == list(range(len(handles)))


class AlarmError(Exception):
    """As a handler of a signal raises: `KeyboardInterrupt`, a time limit."""


@pytest.mark.parametrize("records", [False, True])
def test_signals_may_come_at_any_moment(receipts: Receipts, records: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """On librdkafka itself: a fake written in Python would be interrupted where librdkafka isn't.

    An alarm within a finalizer never reaches the loop: the interpreter reports it by a hook, which says nothing here.
    """
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)
    client = Producer({"bootstrap.servers": "127.0.0.1:9", "queue.buffering.max.messages": 10_000_000, "log_level": 0})
    queue = make_queue(client.produce, receipts, buffer_events=5_000_000, buffer_bytes=1 << 34)
    handles: list[PendingReceipt] = []
    inner, prepared, raised = event("inner"), event(), 0

    armed, busy, rung, over = False, False, 0, threading.Event()

    def alarm(*_: object) -> None:
        nonlocal busy, rung
        if not armed or busy:
            return
        busy, rung = True, rung + 1
        if records:
            queue.offer(inner)
        busy = False
        raise AlarmError

    def ring(main: int) -> None:
        pauses = cycle(number * 0.000_01 for number in range(1, 20))
        while not over.wait(next(pauses)):
            signal.pthread_kill(main, signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, alarm)
    ringing = threading.Thread(target=ring, args=(threading.get_ident(),))
    ringing.start()
    switch = sys.getswitchinterval()
    sys.setswitchinterval(0.000_1)  # so that the bell is heard often
    while raised < 150:
        try:
            armed = True
            while True:
                handles.append(queue.offer(prepared))  # type: ignore[arg-type]
        except AlarmError:
            armed = False
            raised += 1
    over.set()
    ringing.join()
    sys.setswitchinterval(switch)
    signal.signal(signal.SIGUSR1, before)
    queue.queue_deferred()
    assert queue.events == queue.waiting
    assert not queue.is_nested()
    assert rung >= raised
    assert len(handles) + (rung if records else 0) <= queue.events <= len(handles) + rung * 2
    client.purge()
    while len(client):
        client.poll(0.1)
    reports = receipts._reports
    assert len(reports) == queue.events
    numbers = [decode_event(message.value() or b"").stream.sequence for _, _, message in reports]
    assert numbers == list(range(queue.events))
    actions = [decode_event(message.value() or b"").action for _, _, message in reports]
    assert actions.count("inner") == (rung if records else 0)


def test_bytes_and_events_bound_the_buffer(kafka: Kafka, receipts: Receipts) -> None:
    queue = make_queue(kafka.produce, receipts, buffer_events=1)
    offer(queue)
    assert not queue.has_room()
    receipts.events, receipts.bytes = queue.events, queue.bytes
    assert queue.has_room()


def test_refusals_are_counted(queue: EventQueue) -> None:
    for _ in range(3):
        queue.count_refusal()
    assert queue.refused == 3
    assert issubclass(BufferFullError, PublishError)
