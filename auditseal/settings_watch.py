"""The watcher's own settings, and the configuration that they make."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

from pydantic import Field, model_validator

from auditseal.settings import CommonSettings
from auditseal.settings_kafka import KafkaSettings
from auditseal.settings_sections import ReadableFile, RecordSettings, Section, VaultUrl
from auditseal_schemas.errors import ConfigurationError, MalformedError, quoted
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import Trust
from auditseal_watch.config import WatchConfig


class WatchSection(Section):
    """The section that only the watcher reads.

    Attributes:
        trust_file: The trust file: everything that the checks trust.
        state_file: The remembered heads, as `auditseal verify --state` has them.
        every: Seconds from the end of one check to the next.
        scrub_days: All older blocks are checked again within so many days.
        max_age_hours: The most hours since a log's last block; not set for any.
        expect: Logs that must exist, whether or not the trust file pins them.
        evidence_dir: The folder for the proofs of forks; not set for none.
        jobs: Processes that check blocks, if a check lasts longer than a second.
    """

    trust_file: ReadableFile
    state_file: Path
    every: float = Field(default=10, ge=1, le=86_400)
    scrub_days: float = Field(default=7, gt=0, le=3650)
    max_age_hours: float | None = Field(default=None, gt=0, le=87_600)
    expect: tuple[str, ...] = ()
    evidence_dir: Path | None = None
    jobs: int = Field(default=1, ge=1, le=256)


class WatchSettings(CommonSettings):
    """All settings of the watcher, which needs Kafka only to record results.

    Attributes:
        vault: The vault's URL; the trust file's if it is not set.
        watch: The watcher's own section.
        record: Where results are recorded; not set for none.
        kafka: The connection to Kafka for that.
    """

    vault: VaultUrl | None = None
    watch: WatchSection
    record: RecordSettings | None = None
    kafka: KafkaSettings | None = None

    @model_validator(mode="before")
    @classmethod
    def _ignore_kafka(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Ignore the section kafka of a file that all daemons share, as long as nothing is recorded."""
        return values if values.get("record") else {key: value for key, value in values.items() if key != "kafka"}

    @model_validator(mode="after")
    def _check_record(self) -> Self:
        if self.record and self.kafka is None:
            raise ValueError("record needs the section kafka: say where the brokers are")
        return self

    def kafka_client(self) -> Mapping[str, str]:
        """Return the connection as librdkafka's properties, without any where no section says it.

        Raises:
            ConfigurationError: A secret can't be read.
        """
        return self.kafka.client_config() if self.kafka else {}

    def config(self) -> WatchConfig:
        """Return the watcher's configuration.

        Raises:
            TrustError: The trust file isn't valid.
            ConfigurationError: The trust file can't be read, no vault is named, or `expect` does not name logs.
        """
        section = self.watch
        try:
            trust = Trust.parse(section.trust_file.read_bytes())
        except OSError as error:
            raise ConfigurationError(f"watch.trust_file: {section.trust_file} can't be read: {error}") from error
        vault = self.vault or trust.vault
        if vault is None:
            raise ConfigurationError(f"vault: it is not set, and {section.trust_file} has no vault line: set vault")
        return WatchConfig(
            trust=trust,
            vault=vault,
            state_file=section.state_file,
            every=timedelta(seconds=section.every),
            scrub_period=timedelta(days=section.scrub_days),
            most_age=None if section.max_age_hours is None else timedelta(hours=section.max_age_hours),
            expected=tuple(map(_origin, section.expect)),
            evidence=section.evidence_dir,
        )


def _origin(text: str) -> Origin:
    try:
        return Origin.parse(text)
    except MalformedError as error:
        raise ConfigurationError(f"watch.expect: {quoted(text)} does not name a log: {error.problem}") from error
