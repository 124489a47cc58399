"""A configuration of an earlier version still means what it meant, to each daemon."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from auditseal.settings import load_settings
from auditseal.settings_archiver import ArchiverSettings
from auditseal.settings_sealer import SealerSettings
from auditseal.settings_watch import WatchSettings
from auditseal_schemas.origin import Origin
from auditseal_vault.encryption import Encryption
from tests.factory.archiver_settings import log_line
from tests.factory.secret_files import write_secret

pytestmark = pytest.mark.usefixtures("no_settings")

DATA = Path(__file__).parents[2] / "data"
LOG = Origin("a.example", "audit.events", 0, 0)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file of version 0.1, next to the files that it names."""
    for name in ("password", "passphrase", "key.pem", "ca.pem"):
        write_secret(tmp_path / name, "a secret")
    (tmp_path / "trust.txt").write_text(log_line(LOG))
    shutil.copy(DATA / "configuration-0.1.toml", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "configuration-0.1.toml"


def test_the_sealer_takes_it(config: Path) -> None:
    made = load_settings(SealerSettings, config).config(genesis_allowed=False)
    assert (made.group, made.instance, made.cluster) == ("auditseal.sealer", "sealer-0", LOG.cluster)
    assert made.client["sasl.username"] == "auditseal"
    assert made.client["sasl.password"] == "a secret"


def test_the_archiver_takes_it(config: Path) -> None:
    made = load_settings(ArchiverSettings, config).config()
    assert (made.retention, made.drill_every) == (timedelta(days=2555), timedelta(hours=24))
    assert [log.origin for log in made.logs[0]] == [LOG]
    assert made.encryption == Encryption("aws:kms", "1234abcd")


def test_the_watcher_takes_it(config: Path) -> None:
    made = load_settings(WatchSettings, config).config()
    assert (made.every, made.scrub_period, made.most_age) == (
        timedelta(seconds=10),
        timedelta(days=7),
        timedelta(hours=26),
    )
    assert made.expected == (LOG,)
    assert made.vault.startswith("s3://audit-archive/prefix?")
