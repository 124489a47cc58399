"""What the explorer knows of the streams of the vault. Only `stream_watcher` loads what looks at them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from auditseal_search.stream_state import SilentService, State, StreamState, state_to_json

MOST_SHOWN = 50
"""Streams that a page lists; the others are counted."""
SHOWN = (State.DUPLICATE, State.GAP, State.UNEXPECTED, State.UNCLOSED)
"""The states of listed streams, the most serious first."""


@dataclass(frozen=True, slots=True)
class Streams:
    """What is known of the streams.

    Attributes:
        at: When they were last looked at, in µs since the epoch; 0 before the first look has ended.
        counts: How many streams have each state as their most serious one; silent services for SILENT.
        listed: The streams with a state that someone may have to look at, the most serious first, up to `MOST_SHOWN`.
        silent: The expected services that are silent.
        is_expected: Whether it is known which services must not be silent.
        problem: Why nothing newer is known; empty where it is.
    """

    at: int = 0
    counts: Mapping[State, int] | None = None
    listed: tuple[StreamState, ...] = ()
    silent: tuple[SilentService, ...] = ()
    is_expected: bool = False
    problem: str = ""

    @property
    def more(self) -> int:
        """How many streams with such a state are not listed."""
        return sum(number for state, number in (self.counts or {}).items() if state in SHOWN) - len(self.listed)

    def to_json(self) -> Mapping[str, Any]:
        """Return what `json.dumps` takes."""
        return {
            "counts": None if self.counts is None else {str(state): number for state, number in self.counts.items()},
            "streams": [state_to_json(state) for state in self.listed],
            "silent": [{"service": one.service, "last": one.last_at} for one in self.silent],
            "problem": self.problem,
        }


NOT_WATCHED = Streams(
    problem="It is not known whether a stream misses events or a service is silent. Start the explorer with --streams"
    " DIR, and with --expect SERVICE=SECONDS for each service. auditseal streams shows it once."
)
ONLY_FOR_ALL = Streams(problem="Streams have no tenant. Only auditors of all tenants see their states.")


class WatchedStreams(Protocol):
    """Looks at the streams meanwhile."""

    @property
    def last(self) -> Streams:
        """What the last look found."""
        ...
