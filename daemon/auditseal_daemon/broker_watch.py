"""Whether Kafka serves a client: the errors that it reports, and when they are over."""

import time
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException

from auditseal_daemon.kafka_client import describe
from auditseal_daemon.throttle import Throttle

REFUSED_SECONDS = 10.0
"""How long a refusal counts: one that lasts is repeated within this time."""
_PROBE_SECONDS = 1.0


class BrokerWatch:
    """Remembers the last error that concerns a client as a whole, until Kafka serves the client again.

    Attributes:
        fatal: The error after which Kafka never serves this client again; None where there was none.
    """

    def __init__(self, topic: str) -> None:
        """Take the topic that the client needs."""
        self.fatal: KafkaError | None = None
        self._topic = topic
        self._problem: str | None = None
        self._counts_until = 0.0
        self._throttle = Throttle()
        self._log: Any = structlog.get_logger(__name__)

    def hear(self, error: KafkaError) -> None:
        """Take an error of a connection, which a probe can show to be over."""
        self._note(error, 0.0)

    def hear_refusal(self, error: KafkaError) -> None:
        """Take an error that came in a record's place: the group or the topic refuses this client."""
        self._note(error, REFUSED_SECONDS)

    def trouble(self, consumer: Consumer) -> str | None:
        """Return why Kafka doesn't serve this client, None where it does. Where it didn't, ask it again."""
        if self._problem is not None and time.monotonic() >= self._counts_until:
            problem = _probe(consumer, self._topic)
            if problem is None:
                self._throttle.forget()
                self._log.info("Kafka answers again")
            self._problem = problem
        return self._problem

    def _note(self, error: KafkaError, seconds: float) -> None:
        # the code says that an error is fatal even where the flag doesn't (confluent-kafka-python#869)
        if error.fatal() or error.code() == KafkaError._FATAL:  # noqa: SLF001  (its public name)
            self.fatal = error
        self._problem = describe(error)
        self._counts_until = max(self._counts_until, time.monotonic() + seconds)
        if self._throttle.allows(error.name()):
            self._log.warning("Kafka is unreachable or refuses this client, trying again", problem=self._problem)


def _probe(consumer: Consumer, topic: str) -> str | None:
    """Return why Kafka doesn't describe the topic, None where it does."""
    try:
        description = consumer.list_topics(topic, timeout=_PROBE_SECONDS).topics[topic]
    except KafkaException as exception:
        return describe(exception.args[0])
    return description.error.str() if description.error is not None else None
