"""A run as a whole: what it reads, counts and reports, and what it claims from a start on."""

import json
from dataclasses import replace

import pytest

from auditseal_auditor import verification as module
from auditseal_auditor.listing import list_keys
from auditseal_auditor.log_check import LogCheck, Requirements
from auditseal_auditor.log_progress import CheckStart
from auditseal_auditor.object_check import check_object, read_objects
from auditseal_auditor.report import Report, Result
from auditseal_auditor.report_text import summary_line
from auditseal_auditor.state.heads import Head
from auditseal_schemas.block import Block
from auditseal_schemas.header import Predecessor
from auditseal_schemas.log import LogState
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import PinnedLog, Start, Trust
from auditseal_schemas.verdict import Verdict
from tests.factory.audits import audit, places
from tests.factory.blocks import resigned
from tests.factory.keys import OTHER_SIGNER, keys_of
from tests.factory.vaults import (
    DAY,
    ORIGINS,
    RETENTION_DAYS,
    MemoryVault,
    Version,
    genesis,
    lock_until,
    make_log,
    make_trust,
    make_vault,
    put_log,
    seal,
)
from tests.oracle import anchor
from tests.oracle.reader import Refused
from tests.oracle.verifier import Log, check
from tests.tamper.case import Vault
from tests.tamper.judge import judge_vault
from tests.vectors.vector import Finding

LOG = ORIGINS[0]


def test_a_good_vault_has_no_finding() -> None:
    vault, _ = make_vault()
    report = audit(vault)
    assert report.kept_findings == []
    assert report.exit_code == 0
    assert [(log.result, log.counts.blocks, log.counts.records) for log in report.logs] == [(Result.OK, 3, 12)] * 2


def test_a_head_of_a_log_that_is_not_pinned_is_named_and_no_other_is() -> None:
    vault, logs = make_vault()
    heads = {origin: Head.of(blocks[-1].note) for origin, blocks in zip(ORIGINS, logs, strict=True)}
    notice = "a head of {} is remembered, which the trust file doesn't pin: it was not verified"
    assert not any("a head of" in told for told in audit(vault, heads=heads).notices)
    alone = Trust((make_trust().logs[0],))
    told = audit(vault, alone, heads=heads).notices
    assert [one for one in told if one.startswith("a head of")] == [notice.format(ORIGINS[1])]


def test_a_quick_check_claims_no_more_than_it_did() -> None:
    vault, _ = make_vault()
    assert [log.result for log in audit(vault, quick=True).logs] == [Result.QUICK_OK] * 2


def test_a_check_from_a_start_is_no_check_of_the_log() -> None:
    vault, logs = make_vault()
    vault.replace(LOG.block_key(0), b"expired")
    start = Start(1, logs[0][1].frontier.root)
    report = audit(vault, make_trust(starts={LOG: start}))
    assert [log.result for log in report.logs] == [Result.CHAIN_OK, Result.OK]
    assert "CHAIN_OK: checked from the pinned start on, not before; 2 logs" in summary_line(report)
    other = audit(vault, make_trust(starts={LOG: Start(1, bytes(32))}))
    assert places(other) == [(Verdict.BAD_ROOT, 0, 1, None, "frontier")]


def test_a_quick_check_from_a_start_claims_neither_the_records_nor_what_lies_before() -> None:
    vault, logs = make_vault()
    start = Start(1, logs[0][1].frontier.root)
    report = audit(vault, make_trust(starts={LOG: start}), quick=True)
    assert [log.result for log in report.logs] == [Result.QUICK_CHAIN_OK, Result.QUICK_OK]
    summary = summary_line(report)
    assert summary.startswith("QUICK_CHAIN_OK: ")
    assert "checked from the pinned start on, not before" in summary
    assert "records were not hashed again" in summary


def test_objects_below_a_start_are_not_looked_at() -> None:
    vault, logs = make_vault()
    trust = make_trust(starts={LOG: Start(2, logs[0][2].frontier.root)})
    vault.objects[LOG.block_key(0)] = [Version("v1", None, None)]
    vault.put(LOG.block_key(1), None)
    vault.put(LOG.block_key(1), b"other", None)
    assert places(audit(vault, trust)) == []
    vault.objects[LOG.block_key(2)].append(Version("v2", None, None))
    assert places(audit(vault, trust)) == [(Verdict.BAD_STORAGE, 0, 2, None, "delete_marker")]
    vault.put(f"v1/{LOG}/other", b"", None)
    assert len(places(audit(vault, trust))) == 2


def test_gaps_are_told_and_are_no_fault() -> None:
    vault, state = MemoryVault(), genesis(LOG)
    put_log(vault, [seal(state, 3, partitions=1, skip=5)])
    report = audit(vault, make_trust(LOG))
    assert places(report) == []
    assert (report.logs[0].counts.gaps, report.logs[0].counts.gap_offsets) == (1, 5)


