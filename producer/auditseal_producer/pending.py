"""The handle of an accepted event: a future of its receipt."""

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from hashlib import sha256
from typing import Any

from auditseal_producer.client_log import ClientLog
from auditseal_producer.durations import check_seconds
from auditseal_producer.errors import ForkedError, PublishError
from auditseal_producer.receipt import Receipt
from auditseal_producer.user_code import call_safely
from auditseal_schemas.event_parts import Stream

serving_threads: set[int] = set()
"""The threads that hand out receipts, by `threading.get_ident()`: none may wait for a receipt itself."""

_PENDING, _FINISHED = "PENDING", "FINISHED"  # as concurrent.futures names its states


class _MadeLater:
    """An attribute of a handle that is made when it is first needed, since few handles need it.

    setdefault is atomic: all threads get the same one. From then on it is found without coming by here.
    """

    def __init__(self, make: Callable[["PendingReceipt"], object]) -> None:
        self._make = make

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, handle: Any, owner: type) -> Any:
        handle.is_watched = True
        return handle.__dict__.setdefault(self._name, self._make(handle))


class PendingReceipt(Future[Receipt]):
    """An accepted event's handle: a future of its receipt or of a DeliveryError.

    Done-callbacks run in the producer's own thread, so they must not block; what they raise is logged. Where the event
    is done already, `add_done_callback` runs them at once. The event can't be cancelled any more.

    Attributes:
        event_id: The id that the event was stamped with.
        is_watched: Whether a caller waits for it, or ever has.
    """

    is_watched = False

    # The state of a handle that waits. The names are those of CPython 3.11 to 3.14, and of the functions of
    # concurrent.futures that look into a future.
    _state = _PENDING
    _exception: BaseException | None = None
    _sequence: int | None = None
    _stored: bytes | None = None
    _condition = _MadeLater(lambda _: threading.Condition())
    _waiters = _MadeLater(lambda _: [])
    _done_callbacks = _MadeLater(lambda _: [])
    _result = _MadeLater(lambda handle: handle._make_receipt())  # noqa: SLF001  (it is the handle's own)

    def __init__(self, event_id: str, stream_id: str, log: ClientLog) -> None:
        # Not Future's own, which would take a tenth of all the time of record().
        self.event_id = event_id
        self._stream_id = stream_id
        self._log = log

    @property
    def stream(self) -> Stream:
        """The producer's stream, and the event's place in it.

        Raises:
            PublishError: The event was recorded within another call of `record`, by a finalizer or a signal's handler,
                and gets its place when that call ends.
        """
        if self._sequence is None:
            raise PublishError(f"event {self.event_id} gets its place in the stream when the outer record() returns")
        return Stream(self._stream_id, self._sequence)

    @property
    def placed(self) -> bool:
        """Whether the event has its place in the stream."""
        return self._sequence is not None

    def place(self, sequence: int) -> None:
        """Give the event its place in the stream: for the producer."""
        self._sequence = sequence

    def wait_until_accepted(self) -> None:
        """Return at once: without a spool an event is accepted when it is in the buffer."""

    def acknowledge(self, message: Any) -> None:
        """End the handle by the message as the broker stored it: for the producer, whose own thread alone calls this.

        The receipt is made when a caller first asks for it. Few services ask for each. Until then its parts are kept,
        and not the message: the garbage collector, which looks at each kept object again and again, passes over them.
        """
        self._topic = sys.intern(message.topic())
        self._partition = message.partition()
        self._offset = message.offset()
        self._time = message.timestamp()[1]
        self._stored = message.value() or b""
        self._state = _FINISHED
        if self.is_watched:
            self._tell()

    def settle(self, receipt: Receipt | None, failure: BaseException | None) -> None:
        """End the handle, by one of the two: for the producer, whose own thread alone calls this."""
        if failure is None:
            self.__dict__["_result"] = receipt
        else:
            self._exception = failure
        self._state = _FINISHED
        if self.is_watched:
            self._tell()

    def _make_receipt(self) -> Receipt:
        stored = self._stored
        if stored is not None:
            receipt = Receipt(
                topic=self._topic,
                partition=self._partition,
                offset=self._offset,
                timestamp=self._time,
                event_id=self.event_id,
                stream=self.stream,
                sha256=sha256(stored).digest(),
            )
            self.__dict__.setdefault("_result", receipt)
            self._stored = None  # last: another thread may be here as well
        made: Receipt = self.__dict__["_result"]
        return made

    def _tell(self) -> None:
        """Wake those who wait for the finished handle: callers that come later find it finished."""
        with self._condition:
            for waiter in self._waiters:
                waiter.add_result(self) if self._exception is None else waiter.add_exception(self)
            self._condition.notify_all()
        for callback in self._done_callbacks:
            callback(self)

    def add_done_callback(self, fn: Callable[[Future[Receipt]], object]) -> None:
        """Call a function with this handle when it is done, at once if it is; log what the function raises."""
        super().add_done_callback(lambda done: call_safely(self._log.logger, "a done-callback", fn, done))

    def cancel(self) -> bool:
        """Return False: what is recorded stays recorded."""
        return False

    def result(self, timeout: float | None = None) -> Receipt:
        """Wait for the receipt, for `timeout` seconds or without end.

        Raises:
            DeliveryError: The event got no acknowledgement.
            TimeoutError: It still waits for one; the text says what is known of the brokers.
            ForkedError: The event was recorded before this process was forked.
            PublishError: A callback asked, in the thread that the receipt would come from.
            ConfigurationError: The timeout isn't a number of seconds.
        """
        limit = self._check_wait(timeout)
        try:
            return super().result(limit)
        except TimeoutError:
            raise self._too_late(timeout) from None

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait for the end, and return what went wrong, None if nothing did.

        Raises:
            TimeoutError: The event still waits for an acknowledgement.
            ForkedError: As `result`, and so are the others.
        """
        limit = self._check_wait(timeout)
        try:
            return super().exception(limit)
        except TimeoutError:
            raise self._too_late(timeout) from None

    def _check_wait(self, timeout: float | None) -> float | None:
        # Nobody in a child would ever complete it: without this, waiting there never ends.
        process = self._log.process
        if os.getpid() != process:
            raise ForkedError(f"event {self.event_id} was recorded by process {process}: ask for its receipt there")
        limit = None if timeout is None else check_seconds("timeout", timeout)
        if self._state == _PENDING and threading.get_ident() in serving_threads:
            raise PublishError(
                f"event {self.event_id}: a callback can't wait for a receipt, since receipts come from the thread that"
                " runs it: add a done-callback, or wait in a thread of your own"
            )
        return limit

    def _too_late(self, timeout: float | None) -> TimeoutError:
        return TimeoutError(
            f"event {self.event_id} still waits for an acknowledgement after {timeout} s: {self._log.describe_wait()}"
        )
