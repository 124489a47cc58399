"""The producer against librdkafka's own mock cluster, and with no broker at all."""

import logging
import math
import signal
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest

from auditseal_producer import (
    Actor,
    AuditProducer,
    BrokerUnavailableError,
    BufferFullError,
    Change,
    ConfigurationError,
    DecodeError,
    DeliveryError,
    EventError,
    Outcome,
    ProducerClosedError,
    ProducerConfig,
    Resource,
    UndeliveredError,
)
from auditseal_schemas.event_codec import decode_event

FIELDS: dict[str, Any] = {
    "actor": Actor("user", "u-1"),
    "action": "approve",
    "resources": [Resource("invoice", "inv-1")],
    "outcome": Outcome.SUCCESS,
}
NOBODY = "127.0.0.1:9"  # the discard port: nothing listens


def mock_config(**changed: Any) -> ProducerConfig:
    """Configure a producer that brings a mock cluster of its own; librdkafka replaces the bootstrap servers."""
    kafka = {"test.mock.num.brokers": 1, **changed.pop("kafka", {})}
    return ProducerConfig(bootstrap_servers=NOBODY, service="billing", environment="test", kafka=kafka, **changed)


def lonely_config(**changed: Any) -> ProducerConfig:
    return ProducerConfig(bootstrap_servers=NOBODY, service="billing", environment="test", **changed)


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL + 1, logger="auditseal_producer")


@pytest.fixture
def producer() -> Iterator[AuditProducer]:
    with AuditProducer(mock_config()) as made:
        yield made


def test_a_recorded_event_ends_in_a_receipt(producer: AuditProducer) -> None:
    pending = producer.record(**FIELDS)
    receipt = pending.result(timeout=60)
    assert (receipt.topic, receipt.offset, receipt.event_id) == ("audit.events", 0, pending.event_id)
    assert (receipt.stream, receipt.stream.sequence) == (pending.stream, 0)
    assert receipt.timestamp == 1234  # the mock's append time
    assert producer.counts == (1, 0, 0, 0)