def test_an_expected_log_that_nobody_pinned_is_missing() -> None:
    vault, _ = make_vault()
    stranger = Origin("a.example", "audit.events", 0, 1)
    assert places(audit(vault, expected=(LOG, stranger))) == [(Verdict.MISSING_LOG, 0, None, None, "origin")]


def head_of(block: Block) -> dict[Origin, Head]:
    return {block.header.origin: Head.of(block.note)}


def test_a_remembered_log_that_nobody_pins_is_mentioned() -> None:
    vault, logs = make_vault()
    report = audit(vault, make_trust(LOG), heads=head_of(logs[1][2]))
    assert any(str(ORIGINS[1]) in notice for notice in report.notices)


def test_a_log_without_a_remembered_head_is_said_to_be_first_seen() -> None:
    vault, logs = make_vault()
    report = audit(vault, heads=head_of(logs[0][1]), memory="state x")
    assert report.anchor == "state x (1 head)"
    assert [bool(log.notices) for log in report.logs] == [False, True]
    assert report.logs[1].notices[0].startswith("first seen: ")
    assert [log["notices"] for log in report.to_json()["logs"]] == [list(log.notices) for log in report.logs]
    assert audit(vault, heads=head_of(logs[0][1]) | head_of(logs[1][0]), memory="state x").anchor == "state x (2 heads)"


def test_what_was_compared_with_nothing_has_no_anchor() -> None:
    vault, logs = make_vault()
    stranger = Origin("b.example", "t", 0, 0)
    heads = head_of(seal(LogState.genesis(stranger, keys_of(stranger)), 1))
    assert audit(vault, heads=heads, memory="state x").anchor == "none"
    starts = {LOG: Start(2, logs[0][2].frontier.root)}
    for height, compared in ((0, "none"), (1, "state x (1 head)")):
        report = audit(vault, make_trust(starts=starts), heads=head_of(logs[0][height]), memory="state x")
        assert report.anchor == compared
        assert any("lies below the start" in notice for notice in report.logs[0].notices) == (anchor == "none")
    vault.broken = "*"
    assert audit(vault, heads=head_of(logs[0][0]), memory="state x").anchor == "none"


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


def test_the_last_of_all_runs_has_no_later_one() -> None:
    report = audit(MemoryVault(), make_trust(replace(LOG, run=999_999_999)))
    assert report.notices == ()


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
    told = "no block of it (objects at its keys that are not valid blocks: 2), or nothing was sealed in it yet"
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
    counts = audit(vault).logs[0].counts
    assert (counts.objects, counts.parsed, counts.blocks, counts.size) == (4, 3, 3, 3)
    assert counts.bytes == sum(len(block.format()) for block in logs[0]) + len(b"garbage")


def test_gaps_and_records_are_counted_and_nothing_is_the_size_of_no_log() -> None:
    vault, _ = make_vault(sizes=(0, 4, 0, 3))
    report = audit(vault)
    assert [(log.counts.gaps, log.counts.gap_offsets, log.counts.records) for log in report.logs] == [(0, 0, 7)] * 2
    first, last = report.logs[0].counts.first, report.logs[0].counts.last
    assert first is not None
    assert last is not None
    assert (first.height, last.height) == (0, 3)
    assert audit(MemoryVault()).logs[0].counts.size == 0


def test_the_offsets_of_every_gap_are_counted() -> None:
    vault, state = MemoryVault(), genesis(LOG)
    for skip in (2, 3, 0, 4):
        block = seal(state, 2, partitions=1, skip=skip)
        put_log(vault, [block])
        state = state.accept(block)
    counts = audit(vault, make_trust(LOG)).logs[0].counts
    assert (counts.gaps, counts.gap_offsets, counts.records) == (3, 9, 8)


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
    check = LogCheck(CheckStart.pinned(make_trust(LOG).logs[0]), Requirements())
    for listed, read in read_objects(vault, list_keys(vault, LOG)):
        assert read
        check.add(listed, check_object(read, quick=False))
    check.finish()
    assert [(one.verdict, one.height) for one in check.findings.kept] == [(Verdict.SQUATTED, blocks)]
    assert check.roots == {}


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


EARLIER = ORIGINS[0]


LATER = Origin(EARLIER.cluster, EARLIER.topic, EARLIER.partition, 1)


BLOCKS = make_log(EARLIER, (4, 3, 5), partitions=1)


ROOTS = [block.frontier.root for block in BLOCKS] + [BLOCKS[-1].checkpoint.root]


WRONG = bytes(32)


def audited(size: int, root: bytes, start: int) -> Report:
    """Audit run 0 from a start on, and a run 1 that continues from that number of its blocks, with that root."""
    vault = MemoryVault()
    put_log(vault, BLOCKS[start:])
    claim = Predecessor(str(EARLIER), size, root, tuple(map(str, keys_of(EARLIER))))
    put_log(vault, [seal(genesis(LATER), 2, partitions=1, predecessor=claim)])
    logs = (
        PinnedLog(EARLIER, keys_of(EARLIER), Start(start, ROOTS[start])),
        PinnedLog(LATER, keys_of(LATER)),
    )
    return audit(vault, Trust(logs))


