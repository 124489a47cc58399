"""Continuing from remembered heads, and the pass over older blocks that is spread over many runs."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditseal_auditor.report import Report, Result
from auditseal_auditor.state.heads import Head
from auditseal_schemas.block import Block
from auditseal_schemas.header import Predecessor
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import Start
from auditseal_schemas.verdict import Verdict
from tests.factory.audits import audit, places
from tests.factory.blocks import resigned, with_records
from tests.factory.keys import OTHER_SIGNER, SIGNER, keys_of
from tests.factory.vaults import (
    ORIGINS,
    MemoryVault,
    genesis,
    lock_until,
    make_log,
    make_trust,
    make_vault,
    put_log,
    seal,
)

LOG = ORIGINS[0]
TRUST = make_trust(LOG)
NOW = 1_700_000_000_000_000
DAY = 86_400_000_000
SIZES = (2,) * 8
BLOCKS = make_log(LOG, SIZES, partitions=1)


def vault_of(blocks: list[Block]) -> MemoryVault:
    vault = MemoryVault()
    put_log(vault, blocks)
    return vault


def verified(blocks: list[Block], heads: dict[Origin, Head] | None = None, **request: Any) -> dict[Origin, Head]:
    """Verify a good log, and return the heads to remember."""
    report = audit(vault_of(blocks), TRUST, heads=heads or {}, memory="state", **{"now": NOW} | request)
    assert report.exit_code == 0, places(report)
    return report.heads_after(heads or {})


def continued(vault: MemoryVault, heads: dict[Origin, Head], **request: Any) -> Report:
    return audit(vault, TRUST, heads=heads, memory="state", continued=True, **{"now": NOW} | request)


def read_heights(vault: MemoryVault, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note the height of each block that is read."""
    read, heights = vault.read, []

    def noted(key: str, version_id: str = "") -> bytes:
        heights.append(int(key[-17:-5]))
        return read(key, version_id)

    monkeypatch.setattr(vault, "read", noted)
    return heights


def test_only_the_heads_block_and_new_ones_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    heads = verified(BLOCKS[:5])
    vault = vault_of(BLOCKS)
    heights = read_heights(vault, monkeypatch)
    report = continued(vault, heads)
    assert heights == [4, 5, 6, 7]
    (log,) = report.logs
    assert (log.result, log.continued_from, log.counts.first and log.counts.first.height) == (Result.CONTINUED_OK, 5, 4)
    assert log.notices == ("continued: earlier runs verified the 4 blocks below its remembered head",)
    assert report.anchor == "state (1 head)"
    assert log.to_json()["continued_from"] == 5
    after = report.heads_after(heads)
    assert after[LOG].checkpoint.size == 8
    assert after == verified(BLOCKS) | {LOG: replace(after[LOG], scrub=verified(BLOCKS)[LOG].scrub)}


def test_with_nothing_new_the_heads_block_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for size in (1, 5):
        vault = vault_of(BLOCKS[:size])
        heights = read_heights(vault, monkeypatch)
        assert continued(vault, verified(BLOCKS[:size])).exit_code == 0
        assert heights == [size - 1]


def test_a_full_run_begins_at_the_beginning_and_a_quick_one_claims_less() -> None:
    heads = verified(BLOCKS[:5])
    assert audit(vault_of(BLOCKS), TRUST, heads=heads, memory="state").logs[0].result is Result.OK
    assert continued(vault_of(BLOCKS), heads, quick=True).logs[0].result is Result.QUICK_CONTINUED_OK


def test_what_a_quick_run_left_out_stays_said() -> None:
    heads = verified(BLOCKS[:3], quick=True)
    report = continued(vault_of(BLOCKS[:5]), heads)
    (notice,) = report.logs[0].notices
    assert notice.endswith("below its remembered head, without hashing all of their records again")
    later = continued(vault_of(BLOCKS), report.heads_after(heads))
    assert "without hashing" in later.logs[0].notices[0]
    assert "without hashing" not in continued(vault_of(BLOCKS), verified(BLOCKS)).logs[0].notices[0]


def test_a_quick_run_after_a_full_one_takes_nothing_of_that_back() -> None:
    heads = verified(BLOCKS[:3])
    for blocks, request, quick in (
        (BLOCKS[:3], {"quick": True}, False),
        (BLOCKS[:3], {"quick": True, "continued": True}, False),
        (BLOCKS[:4], {"quick": True, "continued": True}, True),
        (BLOCKS[:4], {"quick": True}, True),
        (BLOCKS, {"continued": True}, True),
        (BLOCKS, {}, False),
    ):
        heads = verified(blocks, heads, **request)
        resume = heads[LOG].resume
        assert resume
        assert resume.quick is quick


