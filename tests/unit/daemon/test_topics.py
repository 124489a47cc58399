"""Growing both topics: in the order that is safe, and again after an interruption at any step."""

import pytest

from auditseal_daemon import topics
from auditseal_daemon.topic_rules import TopicView
from auditseal_daemon.topics import grow_topics
from auditseal_schemas.errors import ConfigurationError, UnavailableError


class GrowingCluster:
    """Two topics whose partitions can grow.

    Attributes:
        steps: What was done, in order.
        fails_at: The step at which the next call ends.
        refusals: How often a topic that was changed is still refused, as by a broker that does not know it yet.
    """

    def __init__(self, **partitions: int) -> None:
        self.partitions = partitions
        self.steps: list[str] = []
        self.fails_at = ""
        self.refusals = 0

    def topic(self, name: str) -> TopicView | None:
        if self.steps and self.refusals:
            self.refusals -= 1
            raise UnavailableError(f"topic {name} can't be described")
        return TopicView(name, "id", (1,) * self.partitions[name], {}) if name in self.partitions else None

    def add_partitions(self, name: str, partitions: int) -> None:
        self.step(f"{name} {partitions}")
        self.partitions[name] = partitions

    def pin(self) -> None:
        self.step("pin")

    def step(self, name: str) -> None:
        if name == self.fails_at:
            self.fails_at = ""
            raise UnavailableError(name)
        self.steps.append(name)

    def grow(self, partitions: int) -> list[str]:
        return grow_topics(self, "events", "blocks", partitions, self.pin)  # type: ignore[arg-type]


ALL = ["blocks 6", "pin", "events 6"]


def test_blocks_grow_first_then_the_logs_are_pinned_then_events_grow() -> None:
    cluster = GrowingCluster(events=3, blocks=3)
    assert cluster.grow(6) == ["blocks", "events"]
    assert cluster.steps == ALL


@pytest.mark.parametrize("step", ALL)
def test_after_an_interruption_the_rest_is_done(step: str) -> None:
    cluster = GrowingCluster(events=3, blocks=3)
    cluster.fails_at = step
    with pytest.raises(UnavailableError):
        cluster.grow(6)
    assert cluster.steps == ALL[: ALL.index(step)]
    cluster.grow(6)
    assert [name for name in cluster.steps if name != "pin"] == ["blocks 6", "events 6"]
    assert cluster.steps.index("pin") < cluster.steps.index("events 6")
    assert cluster.grow(6) == []


@pytest.mark.parametrize("partitions", [{"events": 7, "blocks": 7}, {"events": 3, "blocks": 7}])
def test_partitions_never_become_fewer(partitions: dict[str, int]) -> None:
    cluster = GrowingCluster(**partitions)
    with pytest.raises(ConfigurationError, match="has 7 partitions, and Kafka can't reduce them to 6"):
        cluster.grow(6)
    assert cluster.steps == []


def test_a_topic_that_is_not_there_does_not_grow() -> None:
    cluster = GrowingCluster(events=3)
    with pytest.raises(ConfigurationError, match="no topic blocks"):
        cluster.grow(6)


def test_a_broker_that_does_not_know_a_change_yet_is_asked_again() -> None:
    cluster = GrowingCluster(events=3, blocks=3)
    cluster.refusals = 2
    assert cluster.grow(6) == ["blocks", "events"]
    assert cluster.refusals == 0


def test_the_last_refusal_is_in_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topics, "_KNOWN_SECONDS", 0.2)
    cluster = GrowingCluster(events=3, blocks=3)
    cluster.refusals = 1 << 30
    with pytest.raises(UnavailableError, match=r"blocks was changed, .* after 0\.2 s: topic blocks can't be described"):
        cluster.grow(6)


def test_brokers_that_do_not_show_the_partitions_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topics, "_KNOWN_SECONDS", 0.2)
    cluster = GrowingCluster(events=3, blocks=3)
    monkeypatch.setattr(cluster, "add_partitions", lambda name, partitions: None)
    with pytest.raises(UnavailableError, match="blocks was changed"):
        cluster.grow(6)
    assert cluster.steps == []
