"""This sealer's place in the consumer group: the partitions that it owns. It reads no records."""

from collections.abc import Callable, Sequence

from confluent_kafka import OFFSET_END, Consumer, TopicPartition

from auditseal_daemon.group_member import GroupMember
from auditseal_sealer.config import SealerConfig
from auditseal_sealer.transactional_producer import GroupMetadata

OnPartitions = Callable[[Sequence[int]], None]


class Membership:
    """A member of the group that reads nothing.

    Its partitions are paused at once and stay so: each is read with a consumer of its own, at the offset that its
    blocks say. This one is for the assignment, and for the group's metadata: they fence a transaction of a sealer that
    the group has removed (KIP-447).
    """

    def __init__(self, config: SealerConfig) -> None:
        """Connect; `join` joins the group."""
        self._member = GroupMember(config.client, config.membership, queued_min_messages=1, fetch_message_max_bytes=1)
        self._metadata: GroupMetadata = None

    def join(self, *, on_assigned: OnPartitions, on_revoked: OnPartitions, on_lost: OnPartitions) -> None:
        """Join the group; the callbacks run within `poll` and `close`."""
        self._on_assigned, self._on_revoked, self._on_lost = on_assigned, on_revoked, on_lost
        self._member.join(on_assign=self._assign, on_revoke=self._revoke, on_lost=self._lose)

    def trouble(self) -> str | None:
        """Return why the group or its brokers don't serve this member, None if they do."""
        return self._member.trouble()

    def poll(self, seconds: float) -> None:
        """Receive the group's news for at most `seconds`. A record that arrives nevertheless is ignored.

        Raises:
            ExpelledError: The group never accepts this sealer again.
        """
        self._member.poll(seconds)
        self._metadata = self._member.consumer.consumer_group_metadata()

    def metadata(self) -> GroupMetadata:
        """Return the group's metadata that a transaction must carry, as of the last news. Safe to call from any thread.

        It is remembered: the binding lets one thread at a time into a consumer, and `poll` is nearly always there.
        """
        return self._metadata

    def close(self, seconds: float) -> None:
        """Leave the group; after `seconds`, or if Kafka does not answer, the group notices at the session's end."""
        self._member.leave(seconds)

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