@pytest.mark.parametrize(
    "changes",
    [
        {"trust": make_trust(LOG, retention_days=29)},
        {"trust": make_trust(LOG, retention_days=None)},
        {"url": "memory:other"},
    ],
    ids=["another retention", "no retention", "another vault"],
)
def test_where_something_else_was_verified_the_check_begins_at_the_beginning(changes: dict[str, Any]) -> None:
    heads, vault = verified(BLOCKS[:5]), vault_of(BLOCKS)
    vault.url = changes.pop("url", vault.url)
    report = audit(vault, changes.pop("trust", TRUST), heads=heads, memory="state", continued=True)
    assert report.logs[0].result is Result.OK
    assert report.logs[0].notices == (
        "checked from its beginning: its pins, the retention or the vault are not those of the last run",
    )


def test_of_a_head_alone_and_of_a_log_that_is_not_remembered_everything_is_read() -> None:
    heads = {LOG: Head.of(BLOCKS[4].note)}
    report = continued(vault_of(BLOCKS), heads)
    assert report.logs[0].result is Result.OK
    assert report.logs[0].notices == ("checked from its beginning: the state file remembers its head alone",)
    assert continued(vault_of(BLOCKS), {}).logs[0].result is Result.OK


def rotated() -> list[Block]:
    """Return a log whose keys change at each even height."""
    state, blocks, signer, other = genesis(LOG), [], SIGNER, OTHER_SIGNER
    for height in range(8):
        following = tuple(map(str, keys_of(LOG, other))) if height % 2 else ()
        blocks.append(seal(state, 2, partitions=1, signers=[signer], next_keys=following))
        state = state.accept(blocks[-1])
        signer, other = (other, signer) if height % 2 else (signer, other)
    return blocks


@pytest.mark.parametrize("size", range(1, 8))
def test_rotated_keys_are_remembered(size: int) -> None:
    blocks = rotated()
    heads = verified(blocks[:size])
    assert places(continued(vault_of(blocks), heads)) == []
    for period in (1, 4, 8):
        for step in range(1, 9):
            report = continued(vault_of(blocks), heads, now=NOW + step * DAY, scrub_period=period * DAY)
            assert places(report) == []
            heads = report.heads_after(heads)


def test_a_tail_that_was_cut_off_is_found_at_its_first_height() -> None:
    heads = verified(BLOCKS)
    for size in range(1, 8):
        assert places(continued(vault_of(BLOCKS[:size]), heads)) == [(Verdict.TRUNCATED, 0, size, None, "height")]
    assert places(continued(MemoryVault(), heads)) == [(Verdict.MISSING_LOG, 0, None, None, "origin")]


def test_a_head_that_is_gone_and_one_that_is_damaged() -> None:
    heads = verified(BLOCKS[:5])
    vault = vault_of(BLOCKS)
    del vault.objects[LOG.block_key(4)]
    assert places(continued(vault, heads)) == [(Verdict.BROKEN_CHAIN, 0, 4, None, "height")]
    vault.put(LOG.block_key(4), b"", lock_until())
    assert places(continued(vault, heads)) == [(Verdict.MALFORMED, 0, 4, None, "container")]
    only = vault_of(BLOCKS[:4])
    only.put(LOG.block_key(4), b"", lock_until())
    assert places(continued(only, heads)) == [(Verdict.MALFORMED, 0, 4, None, "container")]


def test_behind_a_damaged_head_the_next_block_must_fit_the_remembered_state() -> None:
    """The holder of the key could otherwise skip records there: nothing in the vault shows where the head ended."""
    heads = verified(BLOCKS[:5])
    vault = vault_of(BLOCKS[:6])
    vault.replace(LOG.block_key(4), b"")
    skipped = resigned(BLOCKS[5], first_offset=11, last_offset=12)
    vault.replace(LOG.block_key(5), skipped.format())
    assert places(continued(vault, heads)) == [
        (Verdict.MALFORMED, 0, 4, None, "container"),
        (Verdict.BROKEN_CHAIN, 0, 5, None, "first_offset"),
    ]


def test_a_history_that_was_replaced_is_a_fork_with_its_proof() -> None:
    heads = verified(BLOCKS[:5])
    other = make_log(LOG, SIZES, partitions=1, source={"topic_id": "U"})
    report = continued(vault_of(other), heads)
    assert places(report) == [(Verdict.FORK, 0, 4, None, "checkpoint.root")]
    assert report.kept_findings[0].evidence == (
        BLOCKS[4].note.format().decode(),
        other[4].note.format().decode(),
    )


