"""Objects checked here or in several processes: the same results, in the same order, with few of them in memory."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from auditseal_auditor import check_pool as module
from auditseal_auditor.check_pool import CheckPool
from auditseal_auditor.listing import ListedKey, list_keys
from auditseal_schemas.errors import AuditsealError, UnavailableError
from auditseal_vault.directory import DirectoryVault
from tests.factory.vaults import ORIGINS, MemoryVault, lock_until, make_log, make_vault

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


def keys(heights: range = range(12)) -> Iterator[ListedKey]:
    for height in heights:
        key = LOG.block_key(height)
        yield ListedKey(key, height, ("",), 1, 0)
        yield ListedKey(f"{key}.bak", None, ("",), 1, 0)


def test_processes_answer_as_one_does(vault: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with CheckPool(partial(DirectoryVault, vault), 1) as alone:
        expected = list(alone.check(keys(), quick=False))
    assert [done is None for _, done in expected] == [False, True] * 12
    assert [bool(done and done.fault) for _, done in expected[::2]] == [height == 5 for height in range(12)]
    monkeypatch.setattr(module, "_SECONDS_ALONE", 0)
    with CheckPool(partial(DirectoryVault, vault), 2) as several:
        assert list(several.check(keys(), quick=False)) == expected
        assert several._pool is not None
        assert list(several.check(keys(), quick=False)) == expected


def test_a_small_vault_starts_no_process(vault: Path) -> None:
    with CheckPool(partial(DirectoryVault, vault), 2) as several:
        assert len(list(several.check(keys(), quick=False))) == 24
        assert several._pool is None


def test_few_objects_are_under_way_at_once(vault: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SECONDS_ALONE", 0)
    taken = 0

    def counted() -> Iterator[ListedKey]:
        nonlocal taken
        for item in keys():
            taken += 1
            yield item

    with CheckPool(partial(DirectoryVault, vault), 2) as several:
        for done, _ in enumerate(several.check(counted(), quick=False), start=1):
            assert taken - done <= 2 * 4


def test_a_store_that_is_away_is_told_from_any_process(vault: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SECONDS_ALONE", 0)
    with (
        CheckPool(partial(DirectoryVault, vault), 2) as several,
        pytest.raises(UnavailableError, match=LOG.block_key(12)),
    ):
        list(several.check(keys(range(13)), quick=False))


def _die() -> DirectoryVault:
    import multiprocessing
    import os

    if multiprocessing.parent_process():
        os._exit(9)
    return DirectoryVault(Path("/"))


def test_a_process_that_dies_is_a_failure_and_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    with CheckPool(_die, 2) as several:
        several._workers()
        with pytest.raises(AuditsealError, match="died"):
            list(several.check(keys(), quick=False))


def same(vault: MemoryVault) -> MemoryVault:
    return vault


def test_one_job_starts_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SECONDS_ALONE", -1)
    vault, _ = make_vault()
    with CheckPool(partial(same, vault), 1) as alone:
        assert len(list(alone.check(list_keys(vault, ORIGINS[0]), quick=False))) == 3
        assert alone._pool is None


def test_as_many_objects_are_under_way_as_keep_the_workers_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads stand for the processes: it is the same queue."""
    vault, _ = make_vault(sizes=(1,) * 20)
    monkeypatch.setattr(module, "_reader", vault, raising=False)
    taken, ahead = 0, []

    def counted() -> Iterator[ListedKey]:
        nonlocal taken
        for item in list_keys(vault, ORIGINS[0]):
            taken += 1
            yield item

    with CheckPool(partial(same, vault), 2) as several, ThreadPoolExecutor(2) as threads:
        several._pool = threads  # type: ignore[assignment]
        for done, _ in enumerate(several.check(counted(), quick=False), start=1):
            ahead.append(taken - done)
    assert ahead == [*[2 * module._AHEAD] * 12, *range(7, -1, -1)]
