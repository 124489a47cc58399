"""A producer with a spool: accepted events are on disk, and are delivered in order, also by the next producer."""

import asyncio
import gc
import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from auditseal_producer import (
    AsyncAuditProducer,
    AuditProducer,
    BufferFullError,
    EventError,
    PendingReceipt,
    ProducerClosedError,
    ProducerConfig,
    PublishError,
    Receipt,
    SpoolBusyError,
    SpoolCorruptedError,
    SpoolError,
    StillSpooledError,
    UndeliveredError,
)
from auditseal_producer import spool_channel as module
from auditseal_producer.channel import Channel
from auditseal_producer.spool_channel import SpoolChannel
from auditseal_producer.spool_file import SpoolFile
from auditseal_schemas.errors import ConfigurationError
from auditseal_schemas.event_codec import decode_event
from auditseal_schemas.event_parts import Stream
from tests.factory.spools import FIELDS, change_database, spool_config


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.spool"


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL + 1, logger="auditseal_producer")


def channel_of(producer: AuditProducer) -> SpoolChannel:
    channel = producer._channel.get()
    assert isinstance(channel, SpoolChannel)
    return channel


def kept(path: Path) -> list[int]:
    """The numbers of the events in a closed spool, in the order of delivery."""
    with closing(SpoolFile(path)) as file:
        return [decode_event(each.event.encoded).stream.sequence for each in file.read(0, 10_000)]


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_an_event_is_on_disk_when_record_returns(path: Path) -> None:
    with AuditProducer(spool_config(path, broker=False)) as producer:
        pending = [producer.record(**FIELDS) for _ in range(3)]
        found = channel_of(producer)._file.read(0, 10)
        assert [each.event.event_id for each in found] == [each.event_id for each in pending]
        assert [each.stream.sequence for each in pending] == [0, 1, 2]
        assert producer.counts == (0, 0, 0, 3)


def test_delivered_events_get_receipts_and_leave_the_disk(path: Path) -> None:
    with AuditProducer(spool_config(path)) as producer:
        pending = [producer.record(**FIELDS) for _ in range(200)]
        receipts = [each.result(60) for each in pending]
        assert [receipt.event_id for receipt in receipts] == [each.event_id for each in pending]
        assert [receipt.stream for receipt in receipts] == [each.stream for each in pending]
        producer.flush(60)
        assert producer.counts == (200, 0, 0, 0)
    assert kept(path) == []


def test_what_one_producer_leaves_the_next_one_delivers_with_the_same_ids(path: Path) -> None:
    with AuditProducer(spool_config(path, broker=False)) as producer:
        left = [producer.record(**FIELDS) for _ in range(5)]
    for pending in left:
        with pytest.raises(StillSpooledError, match=rf"event {pending.event_id} is in the spool .*a\.spool: its next"):
            pending.result(0)
    assert kept(path) == [0, 1, 2, 3, 4]
    with AuditProducer(spool_config(path)) as producer:
        new = producer.record(**FIELDS)
        assert new.stream == Stream(left[0].stream.id, 5)
        producer.flush(60)
        assert producer.counts == (6, 0, 0, 0)
    assert kept(path) == []


