"""The watch on topics and vault: what it looks at is what there is now, not what there was at the start."""

import queue
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from auditseal_daemon.topic_rules import TopicKind, TopicRules, TopicView
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.halt import Halt, HaltError
from auditseal_schemas.origin import Origin
from auditseal_sealer import new_partition
from auditseal_sealer.archive_age import ArchiveAge
from auditseal_sealer.config import Intervals, SealerConfig
from auditseal_sealer.watch import Watch, check_identity

RULES = TopicRules(replication=1, least_retention=0)
EVENTS = TopicView("events", "id 1", (1,), RULES.settings(TopicKind.EVENTS))
BLOCKS = TopicView("blocks", "id 2", (1,), RULES.settings(TopicKind.BLOCKS))
CONFIG = SealerConfig(
    client={},
    events_topic="events",
    blocks_topic="blocks",
    cluster="a",
    rules=RULES,
    intervals=Intervals(topics=0.01, vault=0.02),
)
HOUR = 3600


def keeping(hours: int) -> TopicView:
    return replace(BLOCKS, settings={**BLOCKS.settings, "retention.ms": str(hours * HOUR * 1000)})


@dataclass
class FakeCluster:
    """Answers with the topics that it has, and says when it was asked for the blocks topic."""

    topics: dict[str, TopicView]
    asked: "queue.Queue[str]" = field(default_factory=queue.Queue)

    def topic(self, name: str) -> TopicView | None:
        self.asked.put(name)
        return self.topics.get(name)


@dataclass
class FakePartition:
    """A log whose block 7 was sealed three hours ago, and no earlier one waits."""

    origin: Origin = field(default_factory=lambda: CONFIG.origin(0))
    archive_age: ArchiveAge = field(default_factory=ArchiveAge)
    held: "queue.Queue[HaltError]" = field(default_factory=queue.Queue)

    def __post_init__(self) -> None:
        self.archive_age.restart(7, int((time.time() - 3 * HOUR) * 1e6))

    def hold(self, error: HaltError) -> None:
        self.held.put(error)


@contextmanager
def watching(cluster: FakeCluster, archived: int, hours: int = 8) -> Iterator["queue.Queue[Exception]"]:
    """Watch from a moment on at which the topic kept blocks for so many hours."""
    failures: queue.Queue[Exception] = queue.Queue()

    class FakeLog:
        def height(self, near: int | None) -> int:
            assert near in {None, archived}, "the height at the last look is the guess at the next"
            return archived

    partition: Any = FakePartition()
    context: Any = SimpleNamespace(config=CONFIG, cluster=cluster, archive=lambda _: FakeLog())
    watch = Watch(context, (EVENTS, keeping(hours)), lambda: [partition], failures.put)
    try:
        yield failures
    finally:
        watch.close()


def test_a_log_that_the_archiver_does_not_know_is_held_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    archived = {CONFIG.origin(0): False, CONFIG.origin(1): True}
    monkeypatch.setattr(new_partition, "is_archived", lambda context, origin: archived[origin])
    partition: Any = FakePartition()
    cluster = FakeCluster({"events": replace(EVENTS, replicas=(1, 1)), "blocks": replace(keeping(4), replicas=(1, 1))})
    log = SimpleNamespace(height=lambda near: None)
    context: Any = SimpleNamespace(config=CONFIG, cluster=cluster, archive=lambda _: log)
    failures: queue.Queue[Exception] = queue.Queue()
    watch = Watch(context, (EVENTS, BLOCKS), lambda: [partition], failures.put)
    try:
        assert partition.held.get(timeout=60).halt is Halt.ARCHIVE_BEHIND
        assert failures.empty()
        assert [topic.partitions for topic in watch.topics] == [2, 2]
        archived[CONFIG.origin(1)] = False
        error = failures.get(timeout=60)
    finally:
        watch.close()
    assert isinstance(error, HaltError)
    assert error.halt is Halt.ARCHIVE_BEHIND


def looks(cluster: FakeCluster, times: int) -> None:
    """Wait until the topics were looked at so many times; the vault is looked at as well meanwhile."""
    for _ in range(2 * times):  # each time both topics are asked for
        cluster.asked.get(timeout=60)


def test_the_retention_that_counts_is_the_one_that_the_topic_has_now() -> None:
    with watching(FakeCluster({"events": EVENTS, "blocks": keeping(4)}), archived=6) as failures:
        error = failures.get(timeout=60)
    assert isinstance(error, HaltError)
    assert error.halt is Halt.ARCHIVE_BEHIND
    assert "retention is 7200 s" in str(error)


@pytest.mark.parametrize(
    ("before", "hours", "archived"), [(8, 8, 6), (4, 8, 6), (1, 1, 7)], ids=["as it was", "raised", "archived"]
)
def test_what_waits_for_less_than_half_of_it_is_fine(before: int, hours: int, archived: int) -> None:
    cluster = FakeCluster({"events": EVENTS, "blocks": keeping(hours)})
    with watching(cluster, archived, before) as failures:
        looks(cluster, 8)
    assert failures.empty()


@pytest.mark.parametrize(("name", "halt"), [("events", Halt.LOG_RECREATED), ("blocks", Halt.BLOCKS_LOST)])
def test_a_topic_that_goes_is_a_halt(name: str, halt: Halt) -> None:
    topics = {"events": EVENTS, "blocks": BLOCKS}
    del topics[name]
    with watching(FakeCluster(topics), archived=6) as failures:
        error = failures.get(timeout=60)
    assert isinstance(error, HaltError)
    assert error.halt is halt


def test_a_broker_whose_metadata_are_old_is_waited_for() -> None:
    grown = replace(EVENTS, replicas=(1, 1))
    check_identity((EVENTS, BLOCKS), (grown, BLOCKS))
    with pytest.raises(UnavailableError, match="events had 2 partitions, and a broker shows 1: its metadata is old"):
        check_identity((grown, BLOCKS), (EVENTS, BLOCKS))


def test_a_blocks_topic_with_too_few_partitions_stops_no_log() -> None:
    cluster = FakeCluster({"events": replace(EVENTS, replicas=(1, 1)), "blocks": keeping(8)})
    with watching(cluster, archived=6) as failures:
        looks(cluster, 4)
    assert failures.empty()


@pytest.mark.parametrize(
    ("now", "halt"),
    [
        ((replace(EVENTS, topic_id="id 3"), BLOCKS), Halt.LOG_RECREATED),
        ((EVENTS, replace(BLOCKS, topic_id="id 3")), Halt.BLOCKS_LOST),
    ],
)
def test_a_topic_of_another_id_is_another_topic(now: tuple[TopicView, TopicView], halt: Halt) -> None:
    check_identity((EVENTS, BLOCKS), (EVENTS, BLOCKS))
    with pytest.raises(HaltError) as caught:
        check_identity((EVENTS, BLOCKS), now)
    assert caught.value.halt is halt
