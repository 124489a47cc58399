"""The faults that a listing and a lock show, at their bounds."""

from datetime import UTC, datetime

import pytest

from auditseal_auditor.listing import list_keys, retention_problem
from auditseal_auditor.report import Result
from auditseal_schemas.verdict import Verdict
from auditseal_vault.interface import Retention
from tests.factory.audits import audit, places
from tests.factory.blocks import resigned
from tests.factory.keys import OTHER_SIGNER
from tests.factory.vaults import (
    DAY,
    ORIGINS,
    RETENTION_DAYS,
    SEALED_AT,
    MemoryVault,
    Version,
    lock_until,
    make_trust,
    make_vault,
)

LOG = ORIGINS[0]


KEY = LOG.block_key(1)


BAD_STORAGE = Verdict.BAD_STORAGE


def test_a_second_version_is_told_and_the_oldest_is_judged() -> None:
    vault, _ = make_vault()
    vault.put(KEY, b"garbage", lock_until())
    report = audit(vault)
    assert places(report) == [(BAD_STORAGE, 0, 1, None, "versions")]
    assert report.kept_findings[0].version_id == "v1"
    assert report.kept_findings[0].object == KEY


def test_an_identical_second_version_is_told_too() -> None:
    vault, logs = make_vault()
    vault.put(KEY, logs[0][1].format(), lock_until())
    assert places(audit(vault)) == [(BAD_STORAGE, 0, 1, None, "versions")]


def test_a_second_signed_history_is_a_fork_with_both_notes_as_evidence() -> None:
    vault, logs = make_vault()
    vault.put(KEY, resigned(logs[0][1], sealer="other").format(), lock_until())
    report = audit(vault)
    assert places(report) == [(BAD_STORAGE, 0, 1, None, "versions"), (Verdict.FORK, 0, 1, None, "checkpoint.root")]
    notes = report.kept_findings[1].evidence
    assert notes[0] == logs[0][1].note.format().decode()
    assert len(set(notes)) == 2
    assert report.exit_code == Verdict.FORK.exit_code


def test_a_fork_is_told_even_where_garbage_came_first() -> None:
    vault, logs = make_vault()
    vault.objects[KEY].insert(0, Version("v0", b"garbage", lock_until()))
    vault.put(KEY, resigned(logs[0][1], sealer="other").format(), lock_until())
    assert places(audit(vault)) == [
        (Verdict.MALFORMED, 0, 1, None, "container"),
        (BAD_STORAGE, 0, 1, None, "versions"),
        (Verdict.FORK, 0, 1, None, "checkpoint.root"),
    ]


def test_a_second_version_that_a_stranger_signed_is_no_fork() -> None:
    vault, logs = make_vault()
    vault.put(KEY, resigned(logs[0][1], signers=(OTHER_SIGNER,), sealer="other").format(), lock_until())
    assert places(audit(vault)) == [(BAD_STORAGE, 0, 1, None, "versions")]


def test_another_block_of_the_log_is_no_fork() -> None:
    vault, logs = make_vault()
    vault.put(KEY, logs[0][2].format(), lock_until())
    assert places(audit(vault)) == [(BAD_STORAGE, 0, 1, None, "versions")]


def test_of_very_many_findings_the_first_are_kept_and_all_are_counted() -> None:
    vault, _ = make_vault()
    for number in range(1_100):
        vault.put(f"v1/{LOG}/{number}", b"", None)
    report = audit(vault)
    assert (len(report.kept_findings), report.finding_count) == (1_000, 1_100)
    assert report.exit_code == BAD_STORAGE.exit_code


def test_garbage_that_came_first_is_what_is_judged() -> None:
    vault, _ = make_vault()
    vault.objects[KEY].insert(0, Version("v0", b"garbage", lock_until()))
    expected = [(Verdict.MALFORMED, 0, 1, None, "container"), (BAD_STORAGE, 0, 1, None, "versions")]
    assert places(audit(vault)) == expected


def test_a_delete_marker_is_told() -> None:
    vault, _ = make_vault()
    vault.put(KEY, None)
    assert places(audit(vault)) == [(BAD_STORAGE, 0, 1, None, "delete_marker")]


