"""Remembered heads: what a vault is held to that was verified before."""

import fcntl
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import sleep

import pytest

from auditseal_auditor import memory
from auditseal_auditor.finding import MOST_KEPT
from auditseal_auditor.heads import Head, heads_after
from auditseal_auditor.memory import read_heads, remember_heads
from auditseal_auditor.report import Result
from auditseal_schemas.block import Block
from auditseal_schemas.errors import AuditsealError, ConfigurationError
from auditseal_schemas.log import LogState
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import Start
from auditseal_schemas.verdict import Verdict
from tests.factory.audits import audit, places
from tests.factory.blocks import resigned
from tests.factory.keys import keys_of
from tests.factory.vaults import ORIGINS, MemoryVault, genesis, lock_until, make_trust, make_vault, put_log, seal

LOG = ORIGINS[0]


def head_of(block: Block) -> dict[Origin, Head]:
    return {block.header.origin: Head.of(block.note)}


def test_a_vault_that_grew_agrees_with_every_earlier_head() -> None:
    vault, logs = make_vault()
    for block in logs[0]:
        assert places(audit(vault, heads=head_of(block))) == []


def test_a_tail_that_was_cut_off_is_one_finding_at_the_first_height() -> None:
    vault, logs = make_vault(sizes=(1, 1, 1, 1))
    for height in (2, 3):
        del vault.objects[LOG.block_key(height)]
    assert places(audit(vault)) == []
    assert places(audit(vault, heads=head_of(logs[0][3]))) == [(Verdict.TRUNCATED, 0, 2, None, "height")]


def test_a_hole_in_the_tail_is_a_truncation_too() -> None:
    vault, logs = make_vault(sizes=(1, 1, 1, 1))
    del vault.objects[LOG.block_key(2)]
    vault.replace(LOG.block_key(3), b"")
    expected = [(Verdict.TRUNCATED, 0, 2, None, "height"), (Verdict.MALFORMED, 0, 3, None, "container")]
    assert places(audit(vault, heads=head_of(logs[0][3]))) == expected


def test_of_several_holes_in_the_tail_the_first_is_named() -> None:
    vault, logs = make_vault(sizes=(1, 1, 1, 1, 1, 1))
    for height in (2, 4):
        del vault.objects[LOG.block_key(height)]
    for height in (3, 5):
        vault.replace(LOG.block_key(height), b"")
    damaged = [(Verdict.MALFORMED, 0, height, None, "container") for height in (3, 5)]
    expected = [(Verdict.TRUNCATED, 0, 2, None, "height"), *damaged]
    assert places(audit(vault, heads=head_of(logs[0][5]))) == expected


def test_a_hole_and_a_tail_that_was_cut_off_are_two_findings() -> None:
    vault, logs = make_vault(sizes=(1, 1, 1, 1, 1, 1))
    for height in (1, 4, 5):
        del vault.objects[LOG.block_key(height)]
    expected = [(Verdict.BROKEN_CHAIN, 0, 1, None, "height"), (Verdict.TRUNCATED, 0, 4, None, "height")]
    assert places(audit(vault, heads=head_of(logs[0][5]))) == expected


def test_garbage_above_the_remembered_head_is_a_squatters() -> None:
    vault, logs = make_vault()
    vault.put(LOG.block_key(3), b"", vault.objects[LOG.block_key(0)][0].lock)
    assert places(audit(vault, heads=head_of(logs[0][2]))) == [(Verdict.SQUATTED, 0, 3, None, "container")]


def test_a_log_that_vanished_is_missing() -> None:
    vault, logs = make_vault()
    for height in range(3):
        del vault.objects[LOG.block_key(height)]
    report = audit(vault, heads=head_of(logs[0][2]))
    assert places(report) == [(Verdict.MISSING_LOG, 0, None, None, "origin")]
    assert "3 blocks of it are remembered" in report.kept_findings[0].detail


