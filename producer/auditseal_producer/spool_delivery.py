"""Delivers a spool's events in order, again and again until the brokers have each: nothing on disk ever fails.

It reads the file, and offers its events to a channel as events that were published before. Where one of them fails,
librdkafka's gapless guarantee fails all behind it but those that are on their way; then another channel begins at the
first event that isn't acknowledged. An event that is in Kafka twice has the same id both times.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial

from auditseal_producer.channel import Channel
from auditseal_producer.client_log import ClientLog
from auditseal_producer.errors import SpoolCorruptedError, UndeliveredError
from auditseal_producer.receipt import Receipt
from auditseal_producer.spool_database import SpooledEvent
from auditseal_producer.spool_file import SpoolFile
from auditseal_producer.spool_writer import SpoolWriter
from auditseal_producer.user_code import log_safely
from auditseal_producer.waiters import Waiters
from auditseal_schemas.errors import AuditsealError

_MOST_EVENTS = 500  # read at a time
_IDLE_SECONDS = 3_600.0
_ROOM_SECONDS = 0.5  # between two looks at whether it is over
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0


class SpoolDelivery:
    """Reads what the writer wrote, and publishes it by one channel after the other.

    Attributes:
        channel: The one in use.
        acknowledged: How many events the brokers acknowledged.
    """

    def __init__(
        self, file: SpoolFile, writer: SpoolWriter, open_channel: Callable[[], Channel], log: ClientLog
    ) -> None:
        self._file = file
        self._writer = writer
        self._open_channel = open_channel
        self._log = log
        self.channel = open_channel()
        self.acknowledged = 0
        self._failed = self._stopping = False
        self._changes = Waiters()
        self._thread = threading.Thread(target=self._serve, name="auditseal-spool-delivery", daemon=True)

    @property
    def running(self) -> bool:
        """Whether its thread, or its channel's, runs."""
        return self._thread.is_alive() or self.channel.running

    def start(self) -> None:
        """Start to deliver.

        Raises:
            RuntimeError: The thread can't start.
        """
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Deliver no more, and end the thread; events without an acknowledgement stay on disk."""
        self._stopping = True
        self._changes.wake()
        if self._thread.is_alive():
            self._thread.join(seconds)
        _close(self.channel)

    def _serve(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while not self._stopping:
            acknowledged = self.acknowledged
            try:
                if self._failed:
                    self._replace_channel()
                self._deliver()
            except SpoolCorruptedError as error:
                self._writer.give_up(error)
                return
            except AuditsealError as error:
                self._failed = True
                self._log.limited(logging.ERROR, "spool", "%s", error)
            except BaseException:  # the spool depends on this thread
                self._failed = True
                log_safely(self._log.logger, logging.ERROR, "the spool's delivery continues after", exc_info=True)
            pause = _FIRST_PAUSE_SECONDS if self.acknowledged > acknowledged else min(2 * pause, _LONGEST_PAUSE_SECONDS)
            self._changes.wait(lambda: self._stopping, pause)

    def _deliver(self) -> None:
        """Offer the events to the channel until one fails."""
        position = 0
        while not self._is_over():
            end = self._file.stream.position
            events = self._file.read(position, _MOST_EVENTS)
            for spooled in events:
                position = spooled.position
                if position not in self._writer.removing:
                    self._offer(spooled)
            if not events:
                self._await_events(end)

    def _offer(self, spooled: SpooledEvent) -> None:
        """Offer one event as soon as the channel has room, unless one before it fails."""
        while not self._is_over():
            pending = self.channel.offer(spooled.event)
            if pending is not None:
                pending.add_done_callback(partial(self._settle, spooled.position, len(spooled.event.encoded)))
                self.channel.let_receipts_out()
                return
            self.channel.wait_for_room(_ROOM_SECONDS)

    def _settle(self, position: int, size: int, done: "Future[Receipt]") -> None:
        """Take the end of an event, in the channel's own thread."""
        if done.exception(0) is not None:
            self._failed = True
            self._changes.wake()
            return
        self.acknowledged += 1
        handle = self._writer.handles.pop(position, None)
        self._writer.remove(position, size)
        if handle is not None:
            handle.settle(done.result(0), None)

    def _await_events(self, end: int) -> None:
        """Wait for an event at a position that was the file's end."""
        wake = self._changes.wake
        self._writer.news.add(wake)
        self._changes.wait(lambda: self._is_over() or self._file.stream.position > end, _IDLE_SECONDS)
        self._writer.news.discard(wake)

    def _is_over(self) -> bool:
        return self._failed or self._stopping

    def _replace_channel(self) -> None:
        before, self.channel = self.channel, self._open_channel()
        _close(before)
        self._failed = False


def _close(channel: Channel) -> None:
    with suppress(UndeliveredError):  # its events are on disk
        channel.close(0)
