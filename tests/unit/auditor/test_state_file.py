"""The state file: its bytes, what is remembered in it, and every way in which it can be broken."""

import fcntl
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import sleep

import pytest

from auditseal_auditor.findings import MOST_KEPT
from auditseal_auditor.report import Result
from auditseal_auditor.state import shared_file
from auditseal_auditor.state.heads import Head
from auditseal_auditor.state.state_file import read_heads, remember_heads
from auditseal_schemas.block import Block
from auditseal_schemas.errors import AuditsealError, ConfigurationError
from auditseal_schemas.log import LogState
from auditseal_schemas.origin import Origin
from auditseal_schemas.verdict import Verdict
from tests.factory.audits import audit, places
from tests.factory.blocks import resigned
from tests.factory.keys import keys_of
from tests.factory.vaults import ORIGINS, make_trust, make_vault, seal

LOG = ORIGINS[0]


def head_of(block: Block) -> dict[Origin, Head]:
    return {block.header.origin: Head.of(block.note)}


def test_only_clean_logs_are_remembered_and_nothing_is_forgotten(tmp_path: Path) -> None:
    vault, logs = make_vault()
    stranger = Origin("b.example", "t", 0, 0)
    stranger_block = seal(LogState.genesis(stranger, keys_of(stranger)), 1)
    heads = head_of(logs[0][1]) | head_of(stranger_block)
    vault.replace(LOG.block_key(0), b"")
    after = audit(vault, heads=heads).heads_after(heads)
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
    monkeypatch.setattr(shared_file, "_LOCK_SECONDS", 0.0)
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
    with pytest.raises(ConfigurationError, match="is one of"):
        read_heads(path)


def test_a_memory_that_cant_be_kept_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(AuditsealError, match="can't be written"):
        remember_heads(tmp_path / "no" / "state", {})


def test_the_file_is_a_head_a_line(tmp_path: Path) -> None:
    _, logs = make_vault()
    path = tmp_path / "state"
    heads = {origin: Head.of(blocks[0].note) for origin, blocks in zip(ORIGINS, logs, strict=True)}
    remember_heads(path, dict(reversed(heads.items())))
    lines = [
        f'  "{origin}": {{\n   "head": {json.dumps(head.note.format().decode(), ensure_ascii=False)},\n'
        '   "resume": null,\n   "scrub": null\n  }'
        for origin, head in heads.items()
    ]
    assert path.read_text("utf-8") == '{\n "version": 2,\n "logs": {\n' + ",\n".join(lines) + "\n }\n}\n"


def test_a_file_of_version_1_is_read_and_becomes_one_of_version_2(tmp_path: Path) -> None:
    _, logs = make_vault()
    path = tmp_path / "state"
    path.write_text(json.dumps({"version": 1, "heads": {str(LOG): logs[0][1].note.format().decode()}}))
    assert read_heads(path) == head_of(logs[0][1])
    remember_heads(path, head_of(logs[1][1]))
    assert json.loads(path.read_text())["version"] == 2
    assert read_heads(path) == head_of(logs[0][1]) | head_of(logs[1][1])


@pytest.mark.parametrize(
    "text",
    [
        '{"version": 1, "heads": {}, "more": 1}',
        '{"version": 1, "heads": []}',
        '{"version": 1, "heads": {"a.example/audit.events/0/0": 1}}',
        '{"version": 1, "heads": {"no origin": "x"}}',
        '{"heads": {}}',
        "[" * 100_000,
    ],
    ids=len,
)
def test_whatever_it_isnt_is_refused_as_broken(tmp_path: Path, text: str) -> None:
    path = tmp_path / "state"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match="is broken"):
        read_heads(path)


def test_what_cant_be_read_is_a_failure_and_no_verdict_on_it(tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.write_bytes(b"\xff")
    with pytest.raises(AuditsealError, match="can't be read") as caught:
        read_heads(path)
    assert not isinstance(caught.value, ConfigurationError)


@pytest.mark.parametrize("again", ['"version": 1', '"heads": {}'])
def test_a_name_that_occurs_twice_hides_nothing(tmp_path: Path, again: str) -> None:
    path = tmp_path / "state"
    path.write_text("{" + again + ', "version": 1, "heads": {}}')
    with pytest.raises(ConfigurationError, match="occurs twice"):
        read_heads(path)


def test_a_run_gives_up_when_its_patience_ends_and_not_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, now, naps = tmp_path / "state", [1_000.0], []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        now[0] += 1

    monkeypatch.setattr(shared_file, "monotonic", lambda: now[0])
    monkeypatch.setattr(shared_file, "sleep", nap)
    with (tmp_path / "state.lock").open("ab") as other_run:
        fcntl.flock(other_run, fcntl.LOCK_EX)
        with pytest.raises(AuditsealError, match="locked for 10 s"):
            remember_heads(path, {})
    assert (now[0], len(naps)) == (1_011.0, 11)
