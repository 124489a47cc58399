"""The lane: a thread that can be fed, watched, cancelled and abandoned."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from auditseal_archiver.keeper import RewindNeededError
from auditseal_archiver.lane import Handed, Lane
from auditseal_schemas.halt import Halt, HaltError
from tests.factory.archiving import TOPIC, FaultyVault, keeper_config, new_metrics, store
from tests.factory.blocks import chain

BLOCKS, _ = chain(3, 2, 4)
LABELS = {"topic": TOPIC, "partition": "3"}


def handed(height: int) -> Handed:
    return Handed(10 + height, BLOCKS[height].format(), time.time() - 5)


def eventually(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < deadline, "it did not come true within 5 s"
        time.sleep(0.005)


@pytest.fixture
def vault(tmp_path: Path) -> FaultyVault:
    return FaultyVault(tmp_path)


def new_lane(vault: FaultyVault, *, from_start: bool = True) -> tuple[Lane, CollectorRegistry]:
    metrics, registry = new_metrics()
    return Lane(keeper_config(from_start=from_start), vault, metrics), registry


def test_it_archives_and_says_how_far_it_is(vault: FaultyVault) -> None:
    lane, registry = new_lane(vault)
    for height in range(3):
        lane.offer(handed(height))
    eventually(lambda: lane.position == 13)
    lane.check()
    eventually(lambda: not lane.queued_bytes)
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
    lane.cancel()
    lane.wait(5)


def test_a_write_that_hangs_ages_and_is_abandoned(vault: FaultyVault) -> None:
    vault.blocked = threading.Event()
    lane, registry = new_lane(vault)
    lane.offer(handed(0))
    age = registry.get_sample_value("auditseal_oldest_unarchived_block_age_seconds", LABELS)
    assert age is not None
    assert age >= 5
    assert lane.queued_bytes == len(BLOCKS[0].format())
    lane.cancel()
    begun = time.monotonic()
    lane.wait(0.1)
    assert time.monotonic() - begun < 2
    assert lane.position is None
    vault.blocked.set()
    lane.wait(5)


def test_an_absent_store_is_waited_for(vault: FaultyVault) -> None:
    vault.faults["put"] = ["before"]
    lane, registry = new_lane(vault)
    lane.offer(handed(0))
    eventually(lambda: lane.trouble or lane.position)
    eventually(lambda: lane.position == 11)
    assert lane.trouble is None
    failures = registry.get_sample_value("auditseal_archive_put_failures_total", {**LABELS, "reason": "store"})
    assert failures == 1


def test_waiting_for_an_absent_store_can_be_cancelled(vault: FaultyVault) -> None:
    vault.faults["versions"] = ["before"] * 1000
    lane, _ = new_lane(vault)
    eventually(lambda: lane.trouble)
    lane.cancel()
    lane.wait(5)
    lane.check()


def test_a_halt_is_raised_where_it_is_looked_for(vault: FaultyVault) -> None:
    lane, registry = new_lane(vault)
    lane.offer(Handed(10, b"garbage", time.time()))
    eventually(lambda: registry.get_sample_value("auditseal_verify_failures_total", {"verdict": "MALFORMED"}))
    lane.wait(5)
    with pytest.raises(HaltError, match=r"offset 10 of audit.blocks/3") as caught:
        lane.check()
    assert caught.value.halt is Halt.INVALID_BLOCK
    reason = {**LABELS, "reason": "invalid-block"}
    assert registry.get_sample_value("auditseal_archive_put_failures_total", reason) == 1


@pytest.mark.parametrize("feed", [lambda lane: lane.offer(handed(2)), lambda lane: lane.offer_end()])
def test_a_start_that_does_not_join_the_vault_asks_for_the_beginning(
    vault: FaultyVault, feed: Callable[[Lane], None]
) -> None:
    store(vault, BLOCKS[0])
    lane, _ = new_lane(vault, from_start=False)
    feed(lane)
    lane.wait(5)
    with pytest.raises(RewindNeededError):
        lane.check()


def test_an_empty_topic_is_no_reason_to_rewind(vault: FaultyVault) -> None:
    lane, _ = new_lane(vault)
    lane.offer_end()
    lane.offer(handed(0))
    eventually(lambda: lane.position == 11)
    lane.check()


def test_gauges_of_a_log_that_went_elsewhere_are_gone(vault: FaultyVault) -> None:
    metrics, registry = new_metrics()
    lane = Lane(keeper_config(), vault, metrics)
    lane.offer(handed(0))
    eventually(lambda: registry.get_sample_value("auditseal_chain_height", LABELS) == 1)
    lane.cancel()
    lane.wait(5)
    metrics.forget(TOPIC, 3)
    assert registry.get_sample_value("auditseal_chain_height", LABELS) is None
    assert registry.get_sample_value("auditseal_blocks_archived_total", LABELS) == 1
