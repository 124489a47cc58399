"""The daemons' settings that `auditseal topics` reads, from the same file and environment."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from auditseal.settings import DaemonSettings
from auditseal.settings_signer import PublicKey
from auditseal_daemon.topic_rules import TopicRules


class PublicKeySection(BaseModel):
    """The part of the section [sealer.signer] that `topics` needs."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    public_key: PublicKey


class TopicsSection(BaseModel):
    """The part of the sealer's section that `topics` needs. The sealer checks the rest."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    replication: int = Field(default=3, ge=1)
    least_retention: int = Field(default=1, ge=0)
    group: str = Field(default="auditseal.sealer", min_length=1)
    run: int = Field(default=0, ge=0)
    key_file: Path | None = None
    passphrase_file: Path | None = None
    signer: PublicKeySection | None = None
    second_key_file: Path | None = None
    second_passphrase_file: Path | None = None


class TrustSection(BaseModel):
    """The part of the archiver's section that `topics` needs. The archiver checks the rest."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    trust_file: Path | None = None


class TopicsSettings(DaemonSettings):
    """The daemons' settings, with cluster and vault optional."""

    cluster: str = "unnamed"
    vault: str = "file:///"
    sealer: TopicsSection = TopicsSection()
    archiver: TrustSection = TrustSection()

    @property
    def named_cluster(self) -> str | None:
        """The cluster's name in origins, None where it isn't set."""
        return self.cluster if "cluster" in self.model_fields_set else None

    def rules(self, replication: int | None) -> TopicRules:
        """Return the rules for the topics; `replication` overrides the setting."""
        return TopicRules(
            replication=self.sealer.replication if replication is None else replication,
            least_retention=self.sealer.least_retention,
        )
