"""The archiver's settings, and the configuration that is made of them."""

from datetime import timedelta
from pathlib import Path

import pytest

from auditseal.settings import load_settings
from auditseal.settings_archiver import ArchiverSettings
from auditseal_archiver.config import pinned_logs
from auditseal_schemas.errors import ConfigurationError
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import Trust
from auditseal_vault.encryption import Encryption
from tests.factory.archiver_settings import log_line, write_archiver_settings

pytestmark = pytest.mark.usefixtures("no_settings")


def test_what_the_archiver_is_made_of(tmp_path: Path) -> None:
    made = load_settings(ArchiverSettings, write_archiver_settings(tmp_path)).config()
    assert (made.blocks_topic, made.retention, made.drill_every) == (
        "audit.blocks",
        timedelta(days=30),
        timedelta(days=1),
    )
    assert made.client == {"bootstrap.servers": "127.0.0.1:9092", "security.protocol": "PLAINTEXT"}
    assert list(made.logs) == [0]


def test_logs_by_partition_and_run() -> None:
    origins = [Origin("a", "t", 1, 1), Origin("a", "t", 0, 0), Origin("a", "t", 1, 0), Origin("b", "t", 1, 0)]
    trust = Trust.parse("".join(map(log_line, origins)).encode())
    found = {partition: [log.origin for log in logs] for partition, logs in pinned_logs(trust, "a", "t").items()}
    assert found == {0: [origins[1]], 1: [origins[2], origins[0]]}
    with pytest.raises(ConfigurationError, match="pins no log of a/other"):
        pinned_logs(trust, "a", "other")


def test_encryption_at_rest_arrives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = write_archiver_settings(tmp_path)
    assert load_settings(ArchiverSettings, config).config().encryption is None
    monkeypatch.setenv("AUDITSEAL_ARCHIVER__ENCRYPTION", "SSE-KMS")
    with pytest.raises(ConfigurationError, match=r"archiver \(AUDITSEAL_ARCHIVER\): encryption and kms_key do not fit"):
        load_settings(ArchiverSettings, config)
    monkeypatch.setenv("AUDITSEAL_ARCHIVER__KMS_KEY", "1234abcd")
    assert load_settings(ArchiverSettings, config).config().encryption == Encryption("aws:kms", "1234abcd")
    monkeypatch.setenv("AUDITSEAL_ARCHIVER__ENCRYPTION", "AES256")
    with pytest.raises(ConfigurationError, match="AUDITSEAL_ARCHIVER__ENCRYPTION"):
        load_settings(ArchiverSettings, config)


def test_a_topic_has_a_retention_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = write_archiver_settings(tmp_path)
    (tmp_path / "trust.txt").write_text(
        "".join(log_line(Origin("a.example", topic, 0, 0)) for topic in ("audit.events", "audit.orders"))
        + "retention 40\n"
    )
    with pytest.raises(ConfigurationError, match=r"archiver.retention_days: 30 is less than the 40 days"):
        load_settings(ArchiverSettings, config).config()
    config.write_text(
        config.read_text() + '[archiver.topic_retention_days]\n"audit.events" = 50\n"audit.orders" = 39\n'
    )
    assert load_settings(ArchiverSettings, config).config().retention == timedelta(days=50)
    monkeypatch.setenv("AUDITSEAL_EVENTS_TOPIC", "audit.orders")
    with pytest.raises(ConfigurationError, match=r'topic_retention_days."audit.orders": 39 is less than the 40 days'):
        load_settings(ArchiverSettings, config).config()


@pytest.mark.parametrize(
    ("line", "said"),
    [('"audit orders" = 9', "should match pattern"), ('"audit.orders" = 0', "greater than or equal to 1")],
)
def test_a_retention_that_no_topic_can_have(tmp_path: Path, line: str, said: str) -> None:
    config = write_archiver_settings(tmp_path)
    config.write_text(f"{config.read_text()}[archiver.topic_retention_days]\n{line}\n")
    with pytest.raises(ConfigurationError, match=rf"archiver.topic_retention_days.*{said}"):
        load_settings(ArchiverSettings, config)