def test_what_the_service_says_goes_before_the_stamp(producer: AuditProducer) -> None:
    event_id = "0191e3a0-7b6c-7def-8123-456789abcdef"
    pending = producer.record(**FIELDS, event_id=event_id, occurred_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert pending.result(timeout=60).event_id == event_id


def test_a_refused_event_takes_no_sequence_number(producer: AuditProducer) -> None:
    assert producer.record(**FIELDS).stream.sequence == 0
    with pytest.raises(EventError, match="action: must not be empty"):
        producer.record(**FIELDS | {"action": ""})
    with pytest.raises(EventError, match="at most 1000000"):
        producer.record(**FIELDS, attributes={str(number): "x" * 250_000 for number in range(5)})
    assert producer.record(**FIELDS).stream.sequence == 1
    producer.flush(60)
    assert producer.counts == (2, 0, 2, 0)


def test_threads_share_one_gapless_stream(producer: AuditProducer) -> None:
    made: list[list[Any]] = [[] for _ in range(4)]

    def work(mine: list[Any]) -> None:
        mine.extend(producer.record(**FIELDS) for _ in range(500))

    threads = [threading.Thread(target=work, args=(mine,)) for mine in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    producer.flush(60)
    pendings = [pending for mine in made for pending in mine]
    assert sorted(pending.stream.sequence for pending in pendings) == list(range(2000))
    assert len({pending.stream.id for pending in pendings}) == 1
    # One actor, so one partition: there, the offsets are in the order of the sequence.
    receipts = sorted((pending.result(0) for pending in pendings), key=lambda receipt: receipt.offset)
    assert [receipt.stream.sequence for receipt in receipts] == list(range(2000))


def test_after_a_flush_every_handle_is_done(producer: AuditProducer) -> None:
    pendings = [producer.record(**FIELDS) for _ in range(300)]
    producer.flush(60)
    assert all(pending.done() for pending in pendings)


def test_a_recorded_event_can_not_be_cancelled(producer: AuditProducer) -> None:
    pending = producer.record(**FIELDS)
    assert pending.cancel() is False
    assert pending.result(timeout=60).offset == 0


def test_a_callback_that_raises_does_not_stop_the_others(producer: AuditProducer) -> None:
    first = producer.record(**FIELDS)
    first.add_done_callback(lambda _: 1 / 0)
    assert producer.record(**FIELDS).result(timeout=60).offset == 1


def test_a_callback_may_record(producer: AuditProducer) -> None:
    followed: list[Any] = []
    done = threading.Event()

    def follow(_: object) -> None:
        followed.append(producer.record(**FIELDS))
        done.set()

    for _ in range(250):
        producer.record(**FIELDS)
    producer.record(**FIELDS).add_done_callback(follow)
    assert done.wait(60)
    assert followed[0].result(timeout=60).stream.sequence == 251


def test_a_closed_producer_refuses(producer: AuditProducer) -> None:
    producer.close(60)
    producer.close(60)
    with pytest.raises(ProducerClosedError):
        producer.record(**FIELDS)
    assert producer.counts.refused == 1


def test_without_a_broker_every_event_ends_in_an_error() -> None:
    told: list[DeliveryError] = []
    producer = AuditProducer(lonely_config(delivery_timeout=1), on_error=told.append)
    pendings = [producer.record(**FIELDS) for _ in range(20)]
    assert producer.counts == (0, 0, 0, 20)
    with pytest.raises(UndeliveredError, match="0 events still wait for an acknowledgement, 20 failed") as undelivered:
        producer.flush(60)
    assert (undelivered.value.waiting, undelivered.value.failed) == (0, 20)
    for pending in pendings:
        error = pending.exception(0)
        assert isinstance(error, DeliveryError)
        assert (error.event_id, error.code) == (pending.event_id, "_MSG_TIMED_OUT")
        assert decode_event(error.encoded).stream == pending.stream
    assert [error.event_id for error in told] == [pending.event_id for pending in pendings]
    assert producer.counts == (0, 20, 0, 0)
    producer.close(1)  # the failures were told by the flush


def test_closing_fails_what_still_waits() -> None:
    producer = AuditProducer(lonely_config())
    pending = producer.record(**FIELDS)
    with pytest.raises(UndeliveredError, match="1 events still wait") as undelivered:
        producer.close(0.1)
    assert undelivered.value.waiting == 1
    error = pending.exception(0)
    assert isinstance(error, DeliveryError)
    assert error.code == "_PURGE_QUEUE"
    assert producer.counts == (0, 1, 0, 0)


def test_leaving_the_block_raises_what_failed() -> None:
    with pytest.raises(UndeliveredError), AuditProducer(lonely_config(close_timeout=0.1)) as producer:
        producer.record(**FIELDS)


def leave_block_by(error: Exception) -> None:
    with AuditProducer(lonely_config(close_timeout=0.1)) as producer:
        producer.record(**FIELDS)
        raise error


def test_leaving_the_block_by_an_error_notes_what_failed() -> None:
    with pytest.raises(KeyError) as raised:
        leave_block_by(KeyError("the service's own"))
    assert "1 events still wait" in raised.value.__notes__[0]


def test_a_full_buffer_raises_at_once_where_asked_to() -> None:
    producer = AuditProducer(lonely_config(buffer_events=3, full_wait=0))
    for _ in range(3):
        producer.record(**FIELDS)
    started = time.monotonic()
    with pytest.raises(BufferFullError, match="3 events of"):
        producer.record(**FIELDS)
    assert time.monotonic() - started < 4  # it waits 5 s where nothing else is asked
    assert producer.counts == (0, 0, 1, 3)
    with pytest.raises(UndeliveredError):
        producer.close(0)


def test_a_full_buffer_waits_as_long_as_it_may() -> None:
    producer = AuditProducer(lonely_config(buffer_events=1, full_wait=0.4))
    producer.record(**FIELDS)
    started = time.monotonic()
    with pytest.raises(BufferFullError):
        producer.record(**FIELDS)
    assert 0.35 < time.monotonic() - started < 4  # as before
    with pytest.raises(UndeliveredError):
        producer.close(0)


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"attributes": {str(number): "x" * 250_000 for number in range(5)}}, "at most 1000000"),
        ({"action": ""}, "action: must not be empty"),
    ],
)
def test_a_full_buffer_is_no_reason_to_wait_with_an_event_that_no_room_would_help(
    wrong: dict[str, Any], problem: str
) -> None:
    producer = AuditProducer(lonely_config(buffer_events=1, full_wait=60))
    producer.record(**FIELDS)
    started = time.monotonic()
    with pytest.raises(EventError, match=problem):
        producer.record(**FIELDS | wrong)
    assert time.monotonic() - started < 30
    assert producer.counts == (0, 0, 1, 1)
    with pytest.raises(UndeliveredError):
        producer.close(0)