def test_events_of_an_earlier_process_go_first_and_all_in_order(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with AuditProducer(spool_config(path, broker=False)) as producer:
        for _ in range(50):
            producer.record(**FIELDS)
    sent: list[int] = []

    class Spy(Channel):
        def offer(self, outgoing: Any) -> PendingReceipt | None:
            sent.append(outgoing.number)
            return super().offer(outgoing)

    monkeypatch.setattr(module, "Channel", Spy)
    with AuditProducer(spool_config(path)) as producer:
        for _ in range(50):
            producer.record(**FIELDS)
        producer.flush(60)
    assert sent == list(range(100))


def test_after_a_failure_another_channel_begins_at_the_first_unacknowledged_event(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first channel fails all events from number 3 on, as a gapless producer's fatal error does."""
    opened: list[list[int]] = []

    class Failing(Channel):
        def __init__(self, *of_channel: Any) -> None:
            super().__init__(*of_channel)
            self.sent: list[int] = []
            self.fails = not opened
            opened.append(self.sent)

        def offer(self, outgoing: Any) -> PendingReceipt | None:
            self.sent.append(outgoing.number)
            if self.fails and outgoing.number >= 3:
                pending = PendingReceipt(outgoing.event_id, outgoing.stream_id, self._log)
                pending.place(outgoing.number)
                pending.settle(None, RuntimeError("refused by the broker"))
                return pending
            return super().offer(outgoing)

    monkeypatch.setattr(module, "Channel", Failing)
    with AuditProducer(spool_config(path, broker=False)) as producer:
        for _ in range(10):
            producer.record(**FIELDS)
    opened.clear()
    with AuditProducer(spool_config(path)) as producer:
        producer.flush(60)
        assert producer.counts == (10, 0, 0, 0)
    assert opened[0] == [0, 1, 2, 3]
    assert opened[1] == list(range(opened[1][0], 10))
    assert opened[1][0] <= 3


def test_a_full_spool_presses_back_and_nothing_is_dropped(path: Path) -> None:
    with AuditProducer(spool_config(path, broker=False, spool_bytes=2 << 20, full_wait=0)) as producer:
        attributes = {"document": "x" * 200_000}
        for _ in range(10):
            producer.record(**FIELDS, attributes=attributes)
        with pytest.raises(BufferFullError, match=r"are in the spool .*a\.spool, and wait for 127\.0\.0\.1:9: no room"):
            producer.record(**FIELDS, attributes=attributes)
        assert producer.counts == (0, 0, 1, 10)
        assert channel_of(producer)._writer.bytes <= 2 << 20
    assert kept(path) == list(range(10))
    with AuditProducer(spool_config(path, spool_bytes=2 << 20, full_wait=60)) as producer:
        for _ in range(20):
            producer.record(**FIELDS, attributes=attributes)
        producer.flush(60)
        assert producer.counts == (30, 0, 0, 0)


def test_a_write_that_fails_refuses_its_events_and_takes_no_number(path: Path) -> None:
    with AuditProducer(spool_config(path, broker=False)) as producer:
        producer.record(**FIELDS)
        writer = channel_of(producer)._file._writer
        pages = writer.execute("PRAGMA page_count").fetchone()[0]
        writer.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(SpoolError, match=r"disk is full \(SQLITE_FULL\): free some space"):
            producer.record(**FIELDS, attributes={"a": "x" * 100_000})
        writer.execute("PRAGMA max_page_count = 1000000")
        assert producer.record(**FIELDS).stream.sequence == 1
        assert producer.counts == (0, 0, 1, 2)
    assert kept(path) == [0, 1]


def test_each_thread_gets_an_error_of_its_own(path: Path) -> None:
    with AuditProducer(spool_config(path, broker=False)) as producer:
        writer = channel_of(producer)._file._writer
        writer.execute(f"PRAGMA max_page_count = {writer.execute('PRAGMA page_count').fetchone()[0]}")
        errors: list[SpoolError] = []

        def work() -> None:
            with pytest.raises(SpoolError) as info:
                producer.record(**FIELDS, attributes={"a": "x" * 100_000})
            errors.append(info.value)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len({id(error) for error in errors}) == 8


def test_an_event_that_is_too_large_is_refused_alone(path: Path) -> None:
    with AuditProducer(spool_config(path, broker=False)) as producer:
        with pytest.raises(EventError, match="at most 1000000 are allowed"):
            producer.record(**FIELDS, attributes={str(number): "x" * 250_000 for number in range(4)})
        assert producer.record(**FIELDS).stream.sequence == 0
        assert producer.counts == (0, 0, 1, 1)


def test_many_threads_share_a_commit_and_each_event_has_its_number(path: Path) -> None:
    with AuditProducer(spool_config(path, broker=False)) as producer:
        channel = channel_of(producer)
        made: list[PendingReceipt] = []
        sizes: list[int] = []
        write = channel._file.write

        def write_late(events: Any, *others: Any) -> None:
            """Write the first event when all others wait."""
            until(lambda: sizes or len(channel._writer._queue) == 15)
            sizes.append(len(events))
            write(events, *others)

        channel._file.write = write_late  # type: ignore[method-assign]
        threads = [threading.Thread(target=lambda: made.append(producer.record(**FIELDS))) for _ in range(16)]
        threads[0].start()
        until(lambda: channel._writer.events == 1 and not channel._writer._queue)
        for thread in threads[1:]:
            thread.start()
        for thread in threads:
            thread.join()
        assert sizes == [1, 15]
        assert sorted(each.stream.sequence for each in made) == list(range(16))


def test_republished_events_keep_their_stream_and_take_no_number(path: Path) -> None:
    with AuditProducer(spool_config(path, broker=False)) as producer:
        pending = producer.record(**FIELDS)
        encoded = channel_of(producer)._file.read(0, 1)[0].event.encoded
        again = producer.republish(encoded)
        assert (again.event_id, again.stream) == (pending.event_id, pending.stream)
        assert producer.record(**FIELDS).stream.sequence == 1
    assert kept(path) == [0, 0, 1]


def test_callbacks_run_and_handles_that_nobody_holds_cost_nothing(path: Path) -> None:
    with AuditProducer(spool_config(path, broker=False)) as producer:
        told: list[BaseException | None] = []
        producer.record(**FIELDS).add_done_callback(lambda done: told.append(done.exception(0)))
        for _ in range(20):
            producer.record(**FIELDS)
        gc.collect()
        assert len(channel_of(producer)._writer.handles) == 1
    assert [type(error) for error in told] == [StillSpooledError]


def test_a_callback_may_record_but_not_wait_for_the_disk_to_empty(path: Path) -> None:
    with AuditProducer(spool_config(path)) as producer:
        told: list[Any] = []

        def callback(_: object) -> None:
            told.append(producer.record(**FIELDS))
            try:
                producer.flush(1)
            except PublishError as error:
                told.append(error)

        producer.record(**FIELDS).add_done_callback(callback)
        until(lambda: len(told) == 2)
        assert told[0].result(60).stream.sequence == 1
        assert "a callback can't call flush()" in str(told[1])


def test_a_finalizer_may_record_within_record(path: Path) -> None:
    """Garbage is collected at any time: here in the middle of another call, whose thread holds the lock."""
    with AuditProducer(spool_config(path, broker=False)) as producer:
        made: list[PendingReceipt] = []

        class Garbage:
            def __del__(self) -> None:
                made.append(producer.record(**FIELDS))

        class Queue(type(channel_of(producer)._writer._queue)):  # type: ignore[misc]
            def append(self, waiting: object) -> None:
                super().append(waiting)
                if not made:
                    made.append(None)  # type: ignore[arg-type]
                    Garbage()

        channel_of(producer)._writer._queue = Queue()
        outer = producer.record(**FIELDS)
        assert (outer.stream.sequence, made[1].stream.sequence) == (0, 1)


def test_flush_and_close_tell_apart_what_is_lost_and_what_is_on_disk(path: Path) -> None:
    producer = AuditProducer(spool_config(path, broker=False))
    producer.record(**FIELDS)
    with pytest.raises(UndeliveredError, match="1 events still wait"):
        producer.flush(0.1)
    producer.close(0)
    producer.close(0)
    with pytest.raises(ProducerClosedError):
        producer.record(**FIELDS)
    assert kept(path) == [0]


def test_the_next_producer_is_told_of_what_stays(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, logger="auditseal_producer")
    with AuditProducer(spool_config(path, broker=False)) as producer:
        producer.record(**FIELDS)
    assert any("1 events stay in the spool" in record.getMessage() for record in caplog.records)
    assert not any("gapless" in record.getMessage() for record in caplog.records)


def test_two_producers_on_one_path(path: Path) -> None:
    with AuditProducer(spool_config(path, broker=False)):
        with pytest.raises(SpoolBusyError, match="is held by another producer of this process: give each producer"):
            AuditProducer(spool_config(path, broker=False))
        with AuditProducer(spool_config(path.with_name("b.spool"), broker=False)) as other:
            other.record(**FIELDS)


def test_settings_that_librdkafka_refuses_leave_the_spool_free(path: Path) -> None:
    with pytest.raises(ConfigurationError, match="librdkafka refuses"):
        AuditProducer(spool_config(path, kafka={"no.such.setting": "1"}))
    with AuditProducer(spool_config(path, broker=False)) as producer:
        producer.record(**FIELDS)


def test_a_forked_child_is_refused_and_the_parent_goes_on(path: Path) -> None:
    with AuditProducer(spool_config(path, broker=False)) as producer:
        producer.record(**FIELDS)
        child = os.fork()
        if child == 0:
            try:
                producer.record(**FIELDS)
            except SpoolBusyError:
                os._exit(7)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        assert producer.record(**FIELDS).stream.sequence == 1
    assert kept(path) == [0, 1]


def test_damage_that_delivery_finds_stops_everything_and_says_so(path: Path) -> None:
    with AuditProducer(spool_config(path, broker=False)) as producer:
        for _ in range(3):
            producer.record(**FIELDS)
    config = spool_config(path)
    file = SpoolFile(path)  # checked, and damaged only then
    file.close()
    producer = AuditProducer(replace(config, kafka={}))
    channel = channel_of(producer)
    channel._delivery.stop(10)
    change_database(path, "UPDATE event SET encoded = ? WHERE position = 2", b"rot")
    channel._delivery = module.SpoolDelivery(
        channel._file, channel._writer, lambda: Channel(config, None, channel._log), channel._log
    )
    channel._delivery.start()
    until(lambda: channel._writer.problem)
    with pytest.raises(SpoolCorruptedError, match="the event at position 2 is damaged"):
        producer.record(**FIELDS)
    with pytest.raises(SpoolCorruptedError):
        producer.close(5)


def test_coroutines_wait_for_the_disk_or_for_the_receipt(path: Path) -> None:
    async def run() -> None:
        async with AsyncAuditProducer(spool_config(path)) as producer:
            handles = await asyncio.gather(*(producer.accept(**FIELDS) for _ in range(50)))
            assert [handle.stream.sequence for handle in handles] == list(range(50))
            receipt = await producer.record(**FIELDS)
            assert isinstance(receipt, Receipt)
            assert receipt.stream.sequence == 50
            assert (await asyncio.wrap_future(handles[3])).event_id == handles[3].event_id

    asyncio.run(run())
    assert kept(path) == []


def test_coroutines_are_told_of_a_full_spool_and_of_a_full_disk(path: Path) -> None:
    async def run() -> None:
        async with AsyncAuditProducer(
            spool_config(path, broker=False, spool_bytes=2 << 20, full_wait=0.05)
        ) as producer:
            for _ in range(10):
                await producer.accept(**FIELDS, attributes={"document": "x" * 200_000})
            with pytest.raises(BufferFullError):
                await producer.accept(**FIELDS, attributes={"document": "x" * 200_000})
            channel = producer._channel.get()
            assert isinstance(channel, SpoolChannel)
            writer = channel._file._writer
            writer.execute(f"PRAGMA max_page_count = {writer.execute('PRAGMA page_count').fetchone()[0]}")
            with pytest.raises(SpoolError, match="disk is full"):
                await asyncio.gather(*(producer.accept(**FIELDS, attributes={"a": "x" * 9_000}) for _ in range(2)))

    asyncio.run(run())
    assert len(kept(path)) == 10


@pytest.mark.parametrize("spool", ["", 7, b"path"])
def test_a_spool_that_is_not_a_path_is_refused(spool: Any) -> None:
    with pytest.raises(ConfigurationError, match="spool: must be the path of a file"):
        ProducerConfig(bootstrap_servers="127.0.0.1:9", service="s", environment="e", spool=spool)


def test_a_spool_of_no_size_is_refused(path: Path) -> None:
    with pytest.raises(ConfigurationError, match="spool_bytes: must be from 2097152 to 1099511627776, not 1"):
        spool_config(path, spool_bytes=1)
