"""The sealer's body on scripted collaborators: whose word counts for readiness, and what ends it."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from auditseal_schemas.block_draft import CloseReason
from auditseal_schemas.errors import ConfigurationError
from auditseal_schemas.origin import Origin
from auditseal_sealer import sealer as body
from auditseal_sealer.config import SealerConfig, Timeouts
from auditseal_sealer.context import SealerContext
from auditseal_sealer.descriptors import least_descriptors
from auditseal_sealer.errors import FencedError
from auditseal_sealer.log_signers import LogSigners
from auditseal_sealer.metrics import LogMetrics, SealerMetrics
from auditseal_sealer.partition_sealer import Owner
from auditseal_sealer.sealer import Sealer
from auditseal_sealer.sealing_state import SealingState
from tests.factory.keys import SIGNER

CONFIG = SealerConfig(
    client={}, events_topic="events", blocks_topic="blocks", cluster="c", group="g", timeouts=Timeouts(finish=0.1)
)
Step = Callable[["ScriptedMembership"], None]


class ScriptedMembership:
    """Takes a step of a script at each poll; after the last one the sealer is told to stop."""

    def __init__(self, script: Sequence[Step], stop: threading.Event) -> None:
        self._script, self._stop = list(script), stop
        self.problem: str | None = None
        self.left = False

    def join(self, **callbacks: Callable[[Sequence[int]], None]) -> None:
        self.assign, self.revoke = callbacks["on_assigned"], callbacks["on_revoked"]
        self.lose = callbacks["on_lost"]

    def poll(self, timeout: float) -> None:
        if self._script:
            self._script.pop(0)(self)
        else:
            self._stop.set()

    def trouble(self) -> str | None:
        return self.problem

    def metadata(self) -> None:
        return None

    def close(self, timeout: float) -> None:
        self.left = True


class ScriptedPartition:
    """Says that it seals as soon as it is made, from a thread of its own; and something else when it ends."""

    made: list["ScriptedPartition"]

    def __init__(self, context: SealerContext, origin: Origin, metrics: LogMetrics, owner: Owner) -> None:
        self.origin, self.metrics, self._owner = origin, metrics, owner
        self.made.append(self)
        threading.Thread(target=self.report, args=(None,)).start()

    def report(self, problem: str | None) -> None:
        state = SealingState.WAITING if problem else SealingState.SEALING
        self._owner.report(self, state, problem)  # type: ignore[arg-type]

    def finish(self, reason: CloseReason) -> None:
        self.report(f"failed when it ended: {reason}")

    def abandon(self) -> None:
        self.report("failed when it was abandoned")

    def join(self, seconds: float) -> bool:
        return True


class Stage:
    """A sealer, and what it says of its readiness."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch, self.told, self.news = monkeypatch, list[str | None](), threading.Condition()
        self.registry = CollectorRegistry()
        ScriptedPartition.made = []
        for name, stub in {
            "PartitionSealer": ScriptedPartition,
            "Watch": _NoWatch,
            "inspect_topics": lambda *_: None,
        }.items():
            monkeypatch.setattr(body, name, stub)

    def run(self, *script: Step) -> ScriptedMembership:
        stop = threading.Event()
        membership = ScriptedMembership(script, stop)
        self.monkeypatch.setattr(body, "Membership", lambda *_: membership)
        nothing: Any = None
        context = SealerContext(CONFIG, LogSigners(SIGNER), nothing, nothing, SealerMetrics(self.registry), nothing)
        try:
            Sealer(context, self._tell).run(stop)
        finally:
            assert membership.left
        return membership

    def _tell(self, missing: str | None) -> None:
        with self.news:
            self.told.append(missing)
            self.news.notify_all()

    def await_told(self, missing: str | None) -> Step:
        """Wait until that is the last word on readiness."""

        def wait(_: ScriptedMembership) -> None:
            with self.news:
                assert self.news.wait_for(lambda: self.told[-1:] == [missing], 10), self.told

        return wait


class _NoWatch:
    def __init__(self, *_: Any) -> None: ...

    def close(self) -> None: ...


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(monkeypatch)


