"""The archiver's own settings, and the configuration that they make."""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from auditseal.settings import DaemonSettings
from auditseal.settings_sections import ReadableFile, RecordSettings, Section, TopicName
from auditseal_archiver.config import MAX_RETENTION, ArchiverConfig, pinned_logs
from auditseal_schemas.errors import ConfigurationError
from auditseal_schemas.trust import Trust
from auditseal_vault.encryption import wanted_encryption

Days = Annotated[int, Field(ge=1, lt=MAX_RETENTION.days)]
"""How long S3 can lock an object."""


class ArchiverSection(Section):
    """The section that only the archiver reads.

    Attributes:
        trust_file: The trust file that auditors have: the logs, and the keys that sign them.
        retention_days: The least days from sealing to the end of a block's lock.
        topic_retention_days: The same for the logs of some events topics; for others `retention_days` holds.
        group: The consumer group.
        instance: This archiver's name in the group for static membership; empty for none.
        session_timeout: Seconds of silence after which the group gives an archiver's partitions to others.
        drill_hours: Hours from one WORM drill to the next.
        encryption: The encryption at rest that each write asks for and checks; not set for the bucket's default.
        kms_key: The identifier or ARN of the key for SSE-KMS.
    """

    trust_file: ReadableFile
    retention_days: Days
    topic_retention_days: dict[TopicName, Days] = Field(default={})
    group: str = Field(default="auditseal.archiver", min_length=1)
    instance: str = ""
    session_timeout: float = Field(default=10, ge=6, le=300)
    drill_hours: float = Field(default=24, gt=0)
    encryption: Literal["SSE-S3", "SSE-KMS"] | None = None
    kms_key: str = ""

    @model_validator(mode="after")
    def _check_encryption(self) -> Self:
        try:
            wanted_encryption(self.encryption, self.kms_key)
        except ConfigurationError as error:
            raise ValueError(f"encryption and kms_key do not fit: {error}") from error
        return self


class ArchiverSettings(DaemonSettings):
    """All settings of the archiver.

    Attributes:
        archiver: The archiver's own section.
        record: Where the results of drills are recorded; not set for none.
    """

    archiver: ArchiverSection
    record: RecordSettings | None = None

    def config(self) -> ArchiverConfig:
        """Return the archiver's configuration.

        Raises:
            TrustError: The trust file isn't valid.
            ConfigurationError: It can't be read, or pins no log of the topic, or a longer retention; or a secret can't
                be read.
        """
        section = self.archiver
        try:
            trust = Trust.parse(section.trust_file.read_bytes())
        except OSError as error:
            raise ConfigurationError(f"archiver.trust_file: {section.trust_file} can't be read: {error}") from error
        name, days = self._retention()
        if trust.retention_days is not None and days < trust.retention_days:
            raise ConfigurationError(
                f"{name}: {days} is less than the {trust.retention_days} days that {section.trust_file} requires: raise"
                " it, or give the topic a trust file of its own"
            )
        return ArchiverConfig(
            client=self.kafka.client_config(),
            blocks_topic=self.blocks_topic,
            logs=pinned_logs(trust, self.cluster, self.events_topic),
            retention=timedelta(days=days),
            group=section.group,
            instance=section.instance,
            session=section.session_timeout,
            drill_every=timedelta(hours=section.drill_hours),
            encryption=wanted_encryption(section.encryption, section.kms_key),
        )

    def _retention(self) -> tuple[str, int]:
        """Return the key that sets the retention of this archiver's events topic, and its days."""
        of_topics = self.archiver.topic_retention_days
        if self.events_topic in of_topics:
            return f'archiver.topic_retention_days."{self.events_topic}"', of_topics[self.events_topic]
        return "archiver.retention_days", self.archiver.retention_days