def test_a_log_with_a_finding_is_not_remembered_anew() -> None:
    heads = verified(BLOCKS[:5])
    vault = vault_of(BLOCKS)
    vault.replace(LOG.block_key(6), b"")
    assert continued(vault, heads).heads_after(heads) == heads


@settings(max_examples=60)
@given(st.integers(1, 7), st.integers(0, 7), st.sampled_from(["gone", "empty", "records", "resigned"]))
def test_from_the_head_on_it_finds_what_a_full_run_finds(size: int, height: int, harm: str) -> None:
    heads, vault = verified(BLOCKS[:size]), vault_of(BLOCKS)
    do_harm(vault, height, harm)
    full = places(audit(vault, TRUST, heads=heads, memory="state"))
    found = places(continued(vault, heads))
    if height < size - 1:
        assert found == []
    else:
        assert found == full


def do_harm(vault: MemoryVault, height: int, harm: str) -> None:
    key, block = LOG.block_key(height), BLOCKS[height]
    if harm == "gone":
        del vault.objects[key]
    elif harm == "empty":
        vault.replace(key, b"")
    elif harm == "records":
        vault.replace(key, with_records(block, list(block.encoded_records())[:1]).format())
    else:
        vault.replace(key, resigned(block, signers=[OTHER_SIGNER]).format())


def scrub(vault: MemoryVault, heads: dict[Origin, Head], *hours: float, **request: Any) -> Iterator[Report]:
    """Continue at so many hours after the first run, with a pass a day."""
    for hour in hours:
        now = NOW + int(hour * DAY / 24)
        report = continued(vault, heads, now=now, scrub_period=DAY, **request)
        heads = report.heads_after(heads)
        yield report


def portions(report: Report) -> tuple[int, int]:
    portion = report.logs[0].portion
    assert portion
    return portion.start.height, portion.end


def test_a_pass_is_spread_over_its_period(monkeypatch: pytest.MonkeyPatch) -> None:
    vault = vault_of(BLOCKS)
    heights = read_heights(vault, monkeypatch)
    reports = list(scrub(vault, verified(BLOCKS), 0, 1, 6, 6.5, 12, 23.9, 24.5, 36, 100))
    assert [portions(report) for report in reports] == [
        (0, 0), (0, 1), (1, 2), (2, 3), (3, 4), (4, 8), (0, 1), (1, 5), (5, 8),
    ]  # fmt: skip
    assert heights == [7, 7, 0, 7, 1, 7, 2, 7, 3, 7, 4, 5, 6, 7, 7, 0, 7, 1, 2, 3, 4, 7, 5, 6, 7]
    assert all(report.exit_code == 0 for report in reports)
    assert [report.logs[0].notices[-1] for report in reports[:3]] == [
        "scrub: no blocks were due, so none of 8 were checked again",
        "scrub: blocks 0 to 0 of 8 were checked again",
        "scrub: blocks 1 to 1 of 8 were checked again",
    ]
    said = reports[2].logs[0].to_json()["scrub"]
    assert said == {"first_height": 1, "end_height": 2, "size": 8, "began_at": NOW, "last_ended_at": NOW}


