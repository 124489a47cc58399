"""The daemons' settings that `auditseal topics` reads, from the same file and environment."""

from pydantic import BaseModel, ConfigDict, Field

from auditseal.settings import DaemonSettings
from auditseal_daemon.topic_rules import TopicRules


class TopicsSection(BaseModel):
    """The part of the sealer's section that says how topics must be. The sealer checks the rest."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    replication: int = Field(default=3, ge=1)
    least_retention: int = Field(default=1, ge=0)


class TopicsSettings(DaemonSettings):
    """The daemons' settings, with cluster and vault optional."""

    cluster: str = "unnamed"
    vault: str = "file:///"
    sealer: TopicsSection = TopicsSection()

    def rules(self, replication: int | None) -> TopicRules:
        """Return the rules for the topics; `replication` overrides the setting."""
        return TopicRules(
            replication=self.sealer.replication if replication is None else replication,
            least_retention=self.sealer.least_retention,
        )