def test_a_log_of_which_only_garbage_is_left_is_missing_and_not_cut_off_too() -> None:
    vault, logs = make_vault()
    for height in range(3):
        del vault.objects[LOG.block_key(height)]
    for height in (1, 7):
        vault.put(LOG.block_key(height), b"", lock_until())
    report = audit(vault, heads=head_of(logs[0][2]))
    assert places(report) == [
        (Verdict.MISSING_LOG, 0, None, None, "origin"),
        (Verdict.MALFORMED, 0, 1, None, "container"),
        (Verdict.SQUATTED, 0, 7, None, "container"),
    ]
    told = "(objects at its keys that are no blocks: 2), 3 blocks of it are remembered"
    assert told in report.kept_findings[0].detail


def test_a_damaged_head_is_damage_and_no_squatter() -> None:
    vault, logs = make_vault()
    vault.replace(LOG.block_key(2), b"")
    assert places(audit(vault, heads=head_of(logs[0][2]))) == [(Verdict.MALFORMED, 0, 2, None, "container")]


def rewritten(*sizes: int) -> MemoryVault:
    """Return a vault that the key's holder wrote anew from height 1 on."""
    vault, logs = make_vault()
    state = genesis(LOG).accept(logs[0][0])
    for height in (1, 2):
        del vault.objects[LOG.block_key(height)]
    for size in sizes:
        block = seal(state, size)
        put_log(vault, [block])
        state = state.accept(block)
    return vault


def test_a_history_rewritten_with_the_key_is_a_fork_against_the_memory() -> None:
    _, logs = make_vault()
    vault = rewritten(2, 6, 1)
    assert places(audit(vault)) == []
    report = audit(vault, heads=head_of(logs[0][2]))
    assert places(report) == [(Verdict.FORK, 0, 2, None, "checkpoint.root")]
    notes = report.kept_findings[0].evidence
    assert notes[0] == logs[0][2].note.format().decode()
    assert [note.split("\n")[:2] for note in notes] == [[str(LOG), "3"]] * 2
    assert notes[0] != notes[1]


def test_the_old_root_is_had_from_the_next_frontier_where_the_block_itself_is_gone() -> None:
    _, logs = make_vault()
    vault = rewritten(2, 6, 1)
    del vault.objects[LOG.block_key(2)]
    report = audit(vault, heads=head_of(logs[0][2]))
    assert [place[0] for place in places(report)] == [Verdict.BROKEN_CHAIN, Verdict.FORK]


def test_a_remembered_log_that_nobody_pins_is_mentioned() -> None:
    vault, logs = make_vault()
    report = audit(vault, make_trust(LOG), heads=head_of(logs[1][2]))
    assert any(str(ORIGINS[1]) in notice for notice in report.notices)


def test_only_clean_logs_are_remembered_and_nothing_is_forgotten(tmp_path: Path) -> None:
    vault, logs = make_vault()
    stranger = Origin("b.example", "t", 0, 0)
    stranger_block = seal(LogState.genesis(stranger, keys_of(stranger)), 1)
    heads = head_of(logs[0][1]) | head_of(stranger_block)
    vault.replace(LOG.block_key(0), b"")
    after = heads_after(heads, audit(vault, heads=heads))
    assert {origin: head.checkpoint.size for origin, head in after.items()} == {LOG: 2, stranger: 1, ORIGINS[1]: 3}
    path = tmp_path / "state.json"
    assert remember_heads(path, after) == []
    assert read_heads(path) == after
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["state.json", "state.json.lock"]


def test_a_run_that_ends_late_takes_nothing_back(tmp_path: Path) -> None:
    _, logs = make_vault()
    path = tmp_path / "state"
    for block in (logs[0][2], logs[1][0], logs[0][1], logs[1][1]):
        assert remember_heads(path, head_of(block)) == []
    assert read_heads(path) == head_of(logs[0][2]) | head_of(logs[1][1])


