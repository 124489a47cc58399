"""What the two topics must be like, and why: the table of docs/reference/topics.md as code. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from auditseal_daemon.batch_size import is_hardened, largest_batch
from auditseal_schemas.errors import ConfigurationError
from auditseal_schemas.limits import MAX_OBJECT_BYTES, MIB

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS
_FRAMING = 64 * 1024  # bytes that Kafka's record batch may add around a block; generous


class TopicKind(StrEnum):
    """Which of the two."""

    EVENTS = "events"
    BLOCKS = "blocks"


@dataclass(frozen=True, slots=True)
class TopicView:
    """A topic as the cluster describes it.

    Attributes:
        name: Its name.
        topic_id: Its id, new when a topic of the same name is made again.
        replicas: The number of replicas of each partition.
        settings: Its effective settings.
    """

    name: str
    topic_id: str
    replicas: tuple[int, ...]
    settings: Mapping[str, str]

    @property
    def partitions(self) -> int:
        """The number of partitions."""
        return len(self.replicas)


@dataclass(frozen=True, slots=True)
class TopicRules:
    """The settings that an operator may choose.

    Attributes:
        partitions: Partitions of both topics; -1, as in Kafka, leaves it to the broker, and any number will do.
        replication: Replicas of each partition; `min.insync.replicas` is one less, and at least 1.
        events_retention: Days that new events topics keep events: far beyond the worst outage of sealing.
        blocks_retention: Days that new blocks topics keep blocks: far beyond the worst outage of archiving.
        least_retention: Days below which an existing topic is refused.
        hardened: Brokers store events uncompressed, so that no producer's batch grows when it is decompressed.
    """

    partitions: int = -1
    replication: int = 3
    events_retention: int = 30
    blocks_retention: int = 30
    least_retention: int = 1
    hardened: bool = False

    @property
    def min_insync_replicas(self) -> int:
        """Replicas that must have a record before it is acknowledged."""
        return max(1, self.replication - 1)

    def settings(self, kind: TopicKind) -> dict[str, str]:
        """Return the settings that a new topic of a kind is made with."""
        days = self.events_retention if kind is TopicKind.EVENTS else self.blocks_retention
        hardened = {"compression.type": "uncompressed"} if self.hardened and kind is TopicKind.EVENTS else {}
        return hardened | {
            "cleanup.policy": "delete",
            "retention.ms": str(days * _DAY_MS),
            "retention.bytes": "-1",
            "min.insync.replicas": str(self.min_insync_replicas),
            "unclean.leader.election.enable": "false",
            "message.timestamp.type": "LogAppendTime",
            "max.message.bytes": str(MIB if kind is TopicKind.EVENTS else 16 * MIB),
        }

    def problems(self, kind: TopicKind, topic: TopicView) -> Iterator[str]:
        """Yield what is wrong with a topic, each with what to do."""
        if self.partitions not in {-1, topic.partitions}:
            yield (
                f"{topic.name}: it has {topic.partitions} partitions, not {self.partitions}: it is not changed;"
                " give the number that it has, or name another topic"
            )
        exact = {
            "cleanup.policy": ("delete", "a compacted topic loses records that it must keep"),
            "retention.bytes": ("-1", "a limit by size deletes what isn't sealed or archived yet"),
            "unclean.leader.election.enable": ("false", "an unclean leader loses acknowledged records"),
            "message.timestamp.type": ("LogAppendTime", "a producer could claim any time"),
        }
        for name, (wanted, why) in exact.items():
            if (found := topic.settings.get(name)) != wanted:
                yield f"{topic.name}: {name} is {found}, not {wanted}: {why}"
        if self.hardened and kind is TopicKind.EVENTS and not is_hardened(topic.settings):
            yield (
                f"{topic.name}: compression.type is {topic.settings.get('compression.type')}, not uncompressed, or"
                f" max.message.bytes is too large: a batch may have {largest_batch(topic.settings) // MIB} MiB once the"
                " sealer has decompressed it"
            )
        least = {"min.insync.replicas": self.min_insync_replicas}
        if kind is TopicKind.BLOCKS:
            # whatever the sealer's own limits are: a record of 8 MiB is a block by itself (docs/adr/0009)
            least["max.message.bytes"] = MAX_OBJECT_BYTES + _FRAMING
        for name, bound in least.items():
            if int(topic.settings.get(name, 0)) < bound:
                yield f"{topic.name}: {name} is {topic.settings.get(name)}, below {bound}"
        retention = int(topic.settings.get("retention.ms", 0))
        if 0 <= retention < self.least_retention * _DAY_MS:
            yield f"{topic.name}: retention.ms is {retention}, below {self.least_retention * _DAY_MS}"
        if min(topic.replicas, default=0) < self.replication:
            yield f"{topic.name}: a partition has {min(topic.replicas, default=0)} replicas, not {self.replication}"


def check_settings(rules: TopicRules, events: TopicView, blocks: TopicView) -> list[str]:
    """Return all that is wrong with each of the two topics; empty where nothing is."""
    return [*rules.problems(TopicKind.EVENTS, events), *rules.problems(TopicKind.BLOCKS, blocks)]


def check_pair(rules: TopicRules, events: TopicView, blocks: TopicView) -> list[str]:
    """Return all that is wrong with the two topics, each for itself and both together; empty where nothing is."""
    problems = check_settings(rules, events, blocks)
    if blocks.partitions < events.partitions:
        problems.append(
            f"{blocks.name}: it has {blocks.partitions} partitions, {events.name} has {events.partitions}:"
            " a block goes to the partition of the same number"
        )
    return problems


def check_growth(topics: Mapping[str, TopicView | None], partitions: int) -> list[TopicView]:
    """Return topics that must have `partitions` partitions, in the same order.

    Raises:
        ConfigurationError: One of them is missing, or has more partitions than that.
    """
    found = []
    for name, topic in topics.items():
        if topic is None:
            raise ConfigurationError(f"there is no topic {name}: make it with `auditseal topics create`")
        if topic.partitions > partitions:
            problem = f"{name} has {topic.partitions} partitions, and Kafka can't reduce them to {partitions}"
            raise ConfigurationError(f"{problem}: say a larger number")
        found.append(topic)
    return found


def retention_seconds(topic: TopicView) -> float:
    """Return how long a topic keeps records; infinity where it keeps them for good."""
    retention = int(topic.settings["retention.ms"])
    return float("inf") if retention < 0 else retention / 1000
