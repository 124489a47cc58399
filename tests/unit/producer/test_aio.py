"""The asyncio producer: receipts by await, a loop that is never blocked, several loops at a time."""

import asyncio
import gc
import logging
import math
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from auditseal import AsyncRecordedEvents
from auditseal_producer import (
    Actor,
    AsyncAuditProducer,
    BrokerUnavailableError,
    BufferFullError,
    DeliveryError,
    EventError,
    Outcome,
    ProducerConfig,
    Receipt,
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
    kafka = {"test.mock.num.brokers": 1} if mock else {}
    return ProducerConfig(bootstrap_servers="127.0.0.1:9", service="s", environment="test", kafka=kafka, **changed)


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL + 1, logger="auditseal_producer")


def test_awaiting_gives_the_receipt() -> None:
    async def run() -> list[Receipt]:
        async with AsyncAuditProducer(make_config()) as producer:
            await producer.check_broker(60)
            receipts = await asyncio.gather(*(producer.record(**FIELDS) for _ in range(200)))
            await producer.flush(60)
            assert producer.counts == (200, 0, 0, 0)
            return receipts

    receipts = asyncio.run(run())
    assert [receipt.stream.sequence for receipt in receipts] == list(range(200))
    assert [receipt.offset for receipt in receipts] == list(range(200))


def test_a_full_buffer_does_not_block_the_loop() -> None:
    async def run() -> None:
        producer = AsyncAuditProducer(make_config(mock=False, buffer_events=1, full_wait=0.4))
        waiting = asyncio.create_task(producer.record(**FIELDS))
        await asyncio.sleep(0)
        refused = asyncio.create_task(producer.record(**FIELDS))
        longest, last = 0.0, time.monotonic()
        while not refused.done():
            await asyncio.sleep(0.01)
            longest, last = max(longest, time.monotonic() - last), time.monotonic()
        assert longest < 0.3
        with pytest.raises(BufferFullError):
            await refused
        assert producer.counts == (0, 0, 1, 1)
        with pytest.raises(UndeliveredError):
            await producer.close(0)
        with pytest.raises(DeliveryError):
            await waiting

    asyncio.run(run())


def test_a_full_buffer_is_no_reason_to_await_with_an_event_that_no_room_would_help() -> None:
    async def run() -> None:
        producer = AsyncAuditProducer(make_config(mock=False, buffer_events=1, full_wait=60))
        waiting = asyncio.create_task(producer.record(**FIELDS))
        await asyncio.sleep(0)
        with pytest.raises(EventError, match="at most 1000000"):
            await asyncio.wait_for(producer.record(**FIELDS, attributes={str(n): "x" * 250_000 for n in range(5)}), 30)
        assert producer.counts == (0, 0, 1, 1)
        with pytest.raises(UndeliveredError):
            await producer.close(0)
        with pytest.raises(DeliveryError):
            await waiting

    asyncio.run(run())


def test_room_that_comes_is_used() -> None:
    async def run() -> None:
        async with AsyncAuditProducer(make_config(buffer_events=5, full_wait=60)) as producer:
            receipts = await asyncio.gather(*(producer.record(**FIELDS) for _ in range(100)))
        assert sorted(receipt.stream.sequence for receipt in receipts) == list(range(100))

    asyncio.run(run())


def test_a_cancelled_task_does_not_recall_its_event() -> None:
    async def run() -> None:
        async with AsyncAuditProducer(make_config()) as producer:
            task = asyncio.create_task(producer.record(**FIELDS))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await producer.flush(60)
            assert producer.counts == (1, 0, 0, 0)

    asyncio.run(run())


def test_refusals_are_those_of_the_other_producer() -> None:
    async def run() -> None:
        async with AsyncAuditProducer(make_config(mock=False)) as producer:
            with pytest.raises(EventError):
                await producer.record(**FIELDS | {"action": ""})
            with pytest.raises(BrokerUnavailableError):
                await producer.check_broker(0.2)

    asyncio.run(run())


async def leave_block(tasks: list[asyncio.Task[Receipt]], error: Exception | None) -> None:
    async with AsyncAuditProducer(make_config(mock=False, close_timeout=0.1)) as producer:
        tasks.append(asyncio.create_task(producer.record(**FIELDS)))
        await asyncio.sleep(0)
        if error:
            raise error


