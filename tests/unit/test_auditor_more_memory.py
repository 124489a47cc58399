"""The memory's file: its bytes, and every way in which it can be broken."""

import fcntl
import json
from pathlib import Path

import pytest

from auditseal_auditor import memory
from auditseal_auditor.heads import Head, forks_between
from auditseal_auditor.memory import read_heads, remember_heads
from auditseal_schemas.errors import AuditsealError, ConfigurationError
from auditseal_schemas.verdict import Verdict
from tests.factory.audits import audit, places
from tests.factory.blocks import resigned
from tests.factory.keys import OTHER_SIGNER
from tests.factory.vaults import ORIGINS, lock_until, make_vault

LOG = ORIGINS[0]


def test_the_file_is_a_head_a_line(tmp_path: Path) -> None:
    _, logs = make_vault()
    path = tmp_path / "state"
    heads = {origin: Head.of(blocks[0].note) for origin, blocks in zip(ORIGINS, logs, strict=True)}
    remember_heads(path, dict(reversed(heads.items())))
    lines = [
        f'  "{origin}": {json.dumps(head.note.format().decode(), ensure_ascii=False)}' for origin, head in heads.items()
    ]
    assert path.read_text("utf-8") == '{\n "version": 1,\n "heads": {\n' + ",\n".join(lines) + "\n }\n}\n"


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
    for unreadable in (path, tmp_path):
        with pytest.raises(AuditsealError, match="can't be read") as caught:
            read_heads(unreadable)
        assert not isinstance(caught.value, ConfigurationError)


def test_a_run_gives_up_when_its_patience_ends_and_not_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, now, naps = tmp_path / "state", [1_000.0], []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        now[0] += 1

    monkeypatch.setattr(memory, "monotonic", lambda: now[0])
    monkeypatch.setattr(memory, "sleep", nap)
    with (tmp_path / "state.lock").open("ab") as other_run:
        fcntl.flock(other_run, fcntl.LOCK_EX)
        with pytest.raises(AuditsealError, match="locked for 10 s"):
            remember_heads(path, {})
    assert (now[0], len(naps)) == (1_011.0, 11)


def test_two_heads_are_a_fork_where_size_and_only_root_differ() -> None:
    _, logs = make_vault()
    head, other = Head.of(logs[0][1].note), Head.of(resigned(logs[0][1], sealer="other").note)
    again = Head.of(resigned(logs[0][1], signers=(OTHER_SIGNER,)).note)
    assert [forks_between({LOG: head}, {LOG: one}) for one in (head, again, Head.of(logs[0][2].note))] == [[], [], []]
    (fork,) = forks_between({LOG: head}, {LOG: other})
    assert (fork.height, fork.object) == (1, LOG.block_key(1))
    assert "verified 2 other blocks" in fork.detail
    assert forks_between({LOG: head}, {ORIGINS[1]: other}) == []


def test_what_a_stranger_signed_hides_no_fork() -> None:
    vault, logs = make_vault()
    key = LOG.block_key(1)
    for signer in (OTHER_SIGNER, None):
        signers = {"signers": (signer,)} if signer else {}
        vault.put(key, resigned(logs[0][1], sealer=f"rival/{signer is None}", **signers).format(), lock_until())
    assert places(audit(vault))[-1] == (Verdict.FORK, 0, 1, None, "checkpoint.root")
    vault.objects[key].insert(1, vault.objects[key].pop())
    assert places(audit(vault))[-1] == (Verdict.FORK, 0, 1, None, "checkpoint.root")
