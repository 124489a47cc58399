"""Objects examined here or in several processes: the same answers, in the same order, with few of them in memory."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from auditseal_auditor import examiner as module
from auditseal_auditor.examine import Task
from auditseal_auditor.examiner import Examiner, Todo
from auditseal_auditor.inventory import Slot
from auditseal_schemas.errors import AuditsealError, UnavailableError
from auditseal_vault.directory import DirectoryVault
from tests.factory.vaults import ORIGINS, lock_until, make_log

LOG = ORIGINS[0]


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    store = DirectoryVault(tmp_path)
    for block in make_log(LOG, (2,) * 12):
        store.put(LOG.block_key(block.header.height), block.format(), lock_until().retain_until)
    harmed = tmp_path / LOG.block_key(5)
    harmed.chmod(0o600)
    harmed.write_bytes(b"")
    return tmp_path


def todo(heights: range = range(12)) -> Iterator[Todo]:
    for height in heights:
        key = LOG.block_key(height)
        yield Slot(key, height, ("",), 1, 0), Task(key, ("",), quick=False)
        yield Slot(f"{key}.bak", None, ("",), 1, 0), None


def test_processes_answer_as_one_does(vault: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Examiner(partial(DirectoryVault, vault), 1) as alone:
        expected = list(alone.examine(todo()))
    assert [done is None for _, done in expected] == [False, True] * 12
    assert [bool(done and done.fault) for _, done in expected[::2]] == [height == 5 for height in range(12)]
    monkeypatch.setattr(module, "_PATIENCE", 0)
    with Examiner(partial(DirectoryVault, vault), 2) as several:
        assert list(several.examine(todo())) == expected
        assert several._pool is not None
        assert list(several.examine(todo())) == expected


def test_a_small_vault_starts_no_process(vault: Path) -> None:
    with Examiner(partial(DirectoryVault, vault), 2) as several:
        assert len(list(several.examine(todo()))) == 24
        assert several._pool is None


def test_few_objects_are_under_way_at_once(vault: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PATIENCE", 0)
    taken = 0

    def counted() -> Iterator[Todo]:
        nonlocal taken
        for item in todo():
            taken += 1
            yield item

    with Examiner(partial(DirectoryVault, vault), 2) as several:
        for done, _ in enumerate(several.examine(counted()), start=1):
            assert taken - done <= 2 * 4


def test_a_store_that_is_away_is_told_from_any_process(vault: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PATIENCE", 0)
    with (
        Examiner(partial(DirectoryVault, vault), 2) as several,
        pytest.raises(UnavailableError, match=LOG.block_key(12)),
    ):
        list(several.examine(todo(range(13))))


def _die() -> DirectoryVault:
    import multiprocessing
    import os

    if multiprocessing.parent_process():
        os._exit(9)
    return DirectoryVault(Path("/"))


def test_a_process_that_dies_is_a_failure_and_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    with Examiner(_die, 2) as several:
        several._workers()
        with pytest.raises(AuditsealError, match="died"):
            list(several.examine(todo()))
