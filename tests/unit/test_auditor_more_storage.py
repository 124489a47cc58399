"""What a listing shows, at its bounds: a thousand versions, rivals, and what is said of a lock."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from auditseal_auditor.inventory import is_begun, list_slots, retention_problem
from auditseal_schemas.verdict import Verdict
from auditseal_vault.directory import DirectoryVault
from auditseal_vault.interface import Retention
from tests.factory.audits import audit
from tests.factory.blocks import resigned
from tests.factory.vaults import DAY, ORIGINS, SEALED_AT, MemoryVault, Version, lock_until, make_vault

LOG = ORIGINS[0]
KEY = LOG.block_key(1)


@pytest.mark.parametrize("count", [0, 1, 2, 999, 1_000, 1_001, 1_002, 2_500])
def test_of_more_than_a_thousand_versions_the_oldest_and_the_newest_are_kept(count: int) -> None:
    """A thousand are kept whole: the oldest first, which is the one that is judged."""
    vault = MemoryVault()
    names = [f"n{number}" for number in range(count)]
    vault.objects[KEY] = [Version("m", None, None), *(Version(name, b"", None) for name in names)]
    (slot,) = list_slots(vault, LOG)
    kept = names if count <= 1_000 else [names[0], *names[-1_000:]]
    assert (slot.version_ids, slot.versions, slot.markers) == (tuple(kept), count, 1)


@pytest.mark.parametrize(("versions", "words"), [(1, "hide what lies there"), (0, "stand where a block should")])
def test_a_marker_says_what_it_does(versions: int, words: str) -> None:
    vault, _ = make_vault()
    del vault.objects[KEY][versions:]
    vault.put(KEY, None)
    assert f"1 delete marker(s) {words}" in audit(vault).kept_findings[0].detail


def test_a_lock_that_is_too_short_says_by_how_much() -> None:
    end = lock_until(SEALED_AT, days=30)
    assert retention_problem(end, SEALED_AT, 30) is None
    assert retention_problem(end, SEALED_AT + 1, 30) == (
        "retention.until",
        "the lock ends 2023-12-14 22:13:20 UTC, 29 whole days after sealing; 30 are demanded",
    )
    assert retention_problem(end, SEALED_AT + 31 * DAY, 30) == (
        "retention.until",
        "the lock ends 2023-12-14 22:13:20 UTC, -1 whole days after sealing; 30 are demanded",
    )


def test_a_lock_is_measured_by_the_epoch() -> None:
    assert retention_problem(Retention("COMPLIANCE", datetime(1970, 1, 2, tzinfo=UTC)), 0, 1) is None
    assert retention_problem(Retention("COMPLIANCE", datetime(1970, 1, 2, tzinfo=UTC)), 1, 1) is not None


def test_of_very_many_rivals_thirty_two_are_compared() -> None:
    """Versions that say what was said before take no place."""
    vault, logs = make_vault()
    for number in range(40):
        for _ in range(2):
            vault.put(KEY, resigned(logs[0][1], sealer=f"rival/{number}").format(), lock_until())
    report = audit(vault)
    assert report.logs[0].findings.counts == {Verdict.BAD_STORAGE: 1, Verdict.FORK: 32}


def test_versions_that_are_no_blocks_hide_no_rival() -> None:
    vault, logs = make_vault()
    vault.put(KEY, resigned(logs[0][1], sealer="first").format(), lock_until())
    vault.put(KEY, b"garbage", lock_until())
    vault.put(KEY, resigned(logs[0][1], sealer="last").format(), lock_until())
    assert audit(vault).logs[0].findings.counts == {Verdict.BAD_STORAGE: 1, Verdict.FORK: 2}


def test_whether_a_log_is_begun_is_asked_by_a_listing_of_one(tmp_path: Path) -> None:
    vault = DirectoryVault(tmp_path)
    vault.put("v1/c/t/0/10/blocks/000000000000.avro", b"of another run", datetime.now(UTC))
    assert not is_begun(vault, "c/t/0/1")
    vault.put("v1/c/t/0/1/anything", b"", datetime.now(UTC))
    assert is_begun(vault, "c/t/0/1")
