"""This sealer's place in the consumer group: which partitions are its own. It reads no records."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import TimeoutError as FutureTimeoutError

import structlog
from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, TopicPartition

from auditseal_daemon.background import Background
from auditseal_daemon.kafka_client import settings, unavailable
from auditseal_sealer.block_writer import GroupMetadata
from auditseal_sealer.config import SealerConfig
from auditseal_sealer.errors import ExpelledError

OnPartitions = Callable[[Sequence[int]], None]
_TROUBLE_SECONDS = 10.0  # an error that lasts is repeated before
_log = structlog.get_logger("auditseal.sealer")


class Membership:
    """A member of the group. Cooperative: a rebalance stops only the chains that move.

    Its partitions are paused at once and for good: each chain reads with a consumer of its own, at the offset that its
    blocks say. What this one is for is the assignment, and the group's metadata that fence a transaction of a sealer
    which the group has given up (KIP-447).
    """

    def __init__(self, client: Mapping[str, str], config: SealerConfig) -> None:
        """Take the connection; `join` connects."""
        self._config = config
        static = {"group.instance.id": config.instance} if config.instance else {}
        self._consumer = Consumer(
            settings(
                {**client, **static},
                group_id=config.group,
                enable_auto_commit=False,
                enable_auto_offset_store=False,
                auto_offset_reset="error",
                partition_assignment_strategy="cooperative-sticky",
                session_timeout_ms=int(config.timeouts.session * 1000),
                heartbeat_interval_ms=int(config.timeouts.heartbeat * 1000),
                queued_min_messages=1,
                fetch_message_max_bytes=1,
            )
        )
        self._metadata: GroupMetadata = None
        self._trouble: str | None = None
        self._troubled = 0.0

    def join(self, *, on_assigned: OnPartitions, on_revoked: OnPartitions, on_lost: OnPartitions) -> None:
        """Join the group; the callbacks run within `poll` and `close`."""
        self._on_assigned, self._on_revoked, self._on_lost = on_assigned, on_revoked, on_lost
        topic = self._config.events_topic
        with unavailable(f"topic {topic} can't be subscribed to"):
            self._consumer.subscribe([topic], on_assign=self._assign, on_revoke=self._revoke, on_lost=self._lose)

    @property
    def trouble(self) -> str | None:
        """Why Kafka refused this member, where it did a moment ago."""
        return self._trouble if time.monotonic() - self._troubled < _TROUBLE_SECONDS else None

    def poll(self, timeout: float) -> None:
        """Let the group's news arrive for at most `timeout` seconds. Records that slip in are passed over.

        Raises:
            ExpelledError: The group has given this sealer up, for good.
        """
        with unavailable("the group can't be followed"):
            message = self._consumer.poll(timeout)
        self._metadata = self._consumer.consumer_group_metadata()
        error = message.error() if message is not None else None
        if error is not None:
            self._hear(error)

    def _hear(self, error: KafkaError) -> None:
        """Take note of an error; the code says that it is fatal even where `fatal` doesn't (confluent-kafka#869)."""
        problem = f"{error.str()} ({error.name()})"
        if error.fatal() or error.code() == KafkaError._FATAL:  # noqa: SLF001  (its public name)
            name, group = self._config.instance, self._config.group
            hint = f": does another sealer have the name {name!r} (sealer.instance) too?" if name else ""
            raise ExpelledError(f"the group {group} has given this sealer up: {problem}{hint}")
        if problem != self.trouble:
            _log.warning("the group has trouble with this sealer", problem=problem)
        self._trouble, self._troubled = problem, time.monotonic()

    def metadata(self) -> GroupMetadata:
        """Return what a transaction must show of the group, as of the last news. Safe to call from any thread.

        It is remembered: the binding lets one thread at a time into a consumer, and `poll` is nearly always there.
        """
        return self._metadata

    def close(self, timeout: float) -> None:
        """Leave the group (a static member only stops: its partitions wait for it).

        After `timeout` seconds, or where Kafka refuses to hear it, the group finds out by the session's end.
        """
        leaving = Background("leave")
        left = leaving.submit(self._consumer.close)
        leaving.close()
        try:
            left.result(timeout)
        except (FutureTimeoutError, KafkaException) as error:
            _log.warning("Kafka didn't hear that this sealer leaves", seconds=timeout, problem=repr(error))

    def _assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        at_end = [TopicPartition(one.topic, one.partition, OFFSET_END) for one in partitions]
        consumer.incremental_assign(at_end)
        consumer.pause(at_end)
        self._metadata = consumer.consumer_group_metadata()
        self._on_assigned([one.partition for one in partitions])

    def _revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._metadata = consumer.consumer_group_metadata()  # the last blocks must show the generation that has begun
        self._on_revoked([one.partition for one in partitions])
        consumer.incremental_unassign(partitions)

    def _lose(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._on_lost([one.partition for one in partitions])
        consumer.incremental_unassign(partitions)
