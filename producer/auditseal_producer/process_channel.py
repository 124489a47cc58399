"""A producer's channel in whatever process it finds itself: librdkafka's threads don't survive a fork.

A forked child finds its producers usable: the first event opens a fresh channel there, with a stream of its own. What
was recorded before the fork stays with the parent.
"""

import atexit
import ctypes
import os
import threading
from weakref import WeakSet

from auditseal_producer.channel import Channel, ErrorCallback
from auditseal_producer.config import ProducerConfig
from auditseal_producer.errors import ProducerClosedError
from auditseal_producer.receipt import ProducerCounts

_living: "WeakSet[ProcessChannel]" = WeakSet()


class ProcessChannel:
    """Holds the channel of this process; closes it when the interpreter exits, should nobody have done so."""

    def __init__(self, config: ProducerConfig, on_error: ErrorCallback | None) -> None:
        self._config = config
        self._on_error = on_error
        self._opening = threading.Lock()
        self._closed = False
        self._channel: Channel | None = self._opened()
        _living.add(self)

    @property
    def counts(self) -> ProducerCounts:
        """The channel's counts; those of a process that has recorded nothing are all 0."""
        channel = self._channel
        return ProducerCounts(0, 0, 0, 0) if channel is None else channel.counts

    def get(self) -> Channel:
        """Return the channel, opened first in a process that has none yet.

        Raises:
            ProducerClosedError: It is closed.
        """
        channel = self._channel
        if channel is not None:
            return channel
        with self._opening:
            if self._closed:
                raise ProducerClosedError("the producer was closed before this process was forked: make a new one")
            self._channel = self._channel or self._opened()
            return self._channel

    def flush(self, timeout: float) -> None:
        """Flush the channel, if this process has one.

        Raises:
            UndeliveredError: As `Channel.flush`.
        """
        if self._channel is not None:
            self._channel.flush(timeout)

    def close(self, timeout: float) -> None:
        """Close the channel, if this process has one; the second time does nothing.

        Raises:
            UndeliveredError: As `Channel.close`.
        """
        with self._opening:
            if self._closed:
                return
            self._closed = True
        atexit.unregister(self._close_at_exit)
        if self._channel is not None:
            self._channel.close(timeout)

    def abandon(self) -> None:
        """Forget the parent's channel, in a child."""
        if self._channel is not None:
            # rd_kafka_destroy would wait for threads that don't exist here (librdkafka #1674, #2374): so it is never
            # called, not even when the interpreter clears up.
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._channel))
            self._channel = None
        self._opening = threading.Lock()

    def _opened(self) -> Channel:
        channel = Channel(self._config, self._on_error)
        atexit.unregister(self._close_at_exit)
        atexit.register(self._close_at_exit)
        return channel

    def _close_at_exit(self) -> None:
        self.close(self._config.close_timeout)


def _abandon_all() -> None:
    for channel in list(_living):
        channel.abandon()


os.register_at_fork(after_in_child=_abandon_all)
