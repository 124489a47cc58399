"""Looks regularly at the topics' settings and ids, and at the vault, which may change while the sealer runs."""

import threading
import time
from collections.abc import Callable, Iterable

import structlog

from auditseal_daemon.blocks_owner import foreign_blocks
from auditseal_daemon.cluster import Cluster
from auditseal_daemon.topic_rules import TopicView, check_settings, retention_seconds
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.halt import Halt, HaltError
from auditseal_sealer.config import SealerConfig
from auditseal_sealer.context import SealerContext
from auditseal_sealer.new_partition import is_unarchived_partition
from auditseal_sealer.partition_sealer import PartitionSealer

_log = structlog.get_logger("auditseal.sealer")


def inspect_topics(cluster: Cluster, config: SealerConfig) -> tuple[TopicView, TopicView]:
    """Return the events and the blocks topic, which are as they must be and belong together.

    Raises:
        HaltError: TOPIC_MISCONFIGURED, with every problem.
        UnavailableError: The cluster is unreachable.
    """
    events, blocks = check_rules(config, *read_topics(cluster, config))
    owner, timeout = (config.events_topic, config.cluster), config.timeouts.call
    if problems := foreign_blocks(config.client, config.group, blocks, *owner, timeout):
        raise HaltError(Halt.TOPIC_MISCONFIGURED, "; ".join(problems))
    return events, blocks


def read_topics(cluster: Cluster, config: SealerConfig) -> tuple[TopicView | None, TopicView | None]:
    """Return the events and the blocks topic as they are, None for a missing one.

    Raises:
        UnavailableError: The cluster is unreachable.
    """
    return cluster.topic(config.events_topic), cluster.topic(config.blocks_topic)


def check_rules(
    config: SealerConfig, events: TopicView | None, blocks: TopicView | None
) -> tuple[TopicView, TopicView]:
    """Return both topics, which exist and are as they must be.

    Too few partitions of the blocks topic are not a fault here: each of its logs is sealed, and the others wait.

    Raises:
        HaltError: TOPIC_MISCONFIGURED, with all that is wrong.
    """
    if events is None or blocks is None:
        missing = ", ".join(
            name for name, view in ((config.events_topic, events), (config.blocks_topic, blocks)) if view is None
        )
        problem = f"there is no topic {missing}: make it with `auditseal topics create`"
        raise HaltError(Halt.TOPIC_MISCONFIGURED, problem)
    if problems := check_settings(config.rules, events, blocks):
        raise HaltError(Halt.TOPIC_MISCONFIGURED, "; ".join(problems))
    return events, blocks


def check_identity(then: tuple[TopicView, TopicView], now: tuple[TopicView, TopicView]) -> None:
    """Check that the topics are the ones that they were.

    Raises:
        HaltError: LOG_RECREATED or BLOCKS_LOST.
        UnavailableError: A topic has fewer partitions than it had. Kafka never takes one away, so a broker that doesn't
            know the new ones yet answered.
    """
    for before, after, halt in zip(then, now, (Halt.LOG_RECREATED, Halt.BLOCKS_LOST), strict=True):
        if before.topic_id != after.topic_id:
            problem = f"topic {before.name} was deleted and made again: its id was {before.topic_id}"
            raise HaltError(halt, f"{problem} and is {after.topic_id}")
        if after.partitions < before.partitions:
            problem = f"topic {before.name} had {before.partitions} partitions, and a broker shows {after.partitions}"
            raise UnavailableError(f"{problem}: its metadata is old")


class Watch:
    """A thread that looks until the process ends or it found something.

    Attributes:
        topics: The events and the blocks topic as the last look showed them.
    """

    def __init__(
        self,
        context: SealerContext,
        topics: tuple[TopicView, TopicView],
        partitions: Callable[[], Iterable[PartitionSealer]],
        fail: Callable[[Exception], None],
    ) -> None:
        """Start.

        Args:
            context: The values that all parts of the sealer share.
            topics: The events and the blocks topic at the start.
            partitions: Returns the partitions that are sealed now.
            fail: Called once, with the error that ends the sealer.
        """
        self._context, self._config, self._cluster = context, context.config, context.cluster
        self.topics, self._partitions, self._fail = topics, partitions, fail
        self._over = threading.Event()
        threading.Thread(target=self._run, name="watch", daemon=True).start()

    def close(self) -> None:
        """Stop looking."""
        self._over.set()

    def _run(self) -> None:
        try:
            self._keep_looking()
        except Exception as error:  # whatever it is, the sealer must end for it and not go on without the watch
            self._fail(error)

    def _keep_looking(self) -> None:
        vault_looked = time.monotonic()
        while not self._over.wait(self._config.intervals.topics):
            try:
                topics = self._look_at_topics()
                check_identity(self.topics, topics)
                self.topics = topics
                if time.monotonic() - vault_looked >= self._config.intervals.vault:
                    vault_looked = time.monotonic()
                    self._look_at_vault(*topics)
            except UnavailableError as error:
                _log.warning("can't look at topics or vault", problem=str(error))

    def _look_at_topics(self) -> tuple[TopicView, TopicView]:
        now = read_topics(self._cluster, self._config)
        for topic, halt in zip(now, (Halt.LOG_RECREATED, Halt.BLOCKS_LOST), strict=True):
            if topic is None:
                raise HaltError(halt, "the topic was deleted while the sealer ran")
        return check_rules(self._config, *now)

    def _look_at_vault(self, events: TopicView, blocks: TopicView) -> None:
        """Check that archiving is not so far behind that blocks could leave their topic before they are archived.

        A log of which the vault has nothing, while it has others, is held alone: its archiver lacks its trust line.
        """
        bound = retention_seconds(blocks) / 2
        for partition in self._partitions():
            waiting = partition.archive_age
            height = self._context.archive(partition.origin).height(near=waiting.height)
            if height is not None:
                waiting.archived(height)
            age = waiting.seconds(time.time())
            if age > bound:
                problem = f"its oldest unarchived block is {age:.0f} s old, half of the blocks topic's retention is"
                halt = HaltError(
                    Halt.ARCHIVE_BEHIND, f"{partition.origin}: {problem} {bound:.0f} s: repair the archiver first"
                )
                if height is not None or not is_unarchived_partition(
                    self._context, partition.origin, events.partitions
                ):
                    raise halt
                partition.hold(halt)