@pytest.mark.parametrize(("size", "start"), [(0, 2), (1, 1), (2, 2), (2, 1), (3, 1), (3, 2)])
def test_a_claim_at_or_above_the_start_is_compared(size: int, start: int) -> None:
    good, bad = audited(size, ROOTS[size], start), audited(size, WRONG, start)
    assert good.exit_code == 0
    assert [[" by now: " in notice for notice in log.notices] for log in good.logs] == [[], [True] * (size < 3)]
    assert [(one.verdict, one.origin, one.height, one.field) for one in bad.kept_findings] == [
        (Verdict.BROKEN_CHAIN, LATER, 0, "predecessor")
    ]


def test_a_claim_below_the_start_is_not_compared_and_that_is_told() -> None:
    for root in (ROOTS[1], WRONG):
        report = audited(1, root, 2)
        assert report.exit_code == 0
        told = f"continues 1 blocks of {EARLIER}, which are below the start that is pinned: they were not compared"
        assert [[told in notice for notice in log.notices] for log in report.logs] == [[], [False, True]]


def test_a_head_below_the_start_is_not_compared_and_that_is_told() -> None:
    vault = MemoryVault()
    put_log(vault, BLOCKS[2:])
    trust = Trust((PinnedLog(EARLIER, keys_of(EARLIER), Start(2, ROOTS[2])),))
    report = audit(vault, trust, heads={EARLIER: Head.of(BLOCKS[0].note)})
    assert report.exit_code == 0
    assert [len(log.notices) for log in report.logs] == [1]
    assert "below the start" in json.dumps(report.logs[0].notices)


def test_the_second_reader_compares_a_head_from_the_start_on() -> None:
    log = Log(str(EARLIER), [str(key) for key in keys_of(EARLIER)], (2, ROOTS[2]))
    objects = {EARLIER.block_key(2): BLOCKS[2].format}
    check(objects, {str(EARLIER): log})
    for block in BLOCKS:
        anchor.check_head(log, block.note.format())
    log.roots[2] = WRONG
    with pytest.raises(Refused, match="FORK"):
        anchor.check_head(log, BLOCKS[1].note.format())


def started(objects: MemoryVault) -> Report:
    trust = Trust((PinnedLog(EARLIER, keys_of(EARLIER), Start(2, ROOTS[2])),))
    return audit(objects, trust)


def test_what_expired_below_the_start_is_nobodys_business() -> None:
    vault = MemoryVault()
    put_log(vault, BLOCKS)
    vault.objects[EARLIER.block_key(0)] = [Version("v1", None, None)]
    vault.put(EARLIER.block_key(1), b"garbage")
    vault.put(EARLIER.block_key(1), None)
    assert started(vault).exit_code == 0


@pytest.mark.parametrize("below", [0, 2], ids=["nothing", "blocks below it"])
def test_a_start_at_the_head_with_nothing_newer_is_a_missing_log(below: int) -> None:
    vault = MemoryVault()
    put_log(vault, BLOCKS[:below])
    found = started(vault).kept_findings
    assert [(one.verdict, one.field) for one in found] == [(Verdict.MISSING_LOG, "origin")]


def test_neither_markers_nor_other_keys_make_a_log() -> None:
    vault = MemoryVault()
    vault.put(EARLIER.block_key(2), None)
    vault.put(f"v1/{EARLIER}/README", b"here it is")
    found = started(vault).kept_findings
    assert {(one.verdict, one.field) for one in found} == {
        (Verdict.BAD_STORAGE, "key"),
        (Verdict.BAD_STORAGE, "delete_marker"),
        (Verdict.MISSING_LOG, "origin"),
    }
    assert len(found) == 3


def test_the_time_of_a_block_that_is_not_linked_is_nobodys_word() -> None:
    """Its lock can't be measured, whatever it says: one finding, by both readers."""
    vault = MemoryVault()
    late = resigned(BLOCKS[2], signers=(OTHER_SIGNER,), sealed_at=BLOCKS[2].header.sealed_at + 365 * DAY)
    put_log(vault, BLOCKS[:2])
    vault.put(EARLIER.block_key(2), late.format(), lock_until(BLOCKS[2].header.sealed_at))
    text = "".join(f"log {key}\n" for key in keys_of(EARLIER)) + f"retention {RETENTION_DAYS}\n"
    outcome = judge_vault(
        Vault(
            "late",
            {key: tuple(versions) for key, versions in vault.objects.items()},
            ((Finding("BAD_SIGNATURE", str(EARLIER), 2, "note"),),),
            text,
        )
    )
    assert (outcome.verdicts, outcome.miss) == (("BAD_SIGNATURE",), "")
