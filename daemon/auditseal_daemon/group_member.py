"""A member of a consumer group: which partitions are this process's, and whether the group serves it."""

from collections.abc import Callable, Mapping
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from auditseal_daemon.background import run_in_thread
from auditseal_daemon.broker_watch import BrokerWatch
from auditseal_daemon.client_properties import log_in_again
from auditseal_daemon.errors import ExpelledError
from auditseal_daemon.group_watch import GroupWatch
from auditseal_daemon.kafka_client import describe, settings, unavailable

METADATA_SECONDS = 5.0
"""How often a member asks for its topic's partitions: a topic that grew is noticed within this time."""
OnPartitions = Callable[[Consumer, list[TopicPartition]], None]
_OF_ONE_PARTITION = frozenset(
    {
        KafkaError._PARTITION_EOF,  # noqa: SLF001  (its public name for a local error)
        KafkaError._AUTO_OFFSET_RESET,  # noqa: SLF001
    }
)


@dataclass(frozen=True, slots=True)
class GroupConfig:
    """A member's place in its group.

    Attributes:
        group: The consumer group.
        topic: The topic that the group reads.
        role: What the members do: `sealer` or `archiver`. Their settings' section and their client id are named so.
        instance: The member's own name where membership is static, so that a restart within `session` moves no
            partition; empty where it isn't.
        session: Seconds of silence after which the group gives a member's partitions to others.
    """

    group: str
    topic: str
    role: str
    instance: str = ""
    session: float = 10

    @property
    def client_id(self) -> str:
        """The name of this kind of client, which the group's description shows."""
        return f"auditseal-{self.role}"

    @property
    def heartbeat(self) -> float:
        """Seconds from one sign of life to the next."""
        return self.session / 4


class GroupMember:
    """A consumer in a group. Cooperative: a rebalance stops only the partitions that move.

    It commits nothing by itself and chooses no offset. One thread at a time.

    Attributes:
        consumer: For pausing, seeking and committing.
    """

    def __init__(self, client: Mapping[str, str], config: GroupConfig, **reading: object) -> None:
        """Connect; `reading` are further properties of the consumer, with `_` for `.` in their names."""
        self._config, self._watch = config, BrokerWatch(config.topic)
        self._group = GroupWatch(client, config.group, config.topic, config.role, config.client_id)
        self._log: Any = structlog.get_logger(__name__)
        self._client, self._is_refused = client, False
        static = {"group.instance.id": config.instance} if config.instance else {}
        self.consumer = Consumer(
            settings(
                {**client, **static},
                on_error=self._hear,
                client_id=config.client_id,
                group_id=config.group,
                enable_auto_commit=False,
                enable_auto_offset_store=False,
                auto_offset_reset="error",
                allow_auto_create_topics=False,
                check_crcs=True,
                partition_assignment_strategy="cooperative-sticky",
                session_timeout_ms=int(config.session * 1000),
                heartbeat_interval_ms=int(config.heartbeat * 1000),
                topic_metadata_refresh_interval_ms=int(METADATA_SECONDS * 1000),
                **reading,
            )
        )

    def join(self, *, on_assign: OnPartitions, on_revoke: OnPartitions, on_lost: OnPartitions) -> None:
        """Join the group; the callbacks run within `poll` and `leave`.

        Raises:
            UnavailableError: Kafka refuses the subscription.
        """
        self._callbacks = {"on_assign": on_assign, "on_revoke": on_revoke, "on_lost": on_lost}
        self._subscribe()
        self._group.start()

    def _hear(self, error: KafkaError) -> None:
        self._watch.hear(error)
        if error.code() == KafkaError._AUTHENTICATION:  # noqa: SLF001  (its public name for a local error)
            self._is_refused = True  # a call of the client within its own callback would end the process

    def _subscribe(self) -> None:
        with unavailable(f"topic {self._config.topic} can't be subscribed to"):
            self.consumer.subscribe([self._config.topic], **self._callbacks)

    def poll(self, seconds: float) -> Message | None:
        """Let the group's news arrive, and return the next record, or an error in its place.

        An error that is not of one partition alone also becomes the member's `trouble`.

        Raises:
            ExpelledError: The group never accepts this member again.
            UnavailableError: Kafka refuses the call.
        """
        if self._group.take_rejoin(self.consumer):
            self._log.warning("joining the group again, so that each partition gets a member", group=self._config.group)
            self.consumer.unsubscribe()
            self._subscribe()
        with unavailable(f"the group {self._config.group} can't be followed"):
            message = self.consumer.poll(seconds)
        if self._is_refused:
            self._is_refused = False
            log_in_again(self.consumer, self._client)
        error = message.error() if message is not None else None
        if error is not None and error.code() not in _OF_ONE_PARTITION:
            self._watch.hear_refusal(error)
        if fatal := self._watch.fatal:
            raise ExpelledError(self._expulsion(fatal))
        return message

    def _expulsion(self, fatal: KafkaError) -> str:
        role, name = self._config.role, self._config.instance
        hint = f": does another {role} have the name {name!r} ({role}.instance) too?" if name else ""
        return f"the group {self._config.group} has expelled this {role}: {describe(fatal)}{hint}"

    def trouble(self) -> str | None:
        """Return why the group or its brokers don't serve this member or the topic's partitions, None where they do."""
        return self._watch.trouble(self.consumer) or self._group.problem

    def leave(self, seconds: float) -> None:
        """Leave the group, which revokes what is assigned; a static member only stops: its partitions wait for it.

        After `seconds`, or where Kafka doesn't answer, the group notices by the session's end.
        """
        self._group.close()
        leaving = run_in_thread("leave", self.consumer.close)
        try:
            leaving.result(seconds)
        except (FutureTimeoutError, KafkaException) as error:
            self._log.warning("the group may not know that this member left", seconds=seconds, problem=repr(error))
