"""A handle is a whole future, also of those who look into one: concurrent.futures and asyncio."""

import asyncio
import concurrent.futures
import math
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from auditseal_producer import ConfigurationError, DeliveryError, PendingReceipt, PublishError, Receipt
from auditseal_producer.client_log import ClientLog
from auditseal_schemas.event_parts import Stream

RECEIPT = Receipt("t", 0, 7, 1, "id", Stream("s", 0), b"")
FAILURE = DeliveryError("id", b"event", "_MSG_TIMED_OUT", "it took too long")


@pytest.fixture
def log() -> ClientLog:
    return ClientLog(None)


@pytest.fixture
def pending(log: ClientLog) -> PendingReceipt:
    return PendingReceipt("id", "s", log)


def test_it_ends_in_a_receipt_or_in_an_error(pending: PendingReceipt, log: ClientLog) -> None:
    assert (pending.done(), pending.cancelled(), pending.cancel()) == (False, False, False)
    assert "pending" in repr(pending)
    pending.settle(RECEIPT, None)
    assert (pending.done(), pending.result(0), pending.result(), pending.exception(0)) == (True, RECEIPT, RECEIPT, None)
    failed = PendingReceipt("id", "s", log)
    failed.settle(None, FAILURE)
    assert failed.exception() is FAILURE
    with pytest.raises(DeliveryError):
        failed.result()


def test_it_knows_its_place_once_it_has_one(pending: PendingReceipt) -> None:
    with pytest.raises(PublishError, match="gets its place"):
        _ = pending.stream
    pending.place(3)
    assert pending.stream == Stream("s", 3)
    with pytest.raises(AttributeError, match="no attribute 'colour'"):
        _ = pending.colour  # type: ignore[attr-defined]


@pytest.mark.parametrize("ask", ["result", "exception"])
def test_waiting_too_long_says_why_as_far_as_it_is_known(pending: PendingReceipt, log: ClientLog, ask: str) -> None:
    with pytest.raises(TimeoutError, match=r"event id still waits .* after 0.01 s: no trouble .*: ask check_broker"):
        getattr(pending, ask)(0.01)
    log.note("_TRANSPORT", "127.0.0.1:9/bootstrap: Connect to ipv4#127.0.0.1:9 failed: Connection refused")
    with pytest.raises(TimeoutError, match=r"after 0 s: 127\.0\.0\.1:9 refuses connections: start the broker"):
        getattr(pending, ask)(0)


@pytest.mark.parametrize("timeout", [math.nan, -1, -0.001, "5", True, 10**400])
def test_a_time_that_is_none_is_refused(pending: PendingReceipt, timeout: Any) -> None:
    if timeout == 10**400:  # but this one is merely long
        pending.settle(RECEIPT, None)
        assert pending.result(timeout) == RECEIPT
        return
    with pytest.raises(ConfigurationError, match="timeout: "):
        pending.result(timeout)


@pytest.mark.parametrize("timeout", [math.inf, None, 1e300])
def test_a_wait_without_end_ends_with_the_event(pending: PendingReceipt, timeout: float | None) -> None:
    threading.Timer(0.1, pending.settle, (RECEIPT, None)).start()
    assert pending.result(timeout) == RECEIPT


def test_no_one_who_waits_is_forgotten(log: ClientLog) -> None:
    """The condition is made when it is first needed: by any of several threads, at any moment of the settling."""
    handles = [PendingReceipt("id", "s", log) for _ in range(1_500)]
    called: list[object] = []

    def wait(own: list[PendingReceipt]) -> int:
        return sum(handle.result(60).offset for handle in own)

    def listen(own: list[PendingReceipt]) -> int:
        for handle in own:
            handle.add_done_callback(called.append)
        return 0

    def settle(own: list[PendingReceipt]) -> int:
        for handle in own:
            handle.settle(RECEIPT, None)
        return 0

    with ThreadPoolExecutor(6) as pool:
        waits = [pool.submit(work, handles) for work in (wait, wait, listen, settle, listen)]
        assert [each.result(60) for each in waits] == [7 * 1_500] * 2 + [0] * 3
    assert len(called) == 2 * len(handles)


def test_those_who_look_into_futures_may_look_into_it(log: ClientLog) -> None:
    handles = [PendingReceipt("id", "s", log) for _ in range(4)]
    threading.Timer(0.1, lambda: [handle.settle(RECEIPT, None) for handle in handles[:3]]).start()
    threading.Timer(0.2, lambda: handles[3].settle(None, FAILURE)).start()
    first = concurrent.futures.wait(handles, 10, concurrent.futures.FIRST_EXCEPTION)
    assert first.not_done == set()
    assert len(list(concurrent.futures.as_completed(handles, 10))) == 4

    async def awaited() -> list[Any]:
        more = [PendingReceipt("id", "s", log) for _ in range(2)]
        threading.Timer(0.1, lambda: [more[0].settle(RECEIPT, None), more[1].settle(None, FAILURE)]).start()
        return await asyncio.gather(*map(asyncio.wrap_future, more), return_exceptions=True)

    assert asyncio.run(awaited()) == [RECEIPT, FAILURE]


def test_waiting_again_costs_nothing(pending: PendingReceipt) -> None:
    pending.settle(RECEIPT, None)
    done, _ = concurrent.futures.wait([pending], 0)
    assert done == {pending}
