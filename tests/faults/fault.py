"""A fault: what is done to the pipeline, how often, and what must hold afterwards."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TypeAlias

from tests.faults.oracle import Judgement
from tests.faults.recovery import percentile, recovery_seconds
from tests.faults.rig import Pipeline, Rig


@dataclass(frozen=True)
class Outcome:
    """The result of a fault that was survived.

    Attributes:
        injected: How often it was injected.
        acknowledged: Events that the brokers acknowledged.
        sealed: How many of them the oracle found sealed exactly once; it raises unless it is all.
        recoveries: Seconds from each injection until an event appended after it was in the vault, of those measured.
        note: Other observations.
    """

    injected: int
    acknowledged: int
    sealed: int
    recoveries: tuple[float, ...] = ()
    note: str = ""

    @property
    def longest(self) -> float:
        return max(self.recoveries, default=0.0)

    @property
    def median(self) -> float:
        return percentile(self.recoveries, 0.5)

    @property
    def p99(self) -> float:
        return percentile(self.recoveries, 0.99)


@dataclass
class Trial:
    """One run of one fault."""

    rig: Rig
    name: str
    rounds: int
    dice: random.Random
    times: list[float] = field(default_factory=list)
    _pipelines: int = 0

    def __post_init__(self) -> None:
        self.rig.s3_proxy.reseed(f"{self.rig.seed}/{self.name}")

    def pipeline(self, *, partitions: int = 2) -> Pipeline:
        """Return a new pipeline."""
        self._pipelines += 1
        return self.rig.pipeline(f"{self.name.lower()}-{self._pipelines}", partitions=partitions)

    def pause(self, least: float, most: float) -> None:
        """Wait for a random time."""
        time.sleep(self.dice.uniform(least, most))

    def inject(self) -> None:
        """Take notice that the fault comes now."""
        self.times.append(time.time())

    def judge(
        self, pipeline: Pipeline, note: str = "", *, injected: int | None = None, strangers: Sequence[str] = ()
    ) -> Outcome:
        """Let the oracle judge a pipeline at rest; return what came of the fault."""
        found, blocks = pipeline.judge(tuple(strangers))
        check_volume(found)
        times = len(self.times) if injected is None else injected
        extra = found.sealed - found.acknowledged - len(strangers)
        notes = [note, f"{extra} sealed whose acknowledgement got lost" if extra else ""]
        return Outcome(
            injected=times,
            acknowledged=found.acknowledged,
            sealed=found.once,
            recoveries=tuple(recovery_seconds(self.times, blocks)),
            note="; ".join(text for text in notes if text),
        )


def check_volume(found: Judgement) -> None:
    """Check that there was something to judge: a pass over nothing does not count."""
    assert found.acknowledged > 0, "no event was acknowledged: the load never ran"
    assert found.blocks > 0, "no block was stored"


def run_ways(trial: Trial, ways: Sequence["Run"], note: str) -> Outcome:
    """Run each way in which one fault comes; return the sums."""
    outcomes = [way(replace(trial, times=[])) for way in ways]
    return Outcome(
        injected=sum(outcome.injected for outcome in outcomes),
        acknowledged=sum(outcome.acknowledged for outcome in outcomes),
        sealed=sum(outcome.sealed for outcome in outcomes),
        recoveries=tuple(chain.from_iterable(outcome.recoveries for outcome in outcomes)),
        note="; ".join(text for text in (note, *(outcome.note for outcome in outcomes)) if text),
    )


Run: TypeAlias = Callable[[Trial], Outcome]


@dataclass(frozen=True)
class Fault:
    """An entry of the campaign: its name, what it is, how often a whole campaign injects it, and how."""

    name: str
    title: str
    rounds: int
    run: Run


FAULTS: dict[str, Fault] = {}


def fault(name: str, title: str, rounds: int) -> Callable[[Run], Run]:
    """Register a fault; `rounds` is what a whole campaign does."""

    def register(run: Run) -> Run:
        FAULTS[name] = Fault(name, title, rounds, run)
        return run

    return register
