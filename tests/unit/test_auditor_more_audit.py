"""A run as a whole: what it doesn't touch, what it counts, and how its demands begin."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from auditseal_auditor import audit as module
from auditseal_auditor.examine import Task, examine
from auditseal_auditor.inventory import list_slots
from auditseal_auditor.walk import Demands, LogWalk
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.origin import Origin
from auditseal_schemas.verdict import Verdict
from auditseal_vault.interface import StoredVersion
from tests.factory.audits import audit, places
from tests.factory.vaults import (
    ORIGINS,
    MemoryVault,
    Version,
    genesis,
    lock_until,
    make_trust,
    make_vault,
    put_log,
    seal,
)

LOG = ORIGINS[0]


def test_what_is_no_blocks_key_is_not_read() -> None:
    vault, _ = make_vault()
    vault.broken = f"v1/{LOG}/other"
    vault.put(vault.broken, b"")
    report = audit(vault)
    assert (places(report), report.errors) == ([(Verdict.BAD_STORAGE, 0, None, None, "key")], [])


@pytest.mark.parametrize("enforces_worm", [True, False])
def test_a_store_is_asked_for_locks_where_it_has_some(enforces_worm: bool) -> None:
    vault, _ = make_vault(enforces_worm=enforces_worm)
    report = audit(vault)
    assert (report.exit_code, len(report.notices)) == (0, 0 if enforces_worm else 1)


def test_a_later_run_that_is_not_pinned_is_told() -> None:
    vault, _ = make_vault()
    following = replace(LOG, run=LOG.run + 1)
    vault.put(following.block_key(0), b"")
    vault.put(replace(LOG, run=LOG.run + 10).block_key(0), b"")
    report = audit(vault)
    assert report.exit_code == 0
    assert report.notices == (
        f"there are objects of {following}, which the trust file doesn't pin: it was not verified",
    )
    assert "the trust file doesn't pin" not in str(audit(vault, make_trust(LOG, following)).notices)


def test_the_last_of_all_runs_has_no_later_one() -> None:
    report = audit(MemoryVault(), make_trust(replace(LOG, run=999_999_999)))
    assert report.notices == ()


def test_where_a_later_run_can_not_be_asked_for_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    vault, _ = make_vault()
    listed = vault.versions

    def versions(prefix: str, after: str = "", limit: int | None = None) -> Iterator[StoredVersion]:
        if prefix == f"v1/{replace(LOG, run=LOG.run + 1)}/":
            raise UnavailableError("the store is away")
        return listed(prefix, after, limit)

    monkeypatch.setattr(vault, "versions", versions)
    (notice,) = audit(vault).notices
    assert notice.endswith("can't be told: the store is away")


def test_garbage_alone_where_nothing_is_remembered_is_a_squatters_and_the_log_is_missing() -> None:
    vault = MemoryVault()
    for height in (0, 7):
        vault.put(LOG.block_key(height), b"", lock_until())
    report = audit(vault, make_trust(LOG), oldest=1)
    assert places(report) == [
        (Verdict.MISSING_LOG, 0, None, None, "origin"),
        (Verdict.SQUATTED, 0, 0, None, "container"),
        (Verdict.SQUATTED, 0, 7, None, "container"),
    ]
    told = "no block of it (objects at its keys that are no blocks: 2), or nothing was sealed in it yet"
    assert told in report.kept_findings[0].detail
    assert report.exit_code == Verdict.MISSING_LOG.exit_code


def test_a_log_of_which_anything_is_laid_out_as_a_block_is_not_missing() -> None:
    vault, logs = make_vault()
    for height in range(3):
        vault.replace(LOG.block_key(height), logs[1][height].format())
    assert places(audit(vault)) == [(Verdict.BROKEN_CHAIN, 0, height, None, "origin") for height in range(3)]


def test_objects_and_their_bytes_are_counted_linked_or_not() -> None:
    vault, logs = make_vault()
    vault.put(LOG.block_key(3), b"garbage", lock_until())
    vault.put(f"v1/{LOG}/other", b"not counted")
    tally = audit(vault).logs[0].tally
    assert (tally.objects, tally.parsed, tally.blocks, tally.size) == (4, 3, 3, 3)
    assert tally.bytes == sum(len(block.format()) for block in logs[0]) + len(b"garbage")


def test_gaps_and_records_are_counted_and_nothing_is_the_size_of_no_log() -> None:
    vault, _ = make_vault(sizes=(0, 4, 0, 3))
    report = audit(vault)
    assert [(log.tally.gaps, log.tally.gap_offsets, log.tally.records) for log in report.logs] == [(0, 0, 7)] * 2
    first, last = report.logs[0].tally.first, report.logs[0].tally.last
    assert first is not None
    assert last is not None
    assert (first.height, last.height) == (0, 3)
    assert audit(MemoryVault()).logs[0].tally.size == 0


def test_the_offsets_of_every_gap_are_counted() -> None:
    vault, state = MemoryVault(), genesis(LOG)
    for skip in (2, 3, 0, 4):
        block = seal(state, 2, partitions=1, skip=skip)
        put_log(vault, [block])
        state = state.accept(block)
    tally = audit(vault, make_trust(LOG)).logs[0].tally
    assert (tally.gaps, tally.gap_offsets, tally.records) == (3, 9, 8)


def test_a_run_says_how_long_it_took(monkeypatch: pytest.MonkeyPatch) -> None:
    vault, _ = make_vault()
    times = iter([1_000.5, 1_002.0])
    monkeypatch.setattr(module, "monotonic", lambda: next(times))
    assert audit(vault).seconds == 1.5


def test_a_finding_names_the_version_that_was_read() -> None:
    vault, _ = make_vault()
    vault.objects[LOG.block_key(1)] = [Version(name, b"garbage", lock_until()) for name in ("v1", "v2", "v3")]
    vault.objects[LOG.block_key(2)] = [Version("v1", None, None)]
    found = audit(vault).kept_findings
    assert [(one.height, one.version_id) for one in found] == [(1, "v1"), (1, "v1"), (2, "")]


@pytest.mark.parametrize("blocks", [0, 3])
def test_a_log_is_measured_by_nothing_that_isnt_demanded(blocks: int) -> None:
    vault, _ = make_vault()
    for height in range(blocks, 3):
        del vault.objects[LOG.block_key(height)]
    vault.put(LOG.block_key(blocks), b"garbage")
    walk = LogWalk(make_trust(LOG).logs[0], Demands())
    for slot in list_slots(vault, LOG):
        walk.take(slot, examine(vault, Task(slot.key, slot.version_ids, quick=False)))
    walk.finish()
    assert [(one.verdict, one.height) for one in walk.findings.kept] == [(Verdict.SQUATTED, blocks)]
    assert walk.roots == {}


@pytest.mark.parametrize("height", [0, 1, 2])
def test_whichever_block_is_missing_is_told(height: int) -> None:
    vault, _ = make_vault(sizes=(1, 1, 1, 1))
    del vault.objects[LOG.block_key(height)]
    assert places(audit(vault)) == [(Verdict.BROKEN_CHAIN, 0, height, None, "height")]


def test_only_an_expected_log_that_isnt_pinned_is_missing() -> None:
    vault, _ = make_vault()
    stranger = Origin("a.example", "audit.events", 0, 1)
    found = audit(vault, expected=(*ORIGINS, stranger)).kept_findings
    assert [(one.verdict, one.origin) for one in found] == [(Verdict.MISSING_LOG, stranger)]
