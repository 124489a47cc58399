"""The result of each event of a request."""

from dataclasses import dataclass
from typing import TypeAlias

from auditseal_producer import Receipt


@dataclass(frozen=True, slots=True)
class Recorded:
    """All in-sync replicas have the event. `is_repeated`: an earlier request had brought it."""

    receipt: Receipt
    is_repeated: bool = False


@dataclass(frozen=True, slots=True)
class Spooled:
    """The event is on the gateway's disk, and reaches Kafka when the brokers answer again."""

    event_id: str
    is_repeated: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """The event isn't recorded, and never will be as it is.

    Attributes:
        status: 400; 403 for a claimed source; 409 for an `event_id` of another event; 413 if it is too large.
        field: The field at fault; empty for the event as a whole.
        problem: What is wrong and what to do.
    """

    status: int
    field: str
    problem: str


@dataclass(frozen=True, slots=True)
class Unavailable:
    """It isn't known that the event is recorded: the same event, with the same id, has to be sent again.

    Attributes:
        event_id: The id to send it with.
        problem: Why.
    """

    event_id: str
    problem: str


Result: TypeAlias = Recorded | Spooled | Refused | Unavailable
