"""Calls of other threads into a loop: in their order, many for one wake-up, and none for a loop that is closed."""

import asyncio
import threading
from functools import partial
from typing import Any

import pytest

from auditseal_producer import DeliveryError, PendingReceipt, Receipt
from auditseal_producer.client_log import ClientLog
from auditseal_producer.loop_calls import LoopCalls
from auditseal_schemas.event_parts import Stream

RECEIPT = Receipt("t", 0, 7, 1, "id", Stream("s", 0), b"")
FAILURE = DeliveryError("id", b"event", "_MSG_TIMED_OUT", "it took too long")


def handles(count: int) -> list[PendingReceipt]:
    log = ClientLog(None)
    return [PendingReceipt("id", "s", log) for _ in range(count)]


def settle(given: list[PendingReceipt]) -> None:
    for handle in given:
        handle.settle(RECEIPT, None)


def test_many_receipts_wake_the_loop_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        loop, wakes = asyncio.get_running_loop(), list[object]()
        threadsafe = loop.call_soon_threadsafe

        def count(callback: Any, *args: Any) -> Any:
            wakes.append(callback)
            return threadsafe(callback, *args)

        monkeypatch.setattr(loop, "call_soon_threadsafe", count)
        calls, given = LoopCalls(loop), handles(100)
        futures = [calls.receipt_of(handle) for handle in given]
        for _ in range(2):  # the second turn is scheduled anew
            thread = threading.Thread(target=settle, args=(given,))
            thread.start()
            thread.join()
            assert await asyncio.gather(*futures) == [RECEIPT] * 100
            given = handles(100)
            futures = [calls.receipt_of(handle) for handle in given]
        assert len(wakes) == 2

    asyncio.run(run())


def test_a_future_ends_as_its_handle() -> None:
    async def run() -> None:
        calls, (failing, done, cancelled) = LoopCalls(asyncio.get_running_loop()), handles(3)
        done.settle(RECEIPT, None)
        assert calls.receipt_of(done).result() == RECEIPT
        waiting, given_up = calls.receipt_of(failing), calls.receipt_of(cancelled)
        given_up.cancel()
        cancelled.settle(RECEIPT, None)
        failing.settle(None, FAILURE)
        with pytest.raises(DeliveryError):
            await waiting
        assert (given_up.cancelled(), cancelled.result(0)) == (True, RECEIPT)

    asyncio.run(run())


def test_calls_keep_their_order_and_may_make_others() -> None:
    async def run() -> list[int]:
        calls, made, over = LoopCalls(asyncio.get_running_loop()), list[int](), asyncio.Event()

        def make(number: int) -> None:
            made.append(number)
            if number < 100:
                calls.call(partial(make, number + 100))
            elif len(made) == 200:
                over.set()

        for number in range(100):
            calls.call(partial(make, number))
        await over.wait()
        return made

    assert asyncio.run(run()) == list(range(200))


def test_a_closed_loop_is_called_no_more() -> None:
    loop = asyncio.new_event_loop()
    calls = LoopCalls(loop)
    (handle,) = handles(1)
    future = calls.receipt_of(handle)
    loop.close()
    handle.settle(RECEIPT, None)
    calls.call(pytest.fail)
    assert (handle.done(), future.done()) == (True, False)