def test_leaving_the_block_tells_of_what_failed() -> None:
    async def run() -> None:
        tasks: list[asyncio.Task[Receipt]] = []
        with pytest.raises(UndeliveredError):
            await leave_block(tasks, None)
        with pytest.raises(KeyError) as raised:
            await leave_block(tasks, KeyError("the service's own"))
        assert "1 events still wait" in raised.value.__notes__[0]
        for task in tasks:
            with pytest.raises(DeliveryError):
                await task

    asyncio.run(run())


def test_several_loops_may_use_one_producer() -> None:
    producer = AsyncAuditProducer(make_config())
    receipts: list[Receipt] = []

    async def record() -> None:
        receipts.extend(await asyncio.gather(*(producer.record(**FIELDS) for _ in range(50))))

    threads = [threading.Thread(target=lambda: asyncio.run(record())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    asyncio.run(producer.close(60))
    assert sorted(receipt.stream.sequence for receipt in receipts) == list(range(150))


def longest_pause(seconds: list[float]) -> float:
    return max(later - earlier for earlier, later in pairwise(seconds))


@pytest.fixture
def others_frozen() -> Iterator[None]:
    """What earlier tests left in this process is not collected meanwhile: that can take 0.2 s of this thread."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("others_frozen")
def test_thousands_at_once_do_not_block_the_loop() -> None:
    async def tick(passes: list[float]) -> None:
        while True:
            passes.append(time.thread_time())  # of this thread: the machine may be busy
            await asyncio.sleep(0)

    async def run() -> float:
        passes: list[float] = []
        async with AsyncAuditProducer(make_config()) as producer:
            await producer.check_broker(60)
            ticking = asyncio.create_task(tick(passes))
            await asyncio.sleep(0)
            receipts = await asyncio.gather(*(producer.record(**FIELDS) for _ in range(3_000)))
            ticking.cancel()
        assert [receipt.stream.sequence for receipt in receipts] == list(range(3_000))
        return longest_pause(passes)

    assert asyncio.run(run()) < 0.1  # it was 0.225 s, of which making the tasks takes 0.02


def test_a_task_that_is_cancelled_before_its_turn_records_nothing() -> None:
    async def run() -> None:
        async with AsyncAuditProducer(make_config()) as producer:
            tasks = [asyncio.create_task(producer.record(**FIELDS)) for _ in range(200)]
            await asyncio.sleep(0)
            for task in tasks[100:]:
                task.cancel()
            done = await asyncio.gather(*tasks, return_exceptions=True)
            assert sum(isinstance(each, Receipt) for each in done) == 100
            await producer.flush(60)
            assert producer.counts == (100, 0, 0, 0)

    asyncio.run(run())


def test_many_wait_for_room_in_their_order() -> None:
    async def run() -> None:
        async with AsyncAuditProducer(make_config(buffer_events=3, full_wait=60)) as producer:
            tasks = [asyncio.create_task(producer.record(**FIELDS)) for _ in range(400)]
            await asyncio.sleep(0.05)
            for task in tasks[50:60]:
                task.cancel()  # some of those who wait leave
            done = await asyncio.gather(*tasks, return_exceptions=True)
        assert sum(isinstance(each, Receipt) for each in done) >= 390

    asyncio.run(run())


def test_an_endless_wait_for_room_is_one() -> None:
    async def run() -> None:
        async with AsyncAuditProducer(make_config(buffer_events=2, full_wait=math.inf)) as producer:
            assert len(await asyncio.gather(*(producer.record(**FIELDS) for _ in range(50)))) == 50

    asyncio.run(run())


def test_a_failed_event_is_published_again_as_it_was() -> None:
    audit = AsyncRecordedEvents()

    async def run() -> None:
        with audit.brokers_down(), pytest.raises(DeliveryError):
            await audit.record(**FIELDS)
        async with AsyncAuditProducer(make_config()) as producer:
            receipt = await producer.republish(audit.failures[0].encoded)
            assert receipt.event_id == audit.failures[0].event_id

    asyncio.run(run())