def test_a_marker_and_a_replacement_are_two_findings() -> None:
    vault, _ = make_vault()
    vault.put(KEY, None)
    vault.put(KEY, b"other", lock_until())
    assert places(audit(vault)) == [(BAD_STORAGE, 0, 1, None, field) for field in ("versions", "delete_marker")]


def test_a_marker_alone_leaves_the_block_missing() -> None:
    vault, _ = make_vault()
    vault.objects[KEY] = [Version("v1", None, None)]
    expected = [(BAD_STORAGE, 0, 1, None, "delete_marker"), (Verdict.BROKEN_CHAIN, 0, 1, None, "height")]
    assert places(audit(vault)) == expected


@pytest.mark.parametrize(
    ("lock", "field"),
    [
        (None, "retention"),
        (lock_until(mode="GOVERNANCE"), "retention.mode"),
        (lock_until(days=RETENTION_DAYS - 1), "retention.until"),
        (Retention("COMPLIANCE", datetime(1, 1, 1, tzinfo=UTC)), "retention.until"),
    ],
)
def test_a_lock_that_is_none(lock: Retention | None, field: str) -> None:
    vault, logs = make_vault()
    vault.objects[KEY] = [Version("v1", logs[0][1].format(), lock)]
    assert places(audit(vault)) == [(BAD_STORAGE, 0, 1, None, field)]


def test_a_lock_counts_from_the_sealing_to_the_microsecond() -> None:
    vault, logs = make_vault()
    end = SEALED_AT + 1 + RETENTION_DAYS * DAY
    for until, expected in ((end, []), (end - 1, [(BAD_STORAGE, 0, 1, None, "retention.until")])):
        vault.objects[KEY] = [Version("v1", logs[0][1].format(), lock_until(until, days=0))]
        assert places(audit(vault)) == expected


def test_a_lock_that_was_extended_is_as_good() -> None:
    vault, logs = make_vault()
    vault.objects[KEY] = [Version("v1", logs[0][1].format(), lock_until(days=36_000))]
    assert places(audit(vault)) == []


def test_without_a_pinned_retention_a_lock_must_still_be_there() -> None:
    vault, logs = make_vault()
    vault.objects[KEY] = [Version("v1", logs[0][1].format(), lock_until(days=0))]
    assert places(audit(vault, make_trust(retention_days=None))) == []
    vault.objects[KEY] = [Version("v1", logs[0][1].format(), None)]
    assert places(audit(vault, make_trust(retention_days=None))) == [(BAD_STORAGE, 0, 1, None, "retention")]


def test_garbage_without_a_lock_is_both() -> None:
    vault, _ = make_vault()
    vault.objects[KEY] = [Version("v1", b"", None)]
    assert places(audit(vault)) == [
        (Verdict.MALFORMED, 0, 1, None, "container"),
        (BAD_STORAGE, 0, 1, None, "retention"),
    ]


@pytest.mark.parametrize(
    "name",
    [
        "blocks/1.avro",
        "blocks/0000000000001.avro",
        "blocks/000000000001.avro.bak",
        "blocks/000000000001.avro\n",
        "blocks/" + "\N{ARABIC-INDIC DIGIT ZERO}" * 12 + ".avro",
        "blocks/sub/000000000001.avro",
        "other/000000000001.avro",
        "x",
        "\x1b[31m\u202egnp.exe",
        "\udcff",
    ],
)
def test_a_foreign_name_is_told(name: str) -> None:
    vault, _ = make_vault()
    vault.put(f"v1/{LOG}/{name}", b"", None)
    assert places(audit(vault)) == [(BAD_STORAGE, 0, None, None, "key")]


def test_other_logs_and_other_prefixes_are_nobodys_business() -> None:
    vault, _ = make_vault()
    for key in ("v2/x", f"v1/{LOG}0/blocks/x", "v1/b.example/t/0/0/blocks/000000000000.avro"):
        vault.put(key, b"", None)
    assert places(audit(vault)) == []


def test_a_directory_has_neither_versions_nor_locks_and_the_answer_says_so() -> None:
    vault, _ = make_vault(enforces_worm=False)
    report = audit(vault)
    assert report.exit_code == 0
    assert any("not WORM" in notice for notice in report.notices)


