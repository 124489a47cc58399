"""The archiver's configuration, as one frozen value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from auditseal_daemon.group_member import GroupConfig
from auditseal_schemas.errors import ConfigurationError
from auditseal_schemas.limits import MIB
from auditseal_schemas.trust import PinnedLog, Trust
from auditseal_vault.encryption import Encryption

MAX_RETENTION = timedelta(days=36_500)
"""The longest lock that S3 accepts."""


@dataclass(frozen=True, slots=True)
class ArchiverConfig:
    """An archiver's configuration.

    Attributes:
        client: The connection to Kafka, as librdkafka's properties.
        blocks_topic: Where the sealer commits blocks.
        logs: For each partition its pinned logs, by ascending run.
        retention: The least time from sealing to the end of a block's lock.
        group: The consumer group.
        instance: This archiver's name in the group where membership is static, so that a restart within `session` moves
            no partition; empty where it isn't.
        session: Seconds of silence after which the group gives an archiver's partitions to others.
        drill_every: The time from one WORM drill to the next.
        encryption: The encryption at rest that each stored block must have; None for the store's default, unchecked.
        waiting_bytes: The most bytes of blocks that wait in memory, over all partitions.
    """

    client: Mapping[str, str] = field(repr=False)
    blocks_topic: str
    logs: Mapping[int, tuple[PinnedLog, ...]]
    retention: timedelta
    group: str = "auditseal.archiver"
    instance: str = ""
    session: float = 10
    drill_every: timedelta = timedelta(hours=24)
    encryption: Encryption | None = None
    waiting_bytes: int = 48 * MIB

    @property
    def any_log(self) -> PinnedLog:
        """One of the pinned logs."""
        return next(iter(self.logs.values()))[0]

    @property
    def membership(self) -> GroupConfig:
        """The archiver's place in its group."""
        return GroupConfig(self.group, self.blocks_topic, "archiver", self.instance, self.session)


def pinned_logs(trust: Trust, cluster: str, topic: str) -> dict[int, tuple[PinnedLog, ...]]:
    """Return the logs of an events topic that a trust file pins: by partition, and within it by ascending run.

    Raises:
        ConfigurationError: It pins none.
    """
    logs: dict[int, tuple[PinnedLog, ...]] = {}
    for log in sorted(trust.logs, key=lambda log: log.origin.run):
        if (log.origin.cluster, log.origin.topic) == (cluster, topic):
            logs[log.origin.partition] = (*logs.get(log.origin.partition, ()), log)
    if not logs:
        raise ConfigurationError(
            f"the trust file pins no log of {cluster}/{topic}: add the log lines that `auditseal keys show` prints"
        )
    return logs
