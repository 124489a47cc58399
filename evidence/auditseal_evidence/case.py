"""A case: what was asked for, how complete the answer is, and where its events are."""

from dataclasses import dataclass

from auditseal_schemas.origin import Origin


@dataclass(frozen=True, slots=True)
class Place:
    """Where an event is: its log, its block, its number there from 0, and its Kafka offset."""

    origin: Origin
    height: int
    index: int
    offset: int


@dataclass(frozen=True, slots=True)
class CoveredLog:
    """What the answer covers of one log.

    Attributes:
        origin: The log.
        size: The number of blocks that the answer accounts for.
        root: The root of the tree of their headers, in hexadecimal digits; empty where it isn't known.
        not_covered: The heights that the answer doesn't cover, one line each.
    """

    origin: Origin
    size: int
    root: str
    not_covered: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """A case.

    Attributes:
        name: Its name.
        filter: The filter as it was typed.
        grade: How complete the answer is: `complete` or `PARTIAL`.
        logs: What is covered of each pinned log, in the order of their names.
        events: How many events match.
        notes: Other facts on how complete the answer is.
    """

    name: str
    filter: str
    grade: str
    logs: tuple[CoveredLog, ...]
    events: int
    notes: tuple[str, ...] = ()
