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
