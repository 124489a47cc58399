"""Callbacks of a service that raise, exit or wait: the producer's thread continues, and every handle ends."""

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka import Message

from auditseal_producer import (
    Actor,
    AuditProducer,
    ConfigurationError,
    DeliveryError,
    Outcome,
    PendingReceipt,
    ProducerConfig,
    PublishError,
    Resource,
    UndeliveredError,
)

FIELDS: dict[str, Any] = {
    "actor": Actor("user", "u-1"),
    "action": "approve",
    "resources": [Resource("invoice", "inv-1")],
    "outcome": Outcome.SUCCESS,
}


def make_config(*, mock: bool = True, **changed: Any) -> ProducerConfig:
    kafka = ({"test.mock.num.brokers": 1} if mock else {}) | changed.pop("kafka", {})
    return ProducerConfig(bootstrap_servers="127.0.0.1:9", service="s", environment="test", kafka=kafka, **changed)


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL + 1, logger="auditseal_producer")


@pytest.fixture
def producer() -> Iterator[AuditProducer]:
    with AuditProducer(make_config()) as made:
        yield made


def divide(_: object) -> object:
    return 1 / 0


def leave(_: object) -> object:
    return sys.exit(3)


def interrupt(_: object) -> object:
    raise KeyboardInterrupt


def stop_a_generator(_: object) -> object:
    raise GeneratorExit


RAISING: list[Callable[[object], object]] = [divide, leave, interrupt, stop_a_generator]


@pytest.mark.parametrize("callback", RAISING)
def test_a_done_callback_may_raise_anything(producer: AuditProducer, callback: Callable[[object], object]) -> None:
    called: list[object] = []
    for _ in range(50):
        pending = producer.record(**FIELDS)
        pending.add_done_callback(callback)
        pending.add_done_callback(called.append)  # a later one of the same handle still runs
    producer.flush(60)
    assert (len(called), producer.counts) == (50, (50, 0, 0, 0))
    assert producer.record(**FIELDS).result(60).offset == 50
    pending.add_done_callback(callback)  # at once, since the handle is done


@pytest.mark.parametrize("callback", RAISING)
def test_on_error_may_raise_anything(callback: Callable[[object], object]) -> None:
    told: list[object] = []

    def on_error(error: DeliveryError) -> None:
        told.append(error)
        callback(error)

    producer = AuditProducer(make_config(mock=False, delivery_timeout=1), on_error=on_error)
    pendings = [producer.record(**FIELDS) for _ in range(20)]
    with pytest.raises(UndeliveredError, match="20 failed"):
        producer.flush(60)
    assert [pending.exception(0) for pending in pendings] == told
    assert len(told) == 20
    producer.close(5)


@pytest.mark.parametrize("callback", RAISING)
@pytest.mark.parametrize("name", ["error_cb", "stats_cb"])
def test_librdkafka_s_callbacks_may_raise_anything(name: str, callback: Callable[[object], object]) -> None:
    called: list[object] = []

    def of_librdkafka(value: object) -> None:
        called.append(threading.current_thread().name)
        callback(value)

    config = make_config(kafka={name: of_librdkafka, "statistics.interval.ms": 20})
    if name == "error_cb":  # one of two brokers is never there
        config = make_config(mock=False, delivery_timeout=1, kafka={name: of_librdkafka})
    producer = AuditProducer(config)
    pendings = [producer.record(**FIELDS) for _ in range(200)]  # the innocent call raises nothing
    deadline = time.monotonic() + 60
    while not called and time.monotonic() < deadline:
        time.sleep(0.05)
    for pending in pendings:
        assert pending.exception(60) is None or name == "error_cb"
    assert set(called) == {"auditseal-producer"}
    if name == "error_cb":
        with pytest.raises(UndeliveredError):
            producer.flush(60)
    producer.close(60)


def oauth_config(callback: Callable[[str], object]) -> ProducerConfig:
    kafka = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "OAUTHBEARER", "oauth_cb": callback}
    return ProducerConfig(bootstrap_servers="127.0.0.1:9", service="s", environment="test", kafka=kafka)


def test_a_token_that_can_not_be_had_is_said_when_the_producer_is_made() -> None:
    with pytest.raises(ConfigurationError, match=r"OAuth token not set .* oauth_cb raised ZeroDivisionError"):
        AuditProducer(oauth_config(divide))  # after 10 s, which the binding waits


def test_a_token_that_can_not_be_renewed_ends_no_thread() -> None:
    asked: list[float] = []

    def token(_: str) -> tuple[str, float]:
        asked.append(time.monotonic())
        if len(asked) > 1:
            sys.exit(3)
        return "token", time.time() + 2  # librdkafka renews it after 80 % of that

    producer = AuditProducer(oauth_config(token))
    pending = producer.record(**FIELDS)
    deadline = time.monotonic() + 60
    while len(asked) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(asked) >= 2
    with pytest.raises(UndeliveredError):
        producer.close(0.1)
    assert isinstance(pending.exception(60), DeliveryError)


class BrokenHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        raise SystemExit(3)


def test_a_broker_may_acknowledge_an_event_without_its_offset(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it does for a request that it had already: DUPLICATE_SEQUENCE_NUMBER is a success without a place."""
    acknowledge = PendingReceipt.acknowledge

    def without_offset(handle: PendingReceipt, message: Message) -> None:
        acknowledge(handle, Message(topic=message.topic(), offset=-1001, value=message.value()))

    monkeypatch.setattr(PendingReceipt, "acknowledge", without_offset)
    with AuditProducer(make_config()) as made:
        receipt = made.record(**FIELDS).result(60)
    assert (receipt.topic, receipt.offset, len(receipt.sha256)) == ("audit.events", None, 32)


def test_a_log_handler_may_raise() -> None:
    logger = logging.getLogger("a.service.with.a.broken.handler")  # of its own: it stays as it is made here
    logger.addHandler(BrokenHandler())
    logger.propagate = False
    producer = AuditProducer(make_config(mock=False, delivery_timeout=1), logger=logger)
    pendings = [producer.record(**FIELDS) for _ in range(5)]
    assert all(isinstance(pending.exception(60), DeliveryError) for pending in pendings)
    with pytest.raises(UndeliveredError):
        producer.close(5)


def test_a_callback_that_would_wait_for_itself_is_told_so(producer: AuditProducer) -> None:
    refused: list[str] = []
    done = threading.Event()
    later: list[PendingReceipt] = []

    def wait(_: object) -> None:
        later.append(producer.record(**FIELDS))
        for call in (
            lambda: producer.flush(60),
            lambda: producer.close(60),
            lambda: later[0].result(60),
            lambda: later[0].exception(60),
        ):
            try:
                call()
            except PublishError as error:
                refused.append(str(error))
        done.set()

    producer.record(**FIELDS).add_done_callback(wait)
    assert done.wait(60)
    assert (len(refused), all("callback" in text for text in refused)) == (4, True)
    assert later[0].result(60).offset == 1


def test_a_callback_that_never_returns_keeps_close_from_nothing_but_its_own_handles() -> None:
    blocked = threading.Event()
    producer = AuditProducer(make_config())
    producer.record(**FIELDS).add_done_callback(lambda _: blocked.wait(240))
    time.sleep(0.5)
    producer.record(**FIELDS)
    began = time.monotonic()
    with pytest.raises(UndeliveredError, match="2 events still wait"):
        producer.flush(0.5)
    assert time.monotonic() - began < 30
    blocked.set()
    producer.close(60)
    assert producer.counts == (2, 0, 0, 0)
