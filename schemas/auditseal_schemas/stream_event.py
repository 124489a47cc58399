"""The events by which a stream speaks of itself: sealed and numbered as all others (docs/how-to/streams.md)."""

from enum import StrEnum


class StreamEvent(StrEnum):
    """The `event_type` of an event that a producer records about its own stream."""

    OPENED = "auditseal.stream.opened"
    HEARTBEAT = "auditseal.stream.heartbeat"
    PAUSED = "auditseal.stream.paused"
    CLOSED = "auditseal.stream.closed"
