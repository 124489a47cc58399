"""`auditseal retention extend` on a real store: longer locks, never shorter ones, and a run that was interrupted."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from auditseal.cli import app
from auditseal_local.minio import MinioNode
from auditseal_schemas.errors import UnavailableError
from auditseal_vault.interface import Retention
from auditseal_vault.open import open_vault
from auditseal_vault.s3 import S3Vault
from tests.factory.archiver_settings import log_line
from tests.factory.vaults import ORIGINS, make_log

LOG = ORIGINS[0]
BLOCKS = make_log(LOG, [1] * 40, partitions=1)
NOW = datetime.now(UTC).replace(microsecond=0)
SOON, LATER = NOW + timedelta(days=1), NOW + timedelta(days=400)


class Place:
    """A bucket with a log of 40 blocks, locked for a day, and its trust file."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.trust = url, folder / "trust.txt"
        self.trust.write_text(f"vault {url}\n{log_line(LOG)}")
        vault = open_vault(url)
        for block in BLOCKS:
            vault.put(LOG.block_key(block.header.height), block.format(), SOON)

    def extend(self, *words: str, until: datetime = LATER) -> tuple[int, Any, str]:
        """Run the command; return its exit code, its log's answer, and what it complained of."""
        when = ["--until", until.isoformat().replace("+00:00", "Z")]
        answer = CliRunner().invoke(app, ["retention", "extend", "--trust", str(self.trust), *when, "--json", *words])
        return answer.exit_code, json.loads(answer.stdout)["logs"][0] if answer.stdout else None, answer.stderr

    def ends(self) -> set[Retention | None]:
        vault = open_vault(self.url)
        return {vault.retention(entry.key, entry.version_id) for entry in vault.versions(LOG.blocks_prefix)}


@pytest.fixture
def place(minio: MinioNode, new_bucket: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    for name, value in minio.client_environment().items():
        monkeypatch.setenv(name, value)
    return Place(f"s3://{new_bucket()}/vault/?endpoint={minio.endpoint}", tmp_path)


def counted(blocks: int, short: int, extended: int) -> dict[str, Any]:
    return {"origin": str(LOG), "blocks": blocks, "short": short, "extended": extended}


def test_locks_are_counted_then_extended_and_never_shortened(place: Place) -> None:
    assert place.extend() == (0, counted(40, 40, 0), "")
    assert place.ends() == {Retention("COMPLIANCE", SOON)}
    assert place.extend("--yes") == (0, counted(40, 40, 40), "")
    assert place.ends() == {Retention("COMPLIANCE", LATER)}
    assert place.extend("--yes", until=NOW + timedelta(days=30)) == (0, counted(40, 0, 0), "")
    assert place.ends() == {Retention("COMPLIANCE", LATER)}


def test_what_counts_is_the_version_that_was_stored_first(place: Place, minio: MinioNode) -> None:
    bucket, key = place.url.split("/")[2], f"vault/{LOG.block_key(3)}"
    second = minio.s3().put_object(Bucket=bucket, Key=key, Body=b"another version")["VersionId"]
    minio.s3().delete_object(Bucket=bucket, Key=key)
    assert place.extend("--yes") == (0, counted(40, 40, 40), "")
    vault = open_vault(place.url)
    entries = vault.versions_of(LOG.block_key(3))
    assert [entry.is_delete_marker for entry in entries] == [True, False, False]
    assert vault.retention(LOG.block_key(3), second) is None
    assert vault.retention(LOG.block_key(3), entries[-1].version_id) == Retention("COMPLIANCE", LATER)


def test_a_run_that_was_interrupted_is_continued(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = S3Vault.extend_lock

    def away(vault: S3Vault, key: str, version_id: str, until: datetime) -> None:
        if key >= LOG.block_key(25):
            raise UnavailableError("the store is away")
        plain(vault, key, version_id, until)

    monkeypatch.setattr(S3Vault, "extend_lock", away)
    code, answer, complaint = place.extend("--yes")
    assert (code, answer, complaint) == (1, None, "auditseal retention extend: the store is away\n")
    assert place.ends() == {Retention("COMPLIANCE", SOON), Retention("COMPLIANCE", LATER)}
    monkeypatch.setattr(S3Vault, "extend_lock", plain)
    assert place.extend("--yes") == (0, counted(40, 15, 15), "")
    assert place.ends() == {Retention("COMPLIANCE", LATER)}


def test_a_store_that_accepts_an_extension_and_keeps_the_old_lock(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(S3Vault, "extend_lock", lambda *_: None)
    code, answer, complaint = place.extend("--yes")
    assert (code, answer) == (1, None)
    assert f"accepted a COMPLIANCE lock until {LATER} and shows COMPLIANCE until {SOON}" in complaint


def test_verify_requires_the_longer_retention_that_was_extended(place: Place) -> None:
    place.trust.write_text(place.trust.read_text() + "retention 2\n")
    code = ["verify", "--trust", str(place.trust)]
    # The blocks of the sample were sealed years ago, so every lock of today is long enough for 2 days.
    assert CliRunner().invoke(app, code).exit_code == 0
    days = (LATER - datetime.fromtimestamp(BLOCKS[0].header.sealed_at / 1e6, UTC)).days - 1
    place.trust.write_text(place.trust.read_text().replace("retention 2\n", f"retention {days}\n"))
    assert CliRunner().invoke(app, code).exit_code == 12
    assert place.extend("--yes")[0] == 0
    assert CliRunner().invoke(app, code).exit_code == 0


@pytest.mark.parametrize(
    ("until", "said"),
    [
        ("tomorrow", "--until 'tomorrow' is not a time: write 2033-12-31"),
        ("2001-01-01", "has to be in the future"),
        ("2999-01-01", "within 100 years"),
        ("2100-01-01T00:00:00.5Z", "a lock ends at a whole second"),
    ],
)
def test_a_time_that_no_lock_can_have(tmp_path: Path, until: str, said: str) -> None:
    (tmp_path / "trust.txt").write_text(log_line(LOG))
    answer = CliRunner().invoke(
        app, ["retention", "extend", "--trust", str(tmp_path / "trust.txt"), "--vault", "s3://b", "--until", until]
    )
    assert (answer.exit_code, said in answer.stderr) == (2, True), answer.stderr


def test_a_directory_has_no_locks(tmp_path: Path) -> None:
    (tmp_path / "trust.txt").write_text(f"vault {tmp_path.as_uri()}\n{log_line(LOG)}")
    answer = CliRunner().invoke(
        app, ["retention", "extend", "--trust", str(tmp_path / "trust.txt"), "--until", "2033-12-31"]
    )
    assert answer.exit_code == 2
    assert "has no locks to extend" in answer.stderr
