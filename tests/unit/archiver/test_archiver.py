"""The archiver's body on a consumer that a test directs: it stops while it asks, and needs a partition to be ready."""

import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from auditseal_archiver import archiver
from auditseal_archiver.archiver import Archiver
from auditseal_archiver.config import ArchiverConfig
from auditseal_archiver.metrics import ArchiverMetrics
from auditseal_archiver.readiness import CONDITIONS, PARTITIONS
from auditseal_daemon import group_member
from auditseal_daemon.telemetry import Health
from auditseal_vault.directory import DirectoryVault
from tests.unit.archiver.consumers import GroupConsumer, SilentConsumer, stop_when_asked

SOON = 2.0  # s
CONFIG = ArchiverConfig(client={}, blocks_topic="blocks", logs={}, retention=timedelta(days=1))


def test_an_archiver_that_is_stopped_while_it_asks_leaves_as_one_that_worked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    consumer = SilentConsumer()
    monkeypatch.setattr(group_member, "Consumer", lambda settings: consumer)
    body = Archiver(CONFIG, DirectoryVault(tmp_path), ArchiverMetrics(CollectorRegistry()), Health(CONDITIONS))
    begun = time.monotonic()
    body.run(stop_when_asked(consumer))
    assert time.monotonic() - begun < SOON
    assert (consumer.assigned, consumer.closed) == (False, True)


def await_partitions(health: Health, reason: str | None) -> None:
    """Wait until the condition `partitions` is missing for a reason; None: until it holds."""
    deadline = time.monotonic() + SOON
    while health.missing().get(PARTITIONS) != reason:
        assert time.monotonic() < deadline, health.missing()
        time.sleep(0.01)


def test_an_archiver_without_a_partition_is_not_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    consumer, health, stop = GroupConsumer(), Health(CONDITIONS), threading.Event()
    monkeypatch.setattr(group_member, "Consumer", lambda settings: consumer)
    monkeypatch.setattr(archiver, "_UPKEEP_SECONDS", 0.0)
    body = Archiver(CONFIG, DirectoryVault(tmp_path), ArchiverMetrics(CollectorRegistry()), health)
    thread = threading.Thread(target=body.run, args=(stop,))
    thread.start()
    try:
        await_partitions(health, "no partition is assigned")
        consumer.assign(0)
        await_partitions(health, None)
        consumer.revoke(0)
        await_partitions(health, "no partition is assigned")
        consumer.assign()
        consumer.assign(1)
        await_partitions(health, None)
        consumer.revoke(1)
        consumer.assign()
        await_partitions(health, "no partition is assigned")
        assert consumer.news.empty()
    finally:
        stop.set()
        thread.join()