def test_a_store_that_is_away_is_no_verdict_and_never_ok() -> None:
    vault, _ = make_vault()
    vault.broken = "*"
    report = audit(vault)
    assert (report.exit_code, places(report)) == (1, [])
    assert [log.result for log in report.logs] == [Result.UNKNOWN] * 2


def test_what_was_found_before_the_store_went_away_is_told_and_the_other_log_is_verified() -> None:
    vault, _ = make_vault()
    vault.replace(LOG.block_key(0), b"")
    vault.broken = LOG.block_key(2)
    report = audit(vault)
    assert places(report) == [(Verdict.MALFORMED, 0, 0, None, "container")]
    assert [log.result for log in report.logs] == [Result.FAILED, Result.OK]
    assert report.errors == [f"{LOG.block_key(2)} can't be read: the store is away"]


def test_a_thousand_versions_and_more_are_counted_and_the_oldest_found() -> None:
    vault, logs = make_vault()
    vault.objects[KEY] += [Version(f"n{number}", None, None) for number in range(3_000)]
    vault.objects[KEY] += [Version(f"m{number}", b"", None) for number in range(1_500)]
    report = audit(vault)
    assert places(report) == [(BAD_STORAGE, 0, 1, None, field) for field in ("versions", "delete_marker")]
    assert "1501 versions" in report.kept_findings[0].detail
    assert logs[0][1].header.height == 1


@pytest.mark.parametrize("count", [0, 1, 2, 999, 1_000, 1_001, 1_002, 2_500])
def test_of_more_than_a_thousand_versions_the_oldest_and_the_newest_are_kept(count: int) -> None:
    """A thousand are kept whole: the oldest first, which is the one that is judged."""
    vault = MemoryVault()
    names = [f"n{number}" for number in range(count)]
    vault.objects[KEY] = [Version("m", None, None), *(Version(name, b"", None) for name in names)]
    (slot,) = list_keys(vault, LOG)
    kept = names if count <= 1_000 else [names[0], *names[-1_000:]]
    assert (slot.version_ids, slot.versions, slot.markers) == (tuple(kept), count, 1)


@pytest.mark.parametrize(("versions", "words"), [(1, "which hide the block"), (0, "and there is no block")])
def test_a_marker_says_what_it_does(versions: int, words: str) -> None:
    vault, _ = make_vault()
    del vault.objects[KEY][versions:]
    vault.put(KEY, None)
    assert f"1 delete marker(s), {words}" in audit(vault).kept_findings[0].detail


def test_a_lock_that_is_too_short_says_by_how_much() -> None:
    end = lock_until(SEALED_AT, days=30)
    assert retention_problem(end, SEALED_AT, 30) is None
    assert retention_problem(end, SEALED_AT + 1, 30) == (
        "retention.until",
        "the lock ends 2023-12-14 22:13:20 UTC, 29 whole days after sealing; 30 are required",
    )
    assert retention_problem(end, SEALED_AT + 31 * DAY, 30) == (
        "retention.until",
        "the lock ends 2023-12-14 22:13:20 UTC, -1 whole days after sealing; 30 are required",
    )


def test_a_lock_is_measured_by_the_epoch() -> None:
    assert retention_problem(Retention("COMPLIANCE", datetime(1970, 1, 2, tzinfo=UTC)), 0, 1) is None
    assert retention_problem(Retention("COMPLIANCE", datetime(1970, 1, 2, tzinfo=UTC)), 1, 1) is not None


def test_ranges_that_follow_each_other_have_every_key_once() -> None:
    vault, _ = make_vault(sizes=(1,) * 5)
    foreign = [f"v1/{LOG}/{name}" for name in ("a", "blocks/000000000002.avro.bak", "blocks/z", "z")]
    for key in foreign:
        vault.put(key, b"")
    whole = list(list_keys(vault, LOG))
    assert len(whole) == 9
    assert [*list_keys(vault, LOG, 0, 2), *list_keys(vault, LOG, 2, 3), *list_keys(vault, LOG, 3)] == whole
    assert [listed.height for listed in list_keys(vault, LOG, 2, 4)] == [2, None, 3]