def test_bytes_fill_the_buffer_too() -> None:
    producer = AuditProducer(lonely_config(buffer_bytes=2 << 20, full_wait=0))
    large = {str(number): "x" * 240_000 for number in range(4)}
    producer.record(**FIELDS, attributes=large)
    producer.record(**FIELDS, attributes=large)
    with pytest.raises(BufferFullError):
        producer.record(**FIELDS)
    with pytest.raises(UndeliveredError):
        producer.close(0)


def test_room_that_comes_is_used() -> None:
    with AuditProducer(mock_config(buffer_events=10, full_wait=60)) as producer:
        pendings = [producer.record(**FIELDS) for _ in range(500)]
        producer.flush(60)
    assert [pending.result(0).stream.sequence for pending in pendings] == list(range(500))


def close_undelivered(producer: AuditProducer, timeout: float) -> None:
    with pytest.raises(UndeliveredError):
        producer.close(timeout)


def test_closing_wakes_those_who_wait_for_room() -> None:
    producer = AuditProducer(lonely_config(buffer_events=1, full_wait=60))
    producer.record(**FIELDS)
    closes: list[bool] = []

    def work() -> None:
        try:
            producer.record(**FIELDS)
        except ProducerClosedError:
            closes.append(closing.is_alive())

    waiting = threading.Thread(target=work)
    closing = threading.Thread(target=close_undelivered, args=(producer, 3.0))
    waiting.start()
    time.sleep(0.2)
    closing.start()
    waiting.join(60)
    closing.join()
    assert closes == [True]  # while the flush of the close still waited


@pytest.mark.parametrize("timeout", [math.inf, 1e300, 10**400])
def test_closing_without_an_end_purges_nothing(timeout: float) -> None:
    producer = AuditProducer(mock_config())
    pendings = [producer.record(**FIELDS) for _ in range(1_000)]
    producer.close(timeout)
    assert producer.counts == (1_000, 0, 0, 0)
    assert [pending.result(0).stream.sequence for pending in pendings] == list(range(1_000))


@pytest.mark.parametrize("timeout", [math.nan, -1, None, "5", True])
@pytest.mark.parametrize("call", ["close", "flush", "check_broker"])
def test_a_time_that_is_none_is_refused_and_nothing_is_lost(producer: AuditProducer, call: str, timeout: Any) -> None:
    pending = producer.record(**FIELDS)
    with pytest.raises(ConfigurationError, match="timeout: "):
        getattr(producer, call)(timeout)
    assert producer.record(**FIELDS).stream.sequence == 1  # it isn't closed
    assert pending.result(60).offset == 0


def test_an_endless_wait_for_room_is_one() -> None:
    with AuditProducer(mock_config(buffer_events=5, full_wait=math.inf)) as producer:
        pendings = [producer.record(**FIELDS) for _ in range(100)]
    assert all(pending.done() for pending in pendings)


