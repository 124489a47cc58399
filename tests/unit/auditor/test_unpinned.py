"""Logs that the vault holds and nobody pins are mentioned, and nothing of them is verified."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from auditseal_auditor.listing import listed_logs, unpinned_notices
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.origin import Origin
from auditseal_vault.directory import DirectoryVault
from auditseal_vault.interface import StoredVersion
from tests.factory.audits import audit
from tests.factory.vaults import ORIGINS, MemoryVault, make_trust, make_vault

LOG = ORIGINS[0]


def unpinned(run: int) -> str:
    return f"there are objects of {replace(LOG, run=run)}, which the trust file doesn't pin: it was not verified"


def test_every_other_run_of_a_pinned_partition_is_mentioned() -> None:
    vault, _ = make_vault()
    for run in (1, 2, 10):
        vault.put(replace(LOG, run=run).block_key(0), b"")
    assert audit(vault).notices == (unpinned(1), unpinned(10), unpinned(2))
    later = replace(LOG, run=10)
    report = audit(vault, make_trust(LOG, ORIGINS[1], later))
    assert report.notices == (unpinned(1), unpinned(2))


def test_an_earlier_run_is_mentioned_too() -> None:
    vault = MemoryVault()
    for origin in (LOG, replace(LOG, run=5)):
        vault.put(origin.block_key(0), b"")
    assert unpinned(0) in audit(vault, make_trust(replace(LOG, run=5))).notices


def test_forged_logs_and_other_objects_are_mentioned_together() -> None:
    vault, _ = make_vault()
    names = ["a.example/audit.events/7/0", "a.example/other/0/0", "A.example/audit.events/0/0", "junk", "b/c"]
    for name in names:
        vault.put(f"v1/{name}{'/blocks/000000000000.avro' if name.count('/') == 3 else ''}", b"")
    vault.put("v1-drill/canary", b"")
    (notice,) = audit(vault).notices
    assert notice == (
        "the vault holds objects that no pinned log has, and they were not verified: A.example/audit.events/0/0,"
        " a.example/audit.events/7/0, a.example/other/0/0, b/c, junk"
    )


def test_of_very_many_twenty_are_named() -> None:
    vault = MemoryVault()
    for number in range(30):
        vault.put(Origin("a.example", f"topic-{number:02}", 0, 0).block_key(0), b"")
    (notice,) = unpinned_notices(vault, ())
    assert notice.endswith("topic-18/0/0, a.example/topic-19/0/0 and 10 more")


def test_each_log_is_one_short_listing(monkeypatch: pytest.MonkeyPatch) -> None:
    vault, _ = make_vault(sizes=(1,) * 30)
    vault.put(replace(LOG, run=10).block_key(0), b"")
    versions, calls = vault.versions, []

    def counted(prefix: str, after: str = "", limit: int | None = None) -> Iterator[StoredVersion]:
        calls.append(limit)
        return versions(prefix, after, limit)

    monkeypatch.setattr(vault, "versions", counted)
    assert list(listed_logs(vault)) == [str(LOG), str(replace(LOG, run=10)), str(ORIGINS[1])]
    assert calls == [1] * 4


def test_a_store_that_cant_be_listed_is_a_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    vault, _ = make_vault()
    versions = vault.versions

    def failing(prefix: str, after: str = "", limit: int | None = None) -> Iterator[StoredVersion]:
        if prefix == "v1/":
            raise UnavailableError("the store is away")
        return versions(prefix, after, limit)

    monkeypatch.setattr(vault, "versions", failing)
    report = audit(vault)
    assert report.exit_code == 0
    assert report.notices == ("it is not known which logs the vault holds besides the pinned ones: the store is away",)


def test_a_directory_is_listed_as_a_bucket_is(tmp_path: Path) -> None:
    vault = DirectoryVault(tmp_path)
    for origin in (LOG, replace(LOG, run=2), replace(LOG, run=10), replace(LOG, cluster="b"), ORIGINS[1]):
        for height in range(3):
            vault.put(origin.block_key(height), b"", datetime.now(UTC))
    (tmp_path / "v1" / "junk").write_bytes(b"")
    (tmp_path / "v1" / "a.example" / "audit.events" / "link").symlink_to("/nowhere")
    assert list(listed_logs(vault)) == [
        str(LOG), str(replace(LOG, run=10)), str(replace(LOG, run=2)), str(ORIGINS[1]), "a.example/audit.events/link",
        str(replace(LOG, cluster="b")), "junk",
    ]  # fmt: skip
