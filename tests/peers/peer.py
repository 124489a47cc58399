"""What is said about a peer: which it is, how it was set, what it does that others do not, and its rate."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

BURSTS = 3
"""Of a pipeline, of which the fastest counts: Java compiles the broker, and Connect, while they work."""

COMMIT_SECONDS = 1.0
"""After which a pipeline shows its events, at most: its blocks close, or its files are committed."""

LOOK_SECONDS = 0.1
"""Between two looks whether all events are there: each takes CPU from the pipeline that is measured."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A system, or one way to use it.

    Attributes:
        name: The name in the table.
        version: The version that was measured.
        settings: What differs from its defaults, and why.
        does: What it does with an event that others here do not.
        leaves_out: What it does not do that auditseal does.
        compared_with: The figure of ours to which its rate is set in relation.
    """

    name: str
    version: str
    settings: str
    does: str
    leaves_out: str
    compared_with: str


@dataclass(frozen=True, slots=True)
class Result:
    """A peer's rate in events per second, and how many events it was measured with."""

    peer: Peer
    events: int
    rate: float

    def as_json(self, ratio: float) -> dict[str, Any]:
        """Return it for the JSON file, with the ratio to the figure that it is compared with."""
        return {**asdict(self.peer), "events": self.events, "events_per_second": self.rate, "ratio": ratio}


def fastest(events: int, burst: Callable[[int], float]) -> float:
    """Return the rate of the fastest burst; `burst` takes its number from 1 on, and returns its seconds."""
    return events / min(burst(number) for number in range(1, BURSTS + 1))
