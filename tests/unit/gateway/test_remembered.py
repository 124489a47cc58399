"""Events recorded lately: found by source and id, kept small, and forgotten when they fail or are too many."""

import asyncio
import gc

import pytest

from auditseal_gateway.remembered import Entry, Remembered
from auditseal_producer import DeliveryError, Receipt
from auditseal_schemas.event_parts import Stream
from tests.factory.gateway import BILLING, PORTAL, event

FAILURE = DeliveryError("id", b"event", "_MSG_TIMED_OUT", "it took too long")


def receipt(number: int) -> Receipt:
    return Receipt("t", 0, None, 1, str(event(number)["event_id"]), Stream("s", number), bytes(32))


def entry(number: int) -> Entry:
    return Entry(str(event(number)["event_id"]), b"digest", asyncio.get_running_loop().create_future())


def test_a_retry_finds_the_event_before_and_after_its_end() -> None:
    async def run() -> None:
        remembered, first = Remembered(10), entry(1)
        remembered.add(BILLING, first)
        assert remembered.find(BILLING, first.event_id) is first
        assert remembered.find(PORTAL, first.event_id) is None
        first.receipt.set_result(receipt(1))
        await asyncio.sleep(0)
        found = remembered.find(BILLING, first.event_id)
        assert found
        assert (found.event_id, found.digest, found.receipt.result()) == (first.event_id, b"digest", receipt(1))

    asyncio.run(run())


def test_an_event_that_fails_is_forgotten_and_the_oldest_beyond_the_bound() -> None:
    async def run() -> None:
        remembered, entries = Remembered(3), [entry(number) for number in range(5)]
        for each in entries[:3]:
            remembered.add(BILLING, each)
        entries[1].receipt.set_exception(FAILURE)
        await asyncio.sleep(0)
        assert [remembered.find(BILLING, each.event_id) for each in entries[:3]] == [entries[0], None, entries[2]]
        for each in entries[3:]:
            remembered.add(BILLING, each)
        entries[0].receipt.set_result(receipt(0))  # which is forgotten by now
        await asyncio.sleep(0)
        assert (len(remembered), remembered.find(BILLING, entries[0].event_id)) == (3, None)

    asyncio.run(run())


def test_an_event_that_was_sent_again_after_it_was_forgotten_is_not_ended_by_the_first_one() -> None:
    async def run() -> None:
        remembered, first, again = Remembered(1), entry(1), entry(1)
        for each in (first, entry(2), again):
            remembered.add(BILLING, each)
        first.receipt.set_exception(FAILURE)
        await asyncio.sleep(0)
        assert remembered.find(BILLING, again.event_id) is again

    asyncio.run(run())


@pytest.mark.parametrize("count", [1_000])
def test_recorded_events_are_no_work_for_the_garbage_collector(count: int) -> None:
    async def run() -> int:
        remembered = Remembered(count)
        gc.collect()
        before = len(gc.get_objects())
        for number in range(count):
            each = entry(number)
            remembered.add(BILLING, each)
            each.receipt.set_result(receipt(number))
        del each
        await asyncio.sleep(0)
        gc.collect()
        return len(gc.get_objects()) - before

    assert asyncio.run(run()) < count / 2