def test_closing_by_several_threads_at_a_time(producer: AuditProducer) -> None:
    pendings = [producer.record(**FIELDS) for _ in range(300)]
    threads = [threading.Thread(target=producer.close, args=(20,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert all(pending.result(0) for pending in pendings)


def test_a_signal_while_it_closes_ends_the_wait_and_purges_nothing_that_can_arrive() -> None:
    """On a broker that takes 0.2 s for each answer, so that the signal comes first."""
    producer = AuditProducer(mock_config(kafka={"test.mock.broker.rtt": 200}))
    pending = producer.record(**FIELDS)

    def leave(*_: object) -> None:
        sys.exit(143)

    before = signal.signal(signal.SIGUSR1, leave)
    threading.Timer(0.1, signal.pthread_kill, (threading.get_ident(), signal.SIGUSR1)).start()
    with pytest.raises(SystemExit):
        producer.close(60)
    signal.signal(signal.SIGUSR1, before)
    assert pending.exception(0) is None


def test_a_failed_event_is_published_again_as_it_was() -> None:
    told: list[DeliveryError] = []
    lonely = AuditProducer(lonely_config(delivery_timeout=1), on_error=told.append)
    pendings = [lonely.record(**FIELDS) for _ in range(3)]
    with pytest.raises(UndeliveredError):
        lonely.flush(60)
    lonely.close(5)
    with AuditProducer(mock_config()) as producer:
        own = producer.record(**FIELDS)
        again = [producer.republish(error.encoded) for error in told]
        assert producer.record(**FIELDS).stream.sequence == own.stream.sequence + 1 == 1
        receipts = [each.result(60) for each in again]
        with pytest.raises(DecodeError):
            producer.republish(b"something else")
        assert producer.counts.refused == 1
    assert [(each.event_id, each.stream) for each in receipts] == [(each.event_id, each.stream) for each in pendings]
    assert [each.sha256 for each in receipts] == [sha256(error.encoded).digest() for error in told]


def test_first_contact_without_a_broker_is_told_in_words(caplog: pytest.LogCaptureFixture) -> None:
    """What waits, and why, and what to do: in the errors, and in one line of the log."""
    caplog.set_level(logging.WARNING, logger="auditseal_producer")
    producer = AuditProducer(lonely_config())
    pending = producer.record(**FIELDS)
    deadline = time.monotonic() + 60
    while not caplog.records:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    with pytest.raises(TimeoutError, match=rf"waits .* after 1 s: {NOBODY} refuses connections: start the broker"):
        pending.result(1)
    with pytest.raises(UndeliveredError, match=rf"1 events still wait .*: {NOBODY} refuses connections"):
        producer.flush(0.5)
    with pytest.raises(BrokerUnavailableError, match=rf"{NOBODY} doesn't answer within 0.5 s: {NOBODY} refuses"):
        producer.check_broker(0.5)
    with pytest.raises(UndeliveredError):
        producer.close(0)
    assert "refuses connections" in str(pending.exception(0))
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2, told
    assert (told[0].startswith(f"{NOBODY} refuses"), "got no acknowledgement" in told[1]) == (True, True)


def test_a_service_may_give_a_logger_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, logger="a.service")
    producer = AuditProducer(lonely_config(), logger=logging.getLogger("a.service"))
    with pytest.raises(BrokerUnavailableError):
        producer.check_broker(0.5)
    producer.close(1)
    assert {record.name for record in caplog.records} == {"a.service"}


def test_a_misspelled_field_is_an_error_of_the_event(producer: AuditProducer) -> None:
    with pytest.raises(EventError, match=r"unknown field 'actr' \(did you mean actor\?\)"):
        producer.record(**FIELDS, actr=1)
    assert producer.counts.refused == 1


def test_an_iterable_is_walked_once_even_where_the_buffer_is_full() -> None:
    with AuditProducer(mock_config(buffer_events=1, full_wait=60)) as producer:
        recorded: list[bytes] = []
        queue = producer._channel.get()._queue
        produce = queue._connect()
        queue._connect = lambda: lambda *args: (recorded.append(args[1]), produce(*args))[1]
        for number in range(20):
            producer.record(**FIELDS, changes=(Change(f"field-{number}-{part}") for part in range(3)))
    assert [len(decode_event(encoded).changes) for encoded in recorded] == [3] * 20


def test_recording_within_recording(producer: AuditProducer) -> None:
    """By an iterable and a mapping with code of their own, which run before any lock is taken."""
    handles: list[Any] = []

    def changes() -> Iterator[Change]:
        handles.append(producer.record(**FIELDS))
        yield Change("f")

    class Recording(dict[str, str]):
        def items(self) -> Any:
            handles.append(producer.record(**FIELDS))
            return super().items()

    handles.append(producer.record(**FIELDS, changes=changes(), attributes=Recording(a="1")))
    assert [handle.result(60).stream.sequence for handle in handles] == [0, 1, 2]


def test_the_broker_can_be_asked_for_first(producer: AuditProducer) -> None:
    producer.check_broker(60)
    lonely = AuditProducer(lonely_config())
    started = time.monotonic()
    with pytest.raises(BrokerUnavailableError, match=rf"{NOBODY} doesn't answer within 0.5 s"):
        lonely.check_broker(0.5)
    assert time.monotonic() - started < 30
    lonely.close(1)
