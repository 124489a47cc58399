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
