"""A sealer's configuration, as one frozen value."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from uuid import uuid4

from auditseal_daemon.group_member import GroupConfig
from auditseal_daemon.topic_rules import TopicRules
from auditseal_schemas import __version__
from auditseal_schemas.block_draft import BlockLimits
from auditseal_schemas.errors import ConfigurationError
from auditseal_schemas.header import Predecessor
from auditseal_schemas.origin import Origin
from auditseal_sealer.batch import BatchPolicy
from auditseal_sealer.restart import RestartPolicy


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Bounds of calls to Kafka, in seconds.

    Attributes:
        call: One call, repeated while Kafka says that it may be.
        question: One administrative call; a stop that comes within it waits for it.
        transaction: The coordinator aborts a transaction that lasts longer.
        stuck: A transactional call that lasts longer will not return: the process ends hard. Above `call`.
        session: A sealer that is silent for longer loses its partitions.
        silence: After it, records that a broker has and doesn't send count as unreadable.
        settled: How long a transaction on the blocks topic may stay open before it is a foreign one, and the sealer
            halts. The coordinator looks for transactions that lasted too long every 10 s, so one of ours ends after
            `transaction` and 10 s at the latest.
        finish: The time in which partitions finish their blocks when they stop.
        leave: The time to tell the group that a sealer leaves; with `finish`, within the 9 s that the process has.
        pause: The first pause between two attempts to recover a log.
        back_off: The longest one.
    """

    call: float = 10
    question: float = 4
    transaction: float = 12
    stuck: float = 15
    session: float = 10
    silence: float = 20
    settled: float = 25
    finish: float = 6
    leave: float = 2
    pause: float = 0.2
    back_off: float = 10


@dataclass(frozen=True, slots=True)
class Intervals:
    """The intervals at which the sealer looks at topics and vault, in seconds."""

    topics: float = 2
    vault: float = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class SealerConfig:
    """A sealer's configuration.

    Attributes:
        client: The connection as librdkafka's properties.
        events_topic: Where events come from.
        blocks_topic: Where blocks go, each to the partition of the same number.
        cluster: The cluster's name in origins.
        run: The run in origins; above 0 it continues after a halt that gave up a log.
        predecessors: For a run above 0, the last heads of the runs before, one a partition.
        genesis_allowed: A person allowed logs without any block to begin.
        group: The consumer group.
        instance: This sealer's name in the group where membership is static, so that a restart within
            `Timeouts.session` moves no partition; empty where it isn't.
        limits: When a block is full.
        batch: When a block closes before.
        rules: What the topics must be like.
        timeouts: Bounds of calls.
        intervals: How often topics and vault are looked at.
        clock_lead: Seconds by which `sealed_at` may lead the broker's clock.
        sealer: The sealer's name and version in headers.

    Raises:
        ConfigurationError: A predecessor is not an earlier run of a log of this topic, or two are of one partition.
    """

    client: Mapping[str, str]
    events_topic: str
    blocks_topic: str
    cluster: str
    run: int = 0
    predecessors: tuple[Predecessor, ...] = ()
    genesis_allowed: bool = False
    group: str = "auditseal.sealer"
    instance: str = ""
    limits: BlockLimits = field(default_factory=BlockLimits)
    batch: BatchPolicy = field(default_factory=BatchPolicy)
    rules: TopicRules = field(default_factory=TopicRules)
    timeouts: Timeouts = field(default_factory=Timeouts)
    intervals: Intervals = field(default_factory=Intervals)
    clock_lead: float = 10
    sealer: str = f"auditseal/{__version__}"

    def __post_init__(self) -> None:
        partitions = set[int]()
        for origin in (Origin.parse(head.origin) for head in self.predecessors):
            if origin.run >= self.run or replace(origin, run=self.run) != self.origin(origin.partition):
                logs = f"{self.cluster}/{self.events_topic}"
                raise ConfigurationError(f"sealer.predecessors: {origin} is not a run of {logs} before run {self.run}")
            if origin.partition in partitions:
                raise ConfigurationError(f"sealer.predecessors: partition {origin.partition} has more than one")
            partitions.add(origin.partition)

    @property
    def membership(self) -> GroupConfig:
        """This sealer's place in the group."""
        return GroupConfig(self.group, self.events_topic, "sealer", self.instance, self.timeouts.session)

    @property
    def restarts(self) -> RestartPolicy:
        """When a partition is sealed again after a failure."""
        return RestartPolicy(self.timeouts.pause, self.timeouts.back_off, 2 * self.membership.heartbeat)

    def origin(self, partition: int) -> Origin:
        """Return the log of a partition."""
        return Origin(self.cluster, self.events_topic, partition, self.run)

    def predecessor(self, partition: int) -> Predecessor | None:
        """Return the head that the log of a partition continues from, None if none is configured."""
        logs = {Origin.parse(head.origin).partition: head for head in self.predecessors}
        return logs.get(partition)

    def transactional_id(self, partition: int) -> str:
        """Return the id of the producer that claims the log of a partition, whatever its group."""
        return f"auditseal.{self.events_topic}.{partition}"

    def new_writer(self) -> str:
        """Return the id of a new producer of blocks."""
        return f"auditseal.{self.events_topic}.writer.{uuid4().hex}"

    def is_writer(self, transactional_id: str) -> bool:
        """Return whether an id is one of a producer of blocks of this topic."""
        return bool(
            re.fullmatch(rf"auditseal\.{re.escape(self.events_topic)}\.writer\.[0-9a-f]{{32}}", transactional_id)
        )