@pytest.mark.parametrize("end", ["revoke", "lose"])
def test_a_chain_that_fails_while_its_partition_goes_doesnt_count(stage: Stage, end: str) -> None:
    stage.run(
        lambda member: member.assign([0, 1]),
        stage.await_told(None),
        lambda member: getattr(member, end)([1]),
        stage.await_told(None),
        lambda member: ScriptedPartition.made[0].report("one that is at work counts"),
        stage.await_told(f"{CONFIG.origin(0)}: one that is at work counts"),
    )


def test_lost_partitions_are_told_and_handed_over_ones_are_not(stage: Stage) -> None:
    """Of a loss nobody else tells: a chain that is abandoned ends without a word."""
    with capture_logs() as lines:
        stage.run(lambda m: m.assign([0, 1, 2]), lambda m: m.revoke([2]), lambda m: m.lose([1, 0]))
    (line,) = [line for line in lines if line["log_level"] == "warning"]
    assert line == {"event": "partitions were lost to the group", "partitions": [0, 1], "log_level": "warning"}


def test_a_chain_of_a_partition_that_went_and_came_back_doesnt_speak_for_its_successor(stage: Stage) -> None:
    stage.run(
        lambda member: member.assign([0]),
        stage.await_told(None),
        lambda member: member.revoke([0]),
        stage.await_told("no partition is assigned"),
        lambda member: member.assign([0]),
        stage.await_told(None),
        lambda member: ScriptedPartition.made[0].report("late"),
        stage.await_told(None),
    )


@pytest.mark.parametrize("end", ["revoke", "lose"])
def test_the_gauges_of_a_partition_go_with_it(stage: Stage, end: str) -> None:
    def heights() -> list[float | None]:
        labels = [{"topic": "events", "partition": number} for number in ("0", "1")]
        return [stage.registry.get_sample_value("auditseal_chain_height", label) for label in labels]

    def know_heights(_: ScriptedMembership) -> None:
        for chain in ScriptedPartition.made:
            chain.metrics.height.set(1)
        assert heights() == [1, 1]

    def look(_: ScriptedMembership) -> None:
        assert heights() == [1, None]

    stage.run(
        lambda member: member.assign([0, 1]),
        know_heights,
        lambda member: getattr(member, end)([1]),
        look,
    )
    assert heights() == [None, None]


def test_each_logs_state_shows_as_long_as_the_sealer_has_it(stage: Stage) -> None:
    def states() -> dict[str, str]:
        (metric,) = (each for each in stage.registry.collect() if each.name == "auditseal_log_state")
        return {each.labels["partition"]: each.labels["state"] for each in metric.samples if each.value == 1}

    def check(expected: dict[str, str]) -> Step:
        def look(_: ScriptedMembership) -> None:
            assert states() == expected

        return look

    stage.run(
        lambda member: member.assign([0, 1]),
        stage.await_told(None),
        check({"0": "sealing", "1": "sealing"}),
        lambda member: ScriptedPartition.made[1].report("Kafka is away"),
        check({"0": "sealing", "1": "waiting"}),
        lambda member: member.revoke([1]),
        check({"0": "sealing"}),
    )
    assert states() == {}


def test_trouble_with_the_group_is_told_until_it_is_over(stage: Stage) -> None:
    def trouble(problem: str | None) -> Step:
        return lambda member: setattr(member, "problem", problem)

    stage.run(
        lambda member: member.assign([0]),
        stage.await_told(None),
        trouble("not allowed"),
        stage.await_told("the group g: not allowed"),
        trouble(None),
        stage.await_told(None),
    )


def test_a_sealer_that_the_group_has_given_up_ends(stage: Stage) -> None:
    def give_up(_: ScriptedMembership) -> None:
        raise FencedError("given up")

    with pytest.raises(FencedError, match="given up"):
        stage.run(lambda member: member.assign([0]), give_up)


def test_partitions_that_need_too_many_descriptors_end_the_sealer(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body, "raise_limit", lambda: least_descriptors(3))
    with pytest.raises(ConfigurationError, match=r"^4 partitions need at least"):
        stage.run(lambda m: m.assign([0, 1]), stage.await_told(None), lambda m: m.assign([2]), lambda m: m.assign([3]))
    assert len(ScriptedPartition.made) == 3
