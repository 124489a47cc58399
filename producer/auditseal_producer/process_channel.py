"""A producer's channel in whatever process it finds itself: librdkafka's threads don't survive a fork.

Each entry compares the process's id. So a child notices that it is one, also after a fork without Python's knowledge,
as uWSGI's are. Its first event opens a channel there, with a stream of its own. The events that the parent recorded
stay with the parent.
"""

import ctypes
import logging
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from weakref import WeakSet

from uuid_utils import reseed_rng

from auditseal_producer.channel import Channel
from auditseal_producer.client_log import ClientLog
from auditseal_producer.config import ProducerConfig
from auditseal_producer.durations import check_seconds
from auditseal_producer.errors import ProducerClosedError, PublishError, UndeliveredError
from auditseal_producer.event_channel import EventChannel
from auditseal_producer.green_threads import refuse_green_threads, were_replaced
from auditseal_producer.pending import PendingReceipt
from auditseal_producer.process_end import call_at_end
from auditseal_producer.receipt import ProducerCounts
from auditseal_producer.receipts import ErrorCallback
from auditseal_producer.spool_channel import SpoolChannel
from auditseal_producer.stream_events import StreamEvents


class _Here:
    """What a producer has in one process. No lock of another process is ever taken: its owner may not exist here."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.opening = False
        self.channel: EventChannel | None = None
        self.closed = False
        self.events: StreamEvents | None = None
        self.call_off_end: Callable[[], object] = bool

    def open(self, channel: EventChannel) -> EventChannel:
        """Hold a channel, and see to it that its client is destroyed by `release` alone.

        In a child rd_kafka_destroy would wait for threads that don't exist there (librdkafka #1674, #2374), and a child
        of a fork without Python's knowledge may end without ever coming by here.
        """
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(channel))
        self.channel = channel
        return channel

    def close(self, timeout: float) -> None:
        """Close the channel, if there is one that isn't closed, and let it go.

        Raises:
            UndeliveredError: As `Channel.close`.
        """
        channel = self.channel
        if channel is None or self.closed:
            return
        try:
            channel.close(timeout)
        except Exception:
            raise
        except BaseException:
            if channel.running:  # a signal's handler raised before it had begun to wait
                with suppress(UndeliveredError):  # which is logged, as any loss is
                    channel.close(timeout)
            raise
        finally:
            self.closed = True
            self.release()

    def release(self) -> None:
        """Let the closed channel go, unless a callback that never returns still holds its thread."""
        if self.channel is not None and not self.channel.running:
            ctypes.pythonapi.Py_DecRef(ctypes.py_object(self.channel))


class ProcessChannel:
    """Holds the channel of this process; closes it when the process ends, if nobody has.

    Raises:
        ConfigurationError: librdkafka refuses the settings, or gevent or eventlet has replaced threads.
        SpoolError: The spool can't be opened.
    """

    def __init__(
        self, config: ProducerConfig, on_error: ErrorCallback | None, logger: logging.Logger | None = None
    ) -> None:
        refuse_green_threads()
        self._config = config
        self._on_error = on_error
        self._logger = logger
        self._closed = False
        self._by_process: dict[int, _Here] = {}
        self._open()
        _living.add(self)

    @property
    def counts(self) -> ProducerCounts:
        """The channel's counts; those of a process that has recorded nothing are all 0."""
        channel = self._opened()
        return ProducerCounts(0, 0, 0, 0) if channel is None else channel.counts

    def get(self) -> EventChannel:
        """Return the channel, and open one first in a process without one.

        Raises:
            ProducerClosedError: It is closed.
            SpoolBusyError: The process that forked this one uses the spool, whose path has no `{n}`.
            ConfigurationError: gevent or eventlet has replaced threads since.
        """
        if were_replaced():
            refuse_green_threads()
        here = self._by_process.get(os.getpid())
        return (here.channel if here is not None else None) or self._open()

    def pause(self, until: datetime) -> PendingReceipt | None:
        """Record in this process's stream that it will be silent; as `StreamEvents.pause`.

        Raises:
            AuditsealError: As `get`, and as `StreamEvents.pause`.
        """
        self.get()
        events = self._here().events
        return None if events is None else events.pause(until)

    def flush(self, timeout: float) -> None:
        """Flush the channel, if this process has one.

        Raises:
            UndeliveredError: As `Channel.flush`.
        """
        channel = self._opened()
        if channel is not None:
            channel.flush(timeout)

    def close(self, timeout: float) -> None:
        """Close the channel, if this process has one; the second time does nothing.

        Raises:
            UndeliveredError: As `Channel.close`.
        """
        check_seconds("timeout", timeout)
        here = self._here()
        if here.channel is not None:
            here.channel.refuse_waiting("close()")
        begins = False
        try:
            with here.lock:
                begins, self._closed = not self._closed, True
            if begins:
                here.call_off_end()
                here.call_off_end = bool  # which holds this object
                if here.events is not None:
                    here.events.close()
        finally:  # a signal's handler may raise anywhere above: what was accepted is waited for all the same
            if begins:
                here.close(timeout)

    def forget(self) -> None:
        """Forget the channels of other processes, in a child: one of its children may get such a process's id."""
        self._by_process.clear()

    def _here(self) -> _Here:
        pid = os.getpid()
        here = self._by_process.get(pid)
        if here is None:
            self.forget()
            # Two children of one parent would make the same ids: uuid_utils only hears of forks by Python.
            reseed_rng()
            here = self._by_process.setdefault(pid, _Here())  # which is atomic: threads get the same one
        return here

    def _opened(self) -> EventChannel | None:
        here = self._by_process.get(os.getpid())
        return None if here is None else here.channel

    def _open(self) -> EventChannel:
        here = self._here()
        with here.lock:
            if here.channel is not None:
                return here.channel
            if self._closed:
                raise ProducerClosedError("the producer was closed before this process was forked: make a new one")
            if here.opening:
                raise PublishError("the producer is being opened by the call that this one interrupts: record later")
            here.opening = True
            try:
                log = ClientLog(self._logger)
                channel = here.open(self._make(log))
                here.events = StreamEvents(channel, self._config.service, self._config.heartbeat, log)
                here.events.open()
                here.call_off_end = call_at_end(self._close_at_end, f"auditseal producer {id(self)}")
            finally:
                here.opening = False
            return channel

    def _make(self, log: ClientLog) -> EventChannel:
        if self._config.spool is None:
            return Channel(self._config, self._on_error, log)
        return SpoolChannel(self._config, log)

    def _close_at_end(self) -> None:
        try:
            self.close(self._config.close_timeout)
        except Exception:
            raise
        except BaseException:  # a signal's handler raised, perhaps before anything was begun: this is the last turn
            self.close(self._config.close_timeout)
            self._here().close(self._config.close_timeout)
            raise


_living: "WeakSet[ProcessChannel]" = WeakSet()


def _forget_all() -> None:
    for channel in list(_living):
        channel.forget()


os.register_at_fork(after_in_child=_forget_all)
