"""The archiver's consumer of the blocks topic, and whether Kafka answers it."""

import time
from collections.abc import Callable
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException

from auditseal_archiver.config import ArchiverConfig
from auditseal_schemas.limits import KIB, MIB

_FETCH_BYTES = 16 * MIB
_CRITICAL = (
    2  # the level of librdkafka's log: what it says of connections comes to `BrokerWatch` once, not 20 times a second
)
_TELL_SECONDS = 10.0
_PROBE_SECONDS = 1.0


def open_consumer(config: ArchiverConfig, hear: Callable[[KafkaError], None]) -> Consumer:
    """Return a consumer of committed blocks that does nothing by itself: it commits nothing and chooses no offset."""
    static = {"group.instance.id": config.instance} if config.instance else {}
    return Consumer(
        {
            **config.client,
            **static,
            "group.id": config.group,
            "session.timeout.ms": int(config.session * 1000),
            "heartbeat.interval.ms": int(config.session * 1000 / 4),
            "client.id": "auditseal-archiver",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",  # every start is chosen by us; one that fails must be heard of
            "isolation.level": "read_committed",
            "check.crcs": True,
            "enable.partition.eof": True,
            "partition.assignment.strategy": "cooperative-sticky",
            "allow.auto.create.topics": False,
            "fetch.max.bytes": _FETCH_BYTES,
            "queued.max.messages.kbytes": _FETCH_BYTES // KIB,
            "log_level": _CRITICAL,
            "error_cb": hear,
        }
    )


class BrokerWatch:
    """Hears of Kafka's troubles, which pass by themselves or don't, and finds out when they have passed."""

    def __init__(self, topic: str) -> None:
        """Watch what concerns a topic."""
        self._topic = topic
        self._trouble: str | None = None
        self._fatal: KafkaError | None = None
        self._told = 0.0
        self._log: Any = structlog.get_logger(__name__)

    def hear(self, error: KafkaError) -> None:
        """Take notice of an error; the log tells of a trouble that lasts every ten seconds."""
        if error.fatal():
            self._fatal = error
        self._trouble = error.str()
        if time.monotonic() - self._told >= _TELL_SECONDS:
            self._told = time.monotonic()
            self._log.warning("Kafka is away or not ready, trying again", problem=self._trouble)

    def trouble(self, consumer: Consumer) -> str | None:
        """Return why Kafka doesn't answer; where it didn't, ask again.

        Raises:
            KafkaException: It never will answer this consumer.
        """
        if self._fatal is not None:
            raise KafkaException(self._fatal)
        if self._trouble is not None:
            self._trouble = self._probe(consumer)
            if self._trouble is None:
                self._told = 0.0
                self._log.info("Kafka answers again")
        return self._trouble

    def _probe(self, consumer: Consumer) -> str | None:
        try:
            topic = consumer.list_topics(self._topic, timeout=_PROBE_SECONDS).topics[self._topic]
        except KafkaException as error:
            return str(error.args[0].str())
        return topic.error.str() if topic.error is not None else None
