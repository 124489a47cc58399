"""Writes accepted events to a spool's file: all that wait at a time in one transaction, so that they share its sync.

A caller holds no lock while it waits, and the thread that writes takes none that a caller holds. So a finalizer may
record an event within any call of `offer`.
"""

import logging
import threading
from collections import deque
from time import sleep
from typing import NamedTuple
from weakref import WeakValueDictionary

from auditseal_producer.client_log import ClientLog
from auditseal_producer.errors import ProducerClosedError, SpoolCorruptedError, SpoolError
from auditseal_producer.outgoing import Outgoing, PublishedEvent
from auditseal_producer.spool_database import SpooledEvent
from auditseal_producer.spool_file import SpoolFile
from auditseal_producer.spooled_receipt import SpooledReceipt, writing_threads
from auditseal_producer.user_code import log_safely
from auditseal_producer.waiters import Waiters
from auditseal_schemas.errors import AuditsealError, EventError
from auditseal_schemas.event_codec import MAX_EVENT_BYTES

_MOST_EVENTS = 2_000  # of one transaction
_REMOVAL_SECONDS = 0.05  # delivered events wait that long for a transaction with new ones
_PAUSE_SECONDS = 1.0  # after a removal that failed
_IDLE_SECONDS = 3_600.0


class Waiting(NamedTuple):
    """An event that waits to be written, and its handle."""

    outgoing: Outgoing
    handle: SpooledReceipt


class Placed(NamedTuple):
    """An event that has its place in the stream and in the file."""

    waiting: Waiting
    spooled: SpooledEvent