def test_two_runs_that_saw_two_histories_are_a_fork_and_the_first_is_kept(tmp_path: Path) -> None:
    vault, logs = make_vault()
    path = tmp_path / "state"
    remember_heads(path, head_of(logs[0][2]))
    other = resigned(logs[0][2], sealer="other")
    (fork,) = remember_heads(path, head_of(other) | head_of(logs[1][2]))
    assert (fork.verdict, fork.origin, fork.height, fork.field) == (Verdict.FORK, LOG, 2, "checkpoint.root")
    assert fork.evidence == (logs[0][2].note.format().decode(), other.note.format().decode())
    assert read_heads(path) == head_of(logs[0][2]) | head_of(logs[1][2])
    report = audit(vault).with_findings([fork])
    assert (report.exit_code, places(report)) == (21, [(Verdict.FORK, 0, 2, None, "checkpoint.root")])
    assert [log.result for log in report.logs] == [Result.FAILED, Result.OK]
    unpinned = audit(vault, make_trust(ORIGINS[1])).with_findings([fork])
    assert (unpinned.exit_code, unpinned.finding_count) == (
        21,
        1 + len(audit(vault, make_trust(ORIGINS[1])).kept_findings),
    )
    assert unpinned.findings.kept == [fork]


def test_a_later_finding_of_a_log_with_very_many_is_kept(tmp_path: Path) -> None:
    vault, logs = make_vault()
    for number in range(MOST_KEPT):
        vault.put(f"v1/{LOG}/{number}", b"", None)
    remember_heads(tmp_path / "state", head_of(logs[0][2]))
    report = audit(vault).with_findings(
        remember_heads(tmp_path / "state", head_of(resigned(logs[0][2], sealer="other")))
    )
    assert (report.finding_count, len(report.kept_findings)) == (MOST_KEPT + 1, MOST_KEPT)
    assert report.kept_findings[-1].verdict is Verdict.FORK


def test_one_run_at_a_time_writes_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, logs = make_vault()
    path = tmp_path / "state"
    monkeypatch.setattr(memory, "_PATIENCE", 0.0)
    with (tmp_path / "state.lock").open("ab") as other_run:
        fcntl.flock(other_run, fcntl.LOCK_EX)
        with pytest.raises(AuditsealError, match="another run has held"):
            remember_heads(path, head_of(logs[0][0]))
    assert not path.exists()
    assert remember_heads(path, head_of(logs[0][0])) == []


def test_a_run_waits_for_another_one(tmp_path: Path) -> None:
    _, logs = make_vault()
    path = tmp_path / "state"
    with (tmp_path / "state.lock").open("ab") as other_run, ThreadPoolExecutor(1) as pool:
        fcntl.flock(other_run, fcntl.LOCK_EX)
        waiting = pool.submit(remember_heads, path, head_of(logs[0][0]))
        sleep(0.1)
        assert not path.exists()
        fcntl.flock(other_run, fcntl.LOCK_UN)
        assert waiting.result(timeout=30) == []
    assert read_heads(path) == head_of(logs[0][0])


def test_a_memory_that_isnt_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is the path right, is its disk mounted"):
        read_heads(tmp_path / "none")


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
    for height, anchor in ((0, "none"), (1, "state x (1 head)")):
        report = audit(vault, make_trust(starts=starts), heads=head_of(logs[0][height]), memory="state x")
        assert report.anchor == anchor
        assert any("lies below the start" in notice for notice in report.logs[0].notices) == (anchor == "none")
    vault.broken = "*"
    assert audit(vault, heads=head_of(logs[0][0]), memory="state x").anchor == "none"


@pytest.mark.parametrize("harm", ["", "[]", "{}", '{"version": 2, "heads": {}}', '{"version": 1, "heads": {"x": "y"}}'])
def test_a_broken_memory_is_refused(tmp_path: Path, harm: str) -> None:
    path = tmp_path / "state"
    path.write_text(harm)
    with pytest.raises(ConfigurationError, match="is broken"):
        read_heads(path)


def test_a_memory_under_another_logs_name_is_refused(tmp_path: Path) -> None:
    _, logs = make_vault()
    path = tmp_path / "state"
    note = logs[1][0].note.format().decode()
    path.write_text(json.dumps({"version": 1, "heads": {str(LOG): note}}))
    with pytest.raises(ConfigurationError, match="stands a head of"):
        read_heads(path)


def test_a_memory_that_cant_be_kept_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(AuditsealError, match="can't be written"):
        remember_heads(tmp_path / "no" / "state", {})


def test_a_resigned_head_with_the_same_root_is_no_fork() -> None:
    vault, logs = make_vault()
    assert places(audit(vault, heads=head_of(resigned(logs[0][2])))) == []
