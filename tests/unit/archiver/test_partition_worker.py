"""A partition's worker: its thread is given blocks, watched, cancelled and abandoned."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from auditseal_archiver import written_blocks
from auditseal_archiver.archiving_state import ArchivingState
from auditseal_archiver.errors import RewindNeededError
from auditseal_archiver.partition_worker import PartitionWorker, ReceivedBlock
from auditseal_schemas.halt import Halt, HaltError
from tests.factory.archiving import TOPIC, FaultyVault, new_metrics, partition_config, store
from tests.factory.blocks import chain

BLOCKS, _ = chain(3, 2, 4)
LABELS = {"topic": TOPIC, "partition": "3"}


def received(height: int) -> ReceivedBlock:
    return ReceivedBlock(10 + height, BLOCKS[height].format(), time.time() - 5)


def eventually(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, "it did not come true within 60 s"
        time.sleep(0.005)


@pytest.fixture
def vault(tmp_path: Path) -> FaultyVault:
    return FaultyVault(tmp_path)


@pytest.fixture
def checked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Written blocks are checked at once."""
    monkeypatch.setattr(written_blocks, "CHECK_SECONDS", 0)


def new_worker(vault: FaultyVault, *, from_beginning: bool = True) -> tuple[PartitionWorker, CollectorRegistry]:
    metrics, registry = new_metrics()
    return PartitionWorker(partition_config(from_beginning=from_beginning), vault, metrics), registry


@pytest.mark.usefixtures("checked_at_once")
def test_it_archives_and_says_how_far_it_is(vault: FaultyVault) -> None:
    worker, registry = new_worker(vault)
    for height in range(3):
        worker.offer(received(height))
    eventually(lambda: worker.position == 13)
    worker.check()
    eventually(lambda: not worker.queued_bytes)
    values = {
        name: registry.get_sample_value(f"auditseal_{name}", LABELS)
        for name in (
            "blocks_archived_total",
            "events_archived_total",
            "chain_height",
            "oldest_unarchived_block_age_seconds",
        )
    }
    assert values == {
        "blocks_archived_total": 3,
        "events_archived_total": 9,
        "chain_height": 3,
        "oldest_unarchived_block_age_seconds": 0,
    }
    assert registry.get_sample_value("auditseal_event_to_archived_seconds_count") == 3
    assert registry.get_sample_value("auditseal_s3_put_seconds_count") == 3
    assert registry.get_sample_value("auditseal_last_archived_timestamp_seconds", LABELS) == pytest.approx(
        time.time(), abs=5
    )
    remaining = registry.get_sample_value("auditseal_object_lock_retention_remaining_seconds", LABELS)
    assert remaining is not None
    assert remaining > 0
    worker.cancel()
    worker.wait(60)


def test_a_position_waits_for_the_check(vault: FaultyVault) -> None:
    worker, registry = new_worker(vault)
    worker.offer(received(0))
    eventually(lambda: registry.get_sample_value("auditseal_blocks_archived_total", LABELS) == 1)
    assert worker.position is None
    worker.cancel()  # an orderly end checks what was written
    worker.wait(60)
    assert worker.position == 11
    worker, _ = new_worker(vault)
    worker.offer(received(0))  # a block that the vault has already is compared, and its position needs no check
    eventually(lambda: worker.position == 11)
    vault.marked.add(BLOCKS[1].header.origin.block_key(1))
    worker.offer(received(1))
    eventually(lambda: not worker.queued_bytes)
    worker.cancel()
    worker.wait(60)
    assert worker.position == 11


@pytest.mark.usefixtures("checked_at_once")
def test_a_check_that_fails_halts_the_worker(vault: FaultyVault) -> None:
    store(vault, BLOCKS[0])
    worker, _ = new_worker(vault)
    eventually(lambda: worker.state is ArchivingState.ARCHIVING)
    vault.marked.add(BLOCKS[1].header.origin.block_key(1))
    worker.offer(received(1))
    worker.wait(60)
    with pytest.raises(HaltError, match="delete marker") as caught:
        worker.check()
    assert caught.value.halt is Halt.SQUATTED


def test_a_write_that_hangs_ages_and_is_abandoned(vault: FaultyVault) -> None:
    vault.blocked = threading.Event()
    worker, registry = new_worker(vault)
    worker.offer(received(0))
    age = registry.get_sample_value("auditseal_oldest_unarchived_block_age_seconds", LABELS)
    assert age is not None
    assert age >= 5
    assert worker.queued_bytes == len(BLOCKS[0].format())
    worker.cancel()
    begun = time.monotonic()
    worker.wait(0.1)
    assert time.monotonic() - begun < 20
    assert worker.position is None
    vault.blocked.set()
    worker.wait(60)


@pytest.mark.usefixtures("checked_at_once")
def test_an_absent_store_is_waited_for(vault: FaultyVault) -> None:
    vault.faults["put"] = ["before"]
    worker, registry = new_worker(vault)
    worker.offer(received(0))
    eventually(lambda: worker.trouble or worker.position)
    eventually(lambda: worker.position == 11)
    assert worker.trouble is None
    failures = registry.get_sample_value("auditseal_archive_put_failures_total", {**LABELS, "reason": "store"})
    assert failures == 1


def test_waiting_for_an_absent_store_can_be_cancelled(vault: FaultyVault) -> None:
    vault.faults["versions"] = ["before"] * 1000
    worker, _ = new_worker(vault)
    eventually(lambda: worker.trouble)
    worker.cancel()
    worker.wait(60)
    worker.check()


def test_a_halt_is_raised_where_it_is_looked_for(vault: FaultyVault) -> None:
    worker, registry = new_worker(vault)
    worker.offer(ReceivedBlock(10, b"garbage", time.time()))
    eventually(lambda: registry.get_sample_value("auditseal_verify_failures_total", {"verdict": "MALFORMED"}))
    worker.wait(60)
    with pytest.raises(HaltError, match=r"offset 10 of audit.blocks/3") as caught:
        worker.check()
    assert caught.value.halt is Halt.INVALID_BLOCK
    reason = {**LABELS, "reason": "invalid-block"}
    assert registry.get_sample_value("auditseal_archive_put_failures_total", reason) == 1


@pytest.mark.parametrize("feed", [lambda worker: worker.offer(received(2)), lambda worker: worker.offer_end()])
def test_a_start_that_does_not_join_the_vault_asks_for_the_beginning(
    vault: FaultyVault, feed: Callable[[PartitionWorker], None]
) -> None:
    store(vault, BLOCKS[0])
    worker, _ = new_worker(vault, from_beginning=False)
    feed(worker)
    worker.wait(60)
    with pytest.raises(RewindNeededError):
        worker.check()


@pytest.mark.usefixtures("checked_at_once")
def test_an_empty_topic_is_no_reason_to_rewind(vault: FaultyVault) -> None:
    worker, _ = new_worker(vault)
    worker.offer_end()
    worker.offer(received(0))
    eventually(lambda: worker.position == 11)
    worker.check()


def test_gauges_of_a_log_that_went_elsewhere_are_gone(vault: FaultyVault) -> None:
    metrics, registry = new_metrics()
    worker = PartitionWorker(partition_config(), vault, metrics)
    worker.offer(received(0))
    eventually(lambda: registry.get_sample_value("auditseal_chain_height", LABELS) == 1)
    worker.cancel()
    worker.wait(60)
    metrics.forget(TOPIC, 3)
    assert registry.get_sample_value("auditseal_chain_height", LABELS) is None
    assert registry.get_sample_value("auditseal_blocks_archived_total", LABELS) == 1