class SpoolWriter:
    """Numbers events and writes them, in the order of `offer`; removes what was delivered.

    Attributes:
        handles: Handles of events on disk, by position, of those that the service holds.
        removing: Delivered events that are still on disk, by position, with their sizes.
        problem: Why nothing is accepted any more, None while the file is intact.
        news: Those who wait for events on disk.
        room: Those who wait for room in the spool.
        progress: Those who wait until the brokers have all events.
    """

    def __init__(self, file: SpoolFile, most_bytes: int, log: ClientLog) -> None:
        self._file = file
        self._most_bytes = most_bytes
        self._log = log
        self._lock = threading.RLock()  # of callers alone
        self._taken_events, self._taken_bytes = file.events, file.bytes  # changed by callers, under the lock
        self._freed_events = self._freed_bytes = 0  # changed by the thread
        self._queue: deque[Waiting] = deque()
        self._work = Waiters()
        self._closed = self._stopping = self._given_up = False
        self._refused_calls = self._refused_writes = 0  # the second by the thread
        self.handles: WeakValueDictionary[int, SpooledReceipt] = WeakValueDictionary()
        self.removing: dict[int, int] = {}
        self.problem: SpoolCorruptedError | None = None
        self.news, self.room, self.progress = Waiters(), Waiters(), Waiters()
        self._thread = threading.Thread(target=self._serve, name="auditseal-spool", daemon=True)

    @property
    def events(self) -> int:
        """Events that are accepted or about to be, and not removed yet."""
        freed = self._freed_events  # read first: it never is ahead
        return self._taken_events - freed

    @property
    def waiting(self) -> int:
        """Events that the brokers haven't acknowledged."""
        removing = len(self.removing)
        return self.events - removing

    @property
    def bytes(self) -> int:
        """The size of those events."""
        freed = self._freed_bytes
        return self._taken_bytes - freed

    @property
    def refused(self) -> int:
        """How many events were refused."""
        return self._refused_calls + self._refused_writes

    @property
    def closed(self) -> bool:
        """Whether nothing is accepted any more."""
        return self._closed

    @property
    def running(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Start to write.

        Raises:
            RuntimeError: The thread can't start.
        """
        self._thread.start()

    def offer(self, outgoing: Outgoing) -> SpooledReceipt | None:
        """Queue one event for the disk, or return None where the spool has no room for it.

        Raises:
            ProducerClosedError: The spool is closed.
            SpoolCorruptedError: The file is damaged.
        """
        handle = SpooledReceipt(outgoing.event_id, outgoing.stream_id, self._log)
        size = outgoing.most_bytes
        with self._lock:
            if self._closed:
                raise ProducerClosedError(
                    "the producer is closed: record events before close() or the end of its with block"
                )
            if self.problem is not None:
                raise self.problem
            if not self._fits(size):
                return None
            self._taken_events += 1
            self._taken_bytes += size
            self._queue.append(Waiting(outgoing, handle))
        self._work.wake()
        return handle

    def has_room(self) -> bool:
        """Whether there is room for an event of any size."""
        return self._fits(MAX_EVENT_BYTES)

    def count_refusal(self) -> None:
        """Count an event as refused."""
        with self._lock:
            self._refused_calls += 1

    def is_writing(self) -> bool:
        """Whether this thread is the one that writes."""
        return threading.get_ident() == self._thread.ident

    def remove(self, position: int, size: int) -> None:
        """Remove a delivered event soon; until then it stays in `removing`."""
        self.removing[position] = size
        self._work.wake()
        if not self.waiting:
            self.progress.wake()

    def give_up(self, problem: SpoolCorruptedError) -> None:
        """Accept nothing more, since the file is damaged; what is in it stays there."""
        self.problem = problem
        log_safely(self._log.logger, logging.CRITICAL, "nothing is delivered or accepted any more: %s", problem)
        self.progress.wake()
        self.room.wake()

    def close(self) -> None:
        """Accept nothing more."""
        with self._lock:
            self._closed = True
        self.room.wake()

    def stop(self, seconds: float) -> None:
        """Write what waits, remove what was delivered, and end the thread."""
        self._stopping = True
        self._work.wake()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _fits(self, size: int) -> bool:
        return self.bytes + size <= self._most_bytes

    def _serve(self) -> None:
        writing_threads.add(threading.get_ident())
        while not self._is_finished():
            try:
                self._work.wait(self._has_work, _IDLE_SECONDS)
                if not self._queue and not self._stopping:
                    self._work.wait(lambda: bool(self._queue) or self._stopping, _REMOVAL_SECONDS)
                self._write_next()
            except BaseException:  # all callers wait for this thread
                log_safely(self._log.logger, logging.ERROR, "the spool's thread continues after", exc_info=True)
                sleep(_PAUSE_SECONDS)
        writing_threads.discard(threading.get_ident())

    def _is_finished(self) -> bool:
        return self._stopping and not self._queue and (self._given_up or not self.removing)

    def _has_work(self) -> bool:
        return bool(self._queue or self.removing or self._stopping)

    def _write_next(self) -> None:
        waiting = [self._queue.popleft() for _ in range(min(len(self._queue), _MOST_EVENTS))]
        removed = tuple(self.removing)
        placed, sequence = self._place(waiting)
        try:
            self._write(placed, sequence, removed)
        except SpoolError as error:
            self._log.limited(logging.ERROR, "spool", "%s", error)
            for each in placed:
                self.handles.pop(each.spooled.position, None)
                self._refuse(each.waiting, type(error)(*error.args))  # each thread raises one of its own
            self._remove_alone(removed)

    def _place(self, waiting: list[Waiting]) -> tuple[list[Placed], int]:
        """Give events their numbers and positions; return them and the stream's next number."""
        _, sequence, position = self._file.stream
        placed = []
        for each in waiting:
            outgoing, handle = each
            try:
                encoded, number, sequence = outgoing.place(sequence)
            except EventError as error:
                self._refuse(each, error)
                continue
            event = PublishedEvent(outgoing.event_id, outgoing.key, outgoing.stream_id, encoded, number)
            placed.append(Placed(each, SpooledEvent(position, event)))
            handle.place(number)
            self.handles[position] = handle  # before it can be delivered
            position += 1
        return placed, sequence

    def _write(self, placed: list[Placed], sequence: int, removed: tuple[int, ...]) -> None:
        self._file.write([each.spooled for each in placed], sequence, removed)
        for (outgoing, handle), (_, event) in placed:
            self._freed_bytes += outgoing.most_bytes - len(event.encoded)
            handle.finish_write(None)
        if placed:
            self.news.wake()
        if removed:
            self._free(removed)

    def _remove_alone(self, removed: tuple[int, ...]) -> None:
        """Remove what was delivered: on a full disk there may be room for that, and for no new event."""
        if not removed:
            return
        try:
            self._write([], self._file.stream.sequence, removed)
        except SpoolError:  # which is logged
            self._given_up = self._stopping
            self._work.wait(lambda: bool(self._queue) or self._stopping, _PAUSE_SECONDS)

    def _free(self, removed: tuple[int, ...]) -> None:
        for position in removed:
            self._freed_events += 1
            self._freed_bytes += self.removing.pop(position)
        self.room.wake()

    def _refuse(self, waiting: Waiting, error: AuditsealError) -> None:
        self._freed_events += 1
        self._freed_bytes += waiting.outgoing.most_bytes
        self._refused_writes += 1
        waiting.handle.finish_write(error)
        self.room.wake()
        self.progress.wake()
