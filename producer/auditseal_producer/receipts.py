"""Hands out what the brokers answered: receipts and errors, one after the other, in the producer's own thread."""

import logging
from collections import deque
from collections.abc import Callable
from typing import Any, TypeAlias

from confluent_kafka import KafkaError, Message

from auditseal_producer.client_log import ClientLog
from auditseal_producer.errors import DeliveryError
from auditseal_producer.pending import PendingReceipt
from auditseal_producer.user_code import call_safely
from auditseal_producer.waiters import Waiters
from auditseal_schemas.errors import AuditsealError
from auditseal_schemas.kafka_trouble import explain

ErrorCallback = Callable[[DeliveryError], object]


Report: TypeAlias = tuple[PendingReceipt, KafkaError | None, Message]
"""One event's end: its handle, and an error and its bytes, or the message as the broker stored it."""


class Receipts:
    """Settles handles, and counts. Only the producer's own thread calls `take` and `hand_out`; any may read.

    Attributes:
        events: How many are settled: their handles are done.
        bytes: How large those were, encoded.
        acknowledged: How many of them have a receipt.
        failed: How many of them have an error.
        first_failure: The first error since somebody took it away.
        active: Whether there is something to hand out right now.
        room: Those who wait for room in the buffer.
        progress: The callers that wait until every receipt is handed out.
    """

    def __init__(self, log: ClientLog, on_error: ErrorCallback | None) -> None:
        self._log = log
        self._on_error = on_error
        self._reports: list[Report] = []
        self._refused: deque[tuple[PendingReceipt, AuditsealError]] = deque()
        self.events = self.bytes = 0
        self.acknowledged = self.failed = 0
        self.first_failure: DeliveryError | None = None
        self.active = False
        self.room = Waiters()
        self.progress = Waiters()

    def take(self, pending: PendingReceipt, error: KafkaError | None, message: Message) -> None:
        """Take a delivery report, as librdkafka's callback; no code of the service runs before `hand_out`."""
        self.active = True
        self._reports.append((pending, error, message))

    def refuse(self, pending: PendingReceipt, error: AuditsealError) -> None:
        """Take an accepted event that could not be queued after all; any thread may call this."""
        self._refused.append((pending, error))

    def hand_out(self) -> None:
        """Settle every handle that was taken, and only then make room: after a flush every handle is done."""
        reports, self._reports = self._reports, []
        try:
            if any(error is None for _, error, _ in reports):
                self._log.connected()
            for pending, error, message in reports:
                if error is None:
                    self._acknowledge(pending, message)
                else:
                    self._fail(pending, message.value() or b"", error.name(), self._describe(error))
            while self._refused:
                pending, refusal = self._refused.popleft()
                self._fail(pending, b"", "_FAIL", str(refusal))
        finally:
            self.active = False
            self.room.wake(len(reports))
            self.progress.wake()

    def _fail(self, pending: PendingReceipt, encoded: bytes, code: str, problem: str) -> None:
        failure = DeliveryError(pending.event_id, encoded, code, problem)
        try:
            pending.settle(None, failure)
            self._log.limited(logging.ERROR, "delivery", "%s", failure)
            if self._on_error is not None:
                call_safely(self._log.logger, "on_error", self._on_error, failure)
        finally:
            self.first_failure = self.first_failure or failure
            self.failed += 1
            self.events += 1
            self.bytes += len(encoded)

    def _acknowledge(self, pending: PendingReceipt, message: Any) -> None:
        try:
            pending.acknowledge(message)
        except Exception as error:  # such as a MemoryError: this handle and the others must end all the same
            pending.settle(None, error)
        finally:
            self.acknowledged += 1
            self.events += 1
            self.bytes += len(message)

    def _describe(self, error: KafkaError) -> str:
        """Return the error's text, with the cause and what to do, where they are known."""
        cause = explain(error.name(), error.str()) or self._log.trouble
        return f"{error.str()}: {cause}" if cause else error.str()
