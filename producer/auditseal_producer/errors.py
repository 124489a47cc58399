"""The errors between `record` and a receipt; each type is one that a service may branch on.

AuditsealError
└── PublishError
    ├── BufferFullError           refused: no room in time
    ├── ProducerClosedError       refused: closed
    ├── BrokerUnavailableError    no broker answers or can be used
    ├── ForkedError               a receipt, asked for in another process
    ├── DeliveryError             accepted, and not acknowledged
    ├── UndeliveredError          not every accepted event is in Kafka, at a flush or a close
    ├── StillSpooledError         accepted, on disk, and not acknowledged when the producer was closed
    └── SpoolError                refused: it isn't known to be on disk
        ├── SpoolBusyError        another producer uses the spool
        └── SpoolCorruptedError   the spool is damaged, or isn't one
"""

from auditseal_schemas.errors import AuditsealError


class PublishError(AuditsealError):
    """An event isn't in Kafka, or isn't known to be."""


class BufferFullError(PublishError):
    """The buffer had no room in time: the event is refused and took no sequence number. Slow down, or retry later."""


class ProducerClosedError(PublishError):
    """The producer is closed: the event is refused."""


class BrokerUnavailableError(PublishError):
    """No broker answered in time, or none can be used, or the topic doesn't exist there."""


class ForkedError(PublishError):
    """A receipt was asked for in a forked child; only the process that recorded the event gets it."""


class DeliveryError(PublishError):
    """An accepted event got no acknowledgement.

    The broker may have stored it all the same, when it was the answer that got lost. `republish(error.encoded)`
    publishes the same event again, with its id, so that the two can be recognized as one.

    Attributes:
        event_id: The event's id.
        encoded: The event's bytes, for `republish` or `auditseal emit --encoded`. Empty where librdkafka refused an
            event that was recorded within another call of `record`.
        code: librdkafka's name of the error, such as `_MSG_TIMED_OUT`.
    """

    def __init__(self, event_id: str, encoded: bytes, code: str, problem: str) -> None:
        super().__init__(f"event {event_id} got no acknowledgement: {problem} ({code})")
        self.event_id = event_id
        self.encoded = encoded
        self.code = code


class UndeliveredError(PublishError):
    """Not every accepted event is in Kafka, at a flush or a close.

    Attributes:
        waiting: Events that still waited for an acknowledgement when the time was up.
        failed: Events that failed since the flush before.
    """

    def __init__(self, waiting: int, failed: int, first: DeliveryError | None, trouble: str = "") -> None:
        causes = (f": {trouble}" if trouble else "") + (f"; the first that failed: {first}" if first else "")
        super().__init__(f"{waiting} events still wait for an acknowledgement, {failed} failed{causes}")
        self.waiting = waiting
        self.failed = failed


class StillSpooledError(PublishError):
    """The producer was closed before the brokers had the event. The spool has it, and its next producer sends it."""


class SpoolError(PublishError):
    """The spool can't be opened, read or written.

    A `record` that raises it didn't accept its event. To record the event again, pass the same `event_id`: a write
    that failed may be on disk all the same.
    """


class SpoolBusyError(SpoolError):
    """Another producer uses the spool: give each one a path of its own."""


class SpoolCorruptedError(SpoolError):
    """The spool's files are damaged or incomplete, or aren't a spool's. Nothing was changed; export what is intact."""
