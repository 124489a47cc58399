"""What `auditseal topics` reads of the daemons' settings: the same file and environment serve it."""

from pydantic import BaseModel, ConfigDict, Field

from auditseal.settings import DaemonSettings
from auditseal_daemon.topic_rules import TopicRules


class TopicsSection(BaseModel):
    """Of the sealer's section, what says how topics must be. The rest is the sealer's to check."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    replication: int = Field(default=3, ge=1)
    least_retention: int = Field(default=1, ge=0)


class TopicsSettings(DaemonSettings):
    """The daemons' settings, where neither cluster nor vault need be given."""

    cluster: str = "unnamed"
    vault: str = "file:///"
    sealer: TopicsSection = TopicsSection()

    def rules(self, replication: int | None) -> TopicRules:
        """Return what the topics must be like; `replication` overrides the setting."""
        return TopicRules(
            replication=self.sealer.replication if replication is None else replication,
            least_retention=self.sealer.least_retention,
        )
