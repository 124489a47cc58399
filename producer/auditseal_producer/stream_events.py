"""The events by which a stream speaks of itself: opened, heartbeat, paused, closed (docs/reference/streams.md).

They are recorded, numbered and sealed as all others. They never wait: where there is no room for one, it is left out,
and auditors see that the stream wasn't closed, which is true.
"""

import logging
import threading
from collections.abc import Callable
from datetime import datetime

from auditseal_producer.client_log import ClientLog
from auditseal_producer.event_channel import EventChannel
from auditseal_producer.outgoing import Outgoing
from auditseal_producer.pending import PendingReceipt
from auditseal_producer.receipt import ProducerCounts
from auditseal_producer.user_code import log_safely
from auditseal_schemas.errors import AuditsealError
from auditseal_schemas.event import EventFields
from auditseal_schemas.event_parts import Actor, Outcome, Resource
from auditseal_schemas.event_time import utc_time
from auditseal_schemas.stream_event import StreamEvent

_JOIN_SECONDS = 1.0

_Offer = Callable[[Outgoing], PendingReceipt | None]


def stream_fields(kind: StreamEvent, service: str, stream_id: str, counts: ProducerCounts, **more: str) -> EventFields:
    """Return the fields of the event by which a stream of a service says something of itself."""
    return {
        "actor": Actor("service", service),
        "action": kind.rpartition(".")[2],
        "resources": [Resource("stream", stream_id)],
        "outcome": Outcome.SUCCESS,
        "event_type": str(kind),
        "attributes": {**{name: str(count) for name, count in counts._asdict().items()}, **more},
    }


def pause_attributes(until: datetime) -> dict[str, str]:
    """Return what a pause says beyond the counts.

    Raises:
        EventError: The time has no time zone.
    """
    return {"until": utc_time("until", until).isoformat().replace("+00:00", "Z")}


class StreamEvents:
    """Speaks for the stream of a channel, and for a heartbeat has a thread of its own.

    Args:
        channel: The stream.
        service: The service whose stream it is.
        heartbeat: Seconds without an event after which a heartbeat is recorded, None for no event but pauses.
        log: Takes what goes wrong.
    """

    def __init__(self, channel: EventChannel, service: str, heartbeat: float | None, log: ClientLog) -> None:
        self._channel = channel
        self._service = service
        self._heartbeat = heartbeat
        self._log = log
        self._accepted = self._paused_at = -1
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        """Record that the stream opens, and begin to watch for silence.

        That event goes with the next one, after the seconds of a heartbeat at the latest: a process that only makes a
        producer, and then forks, has no connection.
        """
        if self._heartbeat is None:
            return
        self._record_safely(StreamEvent.OPENED, self._channel.begin)
        self._thread = threading.Thread(target=self._watch, name="auditseal-heartbeat", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:  # no more threads: events matter more than heartbeats
            self._thread = None
            self._log.warn(f"the stream's heartbeats can't start: {error}: end threads")

    def pause(self, until: datetime) -> PendingReceipt | None:
        """Record that nothing will be recorded until a time; return None where there is no room.

        Raises:
            EventError: The time has no time zone.
            AuditsealError: As `record`.
        """
        pending = self._record(StreamEvent.PAUSED, self._channel.offer, **pause_attributes(until))
        self._accepted = self._paused_at = self._count()
        return pending

    def close(self) -> None:
        """Record that the stream is closed, unless it is paused."""
        self._stopping.set()
        if self._heartbeat is not None and not self._is_paused():
            self._record_safely(StreamEvent.CLOSED, self._channel.offer)
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(_JOIN_SECONDS)

    def _watch(self) -> None:
        self._accepted = self._count()
        while not self._stopping.wait(self._heartbeat):
            if self._count() == self._accepted and not self._is_paused():
                self._record_safely(StreamEvent.HEARTBEAT, self._channel.offer)
            self._accepted = self._count()

    def _is_paused(self) -> bool:
        return self._paused_at == self._count()

    def _count(self) -> int:
        counts = self._channel.counts
        return counts.acknowledged + counts.failed + counts.pending

    def _record_safely(self, kind: StreamEvent, offer: _Offer) -> None:
        try:
            self._record(kind, offer)
        except AuditsealError as error:
            log_safely(self._log.logger, logging.WARNING, "the stream's %s event isn't recorded: %s", kind.name, error)

    def _record(self, kind: StreamEvent, offer: _Offer, **more: str) -> PendingReceipt | None:
        channel = self._channel
        fields = stream_fields(kind, self._service, channel.stream_id, channel.counts, **more)
        return offer(channel.encode(fields))