def test_a_log_that_grows_meanwhile_is_passed_to_its_head_of_that_time() -> None:
    heads = verified(BLOCKS[:4])
    first = continued(vault_of(BLOCKS[:6]), heads, now=NOW + DAY // 2, scrub_period=DAY)
    assert portions(first) == (0, 2)
    second = continued(vault_of(BLOCKS), first.heads_after(heads), now=NOW + DAY, scrub_period=DAY)
    assert portions(second) == (2, 6)
    assert second.heads_after(heads)[LOG].scrub == replace(
        verified(BLOCKS)[LOG].scrub, began_at=NOW + DAY, ended_at=NOW + DAY
    )


@pytest.mark.parametrize("harm", ["gone", "empty", "records", "resigned"])
@pytest.mark.parametrize("height", range(7))
def test_a_pass_finds_what_a_full_run_finds(height: int, harm: str) -> None:
    heads, vault = verified(BLOCKS), vault_of(BLOCKS)
    do_harm(vault, height, harm)
    (expected,) = places(audit(vault, TRUST, heads=heads, memory="state"))
    reports = list(scrub(vault, heads, *range(0, 30, 3)))
    assert [place for report in reports for place in set(places(report))].count(expected) >= 1
    assert {place for report in reports for place in places(report)} == {expected}


def test_a_pass_stays_where_it_found_something_until_that_is_gone() -> None:
    heads, vault = verified(BLOCKS), vault_of(BLOCKS)
    do_harm(vault, 1, "empty")
    reports = list(scrub(vault, heads, 6, 7, 8))
    assert [report.exit_code for report in reports] == [Verdict.MALFORMED.exit_code] * 3
    assert [portions(report)[0] for report in reports] == [0, 0, 0]
    do_harm(vault, 2, "gone")
    vault.replace(LOG.block_key(1), BLOCKS[1].format())
    assert [report.exit_code for report in scrub(vault, heads, 6)] == [0]
    assert [report.exit_code for report in scrub(vault, heads, 12)] == [Verdict.BROKEN_CHAIN.exit_code]


def test_portions_must_follow_each_other() -> None:
    """Each half is a good one, of two histories: the second one's first block has another root before it."""
    heads = verified(BLOCKS)
    (half,) = scrub(vault_of(BLOCKS), heads, 12)
    other = make_log(LOG, SIZES, partitions=1, source={"topic_id": "U"})
    vault = vault_of([*BLOCKS[:4], *other[4:7], BLOCKS[7]])
    report = continued(vault, half.heads_after(heads), now=NOW + DAY, scrub_period=DAY)
    assert (Verdict.BAD_ROOT, 0, 4, None, "frontier") in places(report)


def test_the_last_portion_must_end_at_the_remembered_head() -> None:
    """The head's own block is good, and all before it is of another history by the same key."""
    heads = verified(BLOCKS)
    other = make_log(LOG, SIZES, partitions=1, source={"topic_id": "U"})
    vault = vault_of([*other[:7], BLOCKS[7]])
    (report,) = scrub(vault, heads, 24)
    assert (Verdict.BROKEN_CHAIN, 0, 7, None, "previous") in places(report)


def test_a_foreign_key_is_found_by_the_portion_that_it_is_in() -> None:
    heads, vault = verified(BLOCKS), vault_of(BLOCKS)
    vault.put(f"{LOG.block_key(3)}.bak", b"")
    found = [report.exit_code for report in scrub(vault, heads, 12, 18)]
    assert found == [0, Verdict.BAD_STORAGE.exit_code]


def test_after_a_full_pass_nothing_was_left_out_by_a_quick_run_any_more() -> None:
    heads = verified(BLOCKS, quick=True)
    *_, last = scrub(vault_of(BLOCKS), heads, 0, 12, 24)
    resume = last.heads_after(heads)[LOG].resume
    assert resume
    assert not resume.quick
    *_, last = scrub(vault_of(BLOCKS), heads, 0, 12, 24, quick=True)
    resume = last.heads_after(heads)[LOG].resume
    assert resume
    assert resume.quick


def test_a_portion_that_is_refused_is_an_error_and_is_tried_again() -> None:
    heads, vault = verified(BLOCKS), vault_of(BLOCKS)
    vault.refused.add(LOG.block_key(2))
    report, again = scrub(vault, heads, 12, 13)
    assert (report.exit_code, report.logs[0].result, report.heads_after(heads)) == (1, Result.UNKNOWN, heads)
    assert portions(again)[0] == 0


def test_a_log_from_a_start_is_continued_and_passed_from_there() -> None:
    trust = make_trust(LOG, starts={LOG: Start(2, BLOCKS[2].frontier.root)})
    vault = vault_of(BLOCKS[2:])
    heads = audit(vault, trust, memory="state", now=NOW).heads_after({})
    request = {"memory": "state", "continued": True, "scrub_period": DAY}
    for hours, expected in ((12, (2, 4)), (24, (4, 8))):
        report = audit(vault, trust, heads=heads, now=NOW + hours * DAY // 24, **request)
        assert (report.exit_code, portions(report)) == (0, expected)
        heads = report.heads_after(heads)


def test_a_claim_on_older_blocks_is_not_compared_and_that_is_said() -> None:
    vault, logs = make_vault(sizes=(2,) * 4)
    later = replace(LOG, run=1)
    trust = make_trust(*ORIGINS, later)
    predecessor = Predecessor(str(LOG), 2, logs[0][2].frontier.root, tuple(map(str, keys_of(LOG))))
    put_log(vault, [seal(genesis(later), 1, predecessor=predecessor)])
    heads = audit(vault, trust, memory="state").heads_after({})
    report = audit(vault, trust, heads=heads, memory="state", continued=True)
    assert report.exit_code == 0
    assert any("which are below the remembered head: they were not compared" in said for said in report.logs[2].notices)
