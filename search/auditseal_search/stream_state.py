"""What the numbers of a stream say: whether events are missing, and whether more may have been lost at its end.

| state | meaning |
| --- | --- |
| COMPLETE | the stream was closed, and all its numbers are sealed |
| UNCLOSED | the stream wasn't closed: nobody can tell whether events followed the last one |
| PAUSED | its service announced a pause, which isn't over |
| GAP | numbers are missing, and events after them were sealed long ago |
| DUPLICATE | a number belongs to two different events |
| SILENT | a service that is expected has recorded nothing for longer than it may |
| UNEXPECTED | a stream of a service that nobody expects |
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from auditseal_schemas.event_time import format_milliseconds
from auditseal_schemas.stream_event import StreamEvent

MOST_LISTED = 1_000
"""Gaps, or doubled numbers, that are listed of one stream; the others are counted."""
_SLACK_MS = 60_000


class State(StrEnum):
    """A state of a stream or of an expected service."""

    COMPLETE = "COMPLETE"
    UNCLOSED = "UNCLOSED"
    PAUSED = "PAUSED"
    GAP = "GAP"
    DUPLICATE = "DUPLICATE"
    SILENT = "SILENT"
    UNEXPECTED = "UNEXPECTED"


FAULTS = frozenset({State.GAP, State.DUPLICATE, State.SILENT, State.UNEXPECTED})
"""The states that someone has to look at."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Missing numbers, both ends included, which can no longer arrive."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """What the logs hold of one stream. Times are ms since the epoch, by the broker or else by the writer.

    Attributes:
        stream: Its id.
        service: The service of its lowest event.
        environment: The environment of that event.
        first: Its lowest number.
        last: Its highest number.
        count: How many different numbers it has.
        repeated: Records beyond one for each number.
        clashes: Numbers that belong to different events, the lowest ones.
        clash_count: How many such numbers there are.
        gaps: The gaps, the lowest ones.
        gap_count: How many gaps there are.
        waits: Whether other numbers are missing, which may still arrive.
        last_at: When its latest event was written.
        ended_by: The event by which the stream speaks of itself, if its highest number is one.
        until: When an announced pause ends.
    """

    stream: str
    service: str
    environment: str
    first: int
    last: int
    count: int
    repeated: int
    clashes: tuple[int, ...]
    clash_count: int
    gaps: tuple[Gap, ...]
    gap_count: int
    waits: bool
    last_at: int
    ended_by: StreamEvent | None
    until: int | None


@dataclass(frozen=True, slots=True)
class Judgement:
    """The rules by which streams are looked at.

    Attributes:
        as_of: The time of the look, in ms since the epoch.
        settle: Milliseconds that an event may take from `record()` to a sealed block. Missing numbers count as a gap
            once the event after them is older.
        expected: The longest silence of each service that is expected, in ms. Empty: every service is.
        ahead: Milliseconds until the next look: a service that is silent before it counts as silent now.
    """

    as_of: int
    settle: int
    expected: Mapping[str, int]
    ahead: int = 0

    @property
    def settled(self) -> int:
        """Missing numbers are a gap if the event after them has this time or an earlier one."""
        return self.as_of - self.settle


@dataclass(frozen=True, slots=True)
class StreamState:
    """A stream with its states, the most serious one first."""

    facts: StreamFacts
    states: tuple[State, ...]


def state_to_json(state: StreamState) -> dict[str, Any]:
    """Return a stream's state as `json.dumps` takes it."""
    facts = state.facts
    return {
        "stream": facts.stream,
        "service": facts.service,
        "environment": facts.environment,
        "states": [str(one) for one in state.states],
        "first": facts.first,
        "last": facts.last,
        "numbers": facts.count,
        "repeated": facts.repeated,
        "gaps": [[gap.first, gap.last] for gap in facts.gaps],
        "gap_count": facts.gap_count,
        "duplicates": list(facts.clashes),
        "duplicate_count": facts.clash_count,
        "last_at": format_milliseconds(facts.last_at),
    }


def state_of(facts: StreamFacts, rules: Judgement) -> StreamState:
    """Return the states of a stream."""
    states = []
    if facts.clash_count:
        states.append(State.DUPLICATE)
    if facts.gap_count:
        states.append(State.GAP)
    if rules.expected and facts.service not in rules.expected:
        states.append(State.UNEXPECTED)
    end = _end_of(facts, rules)
    if not (states and end is State.COMPLETE):
        states.append(end)
    return StreamState(facts, tuple(states))


def _end_of(facts: StreamFacts, rules: Judgement) -> State:
    if facts.ended_by is StreamEvent.CLOSED and not facts.waits:
        return State.COMPLETE
    is_paused = facts.ended_by is StreamEvent.PAUSED and (facts.until is None or facts.until > rules.as_of)
    return State.PAUSED if is_paused else State.UNCLOSED


@dataclass(frozen=True, slots=True)
class SilentService:
    """An expected service that is silent. `heard` is the time of its latest event in ms, None where it has no event."""

    service: str
    heard: int | None

    @property
    def last_at(self) -> str | None:
        """The time of its latest event in RFC 3339, None where it has no event."""
        return None if self.heard is None else format_milliseconds(self.heard)


class ServiceClock:
    """The latest event of each expected service.

    Attributes:
        heard: Its time in ms, by service.
    """

    def __init__(self, rules: Judgement) -> None:
        self.heard: dict[str, int] = {}
        self._rules = rules
        self._paused: set[str] = set()

    def note(self, state: StreamState) -> None:
        """Take a stream."""
        service = state.facts.service
        if service in self._rules.expected:
            self.heard[service] = max(state.facts.last_at, self.heard.get(service, state.facts.last_at))
            if State.PAUSED in state.states:
                self._paused.add(service)

    def silent(self, began: int | None) -> Iterator[tuple[str, int | None]]:
        """Yield each expected service that is silent, and the time of its latest event in ms.

        Args:
            began: When the logs began, in ms; None without a block. A service without an event is silent from then on.
        """
        latest = self._rules.as_of + self._rules.ahead - _SLACK_MS
        for service, bound in sorted(self._rules.expected.items()):
            heard = self.heard.get(service)
            since = began if heard is None else heard
            if service not in self._paused and (since is None or latest - since > bound):
                yield service, heard
