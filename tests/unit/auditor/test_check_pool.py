"""Objects checked here or in several processes: the same results, in the same order, with few of them in memory."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from auditseal_auditor import check_pool as module
from auditseal_auditor.check_pool import CheckPool
from auditseal_auditor.listing import ListedKey, list_keys
from auditseal_schemas.errors import AuditsealError, UnavailableError
from auditseal_vault.directory import DirectoryVault
from auditseal_vault.errors import UnreadableObjectError
from auditseal_vault.interface import StoredVersion
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
        yield listed(key, height)
        yield listed(f"{key}.bak", None)


def listed(key: str, height: int | None) -> ListedKey:
    return ListedKey(key, height, ("",), 1, 0, StoredVersion(key, "", True, False, 1000))


def start(pool: CheckPool) -> None:
    """Start the workers, and wait until they check every key."""
    pool._start_workers()
    wait(pool._starts)


@pytest.mark.parametrize("may_fork", [False, True])
def test_processes_answer_as_one_does(vault: Path, monkeypatch: pytest.MonkeyPatch, may_fork: bool) -> None:
    monkeypatch.setattr(module, "_may_fork", lambda: may_fork)
    with CheckPool(partial(DirectoryVault, vault), 1) as alone:
        expected = list(alone.check(keys(), quick=False))
    assert [done is None for _, done in expected] == [False, True] * 12
    assert [bool(done and done.fault) for _, done in expected[::2]] == [height == 5 for height in range(12)]
    monkeypatch.setattr(module, "_BATCH_KEYS", 5)
    with CheckPool(partial(DirectoryVault, vault), 2) as several:
        start(several)
        assert list(several.check(keys(), quick=False)) == expected
        assert list(several.check(keys(), quick=False)) == expected


def test_other_processes_start_while_this_one_checks(vault: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SECONDS_BEFORE_SHARING", 0)
    monkeypatch.setattr(module, "_SECONDS_BEFORE_SPAWN", 0)
    with CheckPool(partial(DirectoryVault, vault), 2) as several:
        assert len(list(several.check(keys(), quick=False))) == 24
        assert several._starts


@pytest.mark.parametrize(
    ("seconds", "may_fork", "shares"), [(0.01, True, False), (0.5, True, True), (0.5, False, False), (1.5, False, True)]
)
def test_the_work_is_shared_sooner_where_a_fork_is_safe(
    vault: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, may_fork: bool, shares: bool
) -> None:
    times = iter([0.0, *[seconds] * 100])
    monkeypatch.setattr(module, "monotonic", lambda: next(times))
    monkeypatch.setattr(module, "_may_fork", lambda: may_fork)
    with CheckPool(partial(DirectoryVault, vault), 2) as several:
        assert len(list(several.check(keys(), quick=False))) == 24
        assert bool(several._starts) is shares


def test_workers_are_forked_before_the_listing_begins(vault: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A listing of a bucket starts a thread, and then no fork is safe."""
    may_fork, forked = True, list[int]()

    def listing() -> Iterator[ListedKey]:
        nonlocal may_fork
        may_fork = False
        forked.append(len(several._pool._processes if several._pool else ()))
        yield from keys()

    monkeypatch.setattr(module, "_may_fork", lambda: may_fork)
    monkeypatch.setattr(module, "_SECONDS_BEFORE_SHARING", -1)
    with CheckPool(partial(DirectoryVault, vault), 2) as several:
        assert len(list(several.check(listing(), quick=False))) == 24
    assert forked == [2]


def test_a_fork_is_safe_where_there_is_one_thread() -> None:
    alone = "from auditseal_auditor.check_pool import _may_fork; print(_may_fork())"
    other = "import threading; threading.Thread(target=threading.Event().wait, daemon=True).start();" + alone
    for program, expected in ((alone, "True"), (other, "False")):
        answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
        assert answer.stdout.strip() == expected


def test_a_small_vault_is_checked_by_one_process(vault: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "monotonic", lambda: 0.0)
    with CheckPool(partial(DirectoryVault, vault), 2) as several:
        assert len(list(several.check(keys(), quick=False))) == 24
        assert not several._starts


def test_a_large_object_is_left_to_the_workers(vault: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The work on it would be done before anything else could be handed over."""
    monkeypatch.setattr(module, "monotonic", lambda: 0.0)
    monkeypatch.setattr(module, "_may_fork", lambda: True)
    monkeypatch.setattr(module, "_BYTES_A_SECOND", 1000 / module._SECONDS_BEFORE_SHARING)
    few = list(keys(range(2)))
    with CheckPool(partial(DirectoryVault, vault), 2) as several:
        several._fork()
        first = list[ListedKey]()
        assert list(several._until_workers(iter([*few, *map(_grown, keys(range(2, 4)))]), first)) == few
        assert first == [_grown(next(keys(range(2, 3))))]
        assert len(list(several.check(keys(), quick=False))) == 24


def _grown(key: ListedKey) -> ListedKey:
    return replace(key, oldest=replace(key.oldest, size=1001)) if key.oldest else key


def test_the_last_batches_come_in_pieces_so_that_all_workers_end_together() -> None:
    items = list(keys(range(9)))
    batches = [items[:5], items[5:10], items[10:15], items[15:]]
    found = list(module._even_end(iter(batches), 2))
    assert [len(batch) for batch in found] == [5, 5, 2, 2, 1, 1, 1, 1]
    assert [key for batch in found for key in batch] == items
    assert not list(module._even_end(iter(()), 2))


def test_few_objects_are_under_way_at_once(vault: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BATCH_KEYS", 2)
    taken = 0

    def counted() -> Iterator[ListedKey]:
        nonlocal taken
        for item in keys(range(100)):
            taken += 1
            yield item

    with CheckPool(partial(DirectoryVault, vault), 2) as several, suppress(UnavailableError):
        start(several)
        for done, _ in enumerate(several.check(counted(), quick=False), start=1):
            assert taken - done <= 2 * (2 * module._AHEAD + 1 + 2)  # two batches are kept back
    assert done >= 24


def test_a_batch_has_few_keys_and_few_bytes(vault: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = [1, 1, 1, 1, 1, 60, 30, 5, 5, 100, 99, 1]
    items = (replace(listed("key", 0), oldest=StoredVersion("key", "", True, False, size)) for size in sizes)
    monkeypatch.setattr(module, "_BATCH_KEYS", 4)
    monkeypatch.setattr(module, "_BATCH_BYTES", 100)
    batches = [[item.block.size for item in batch if item.block] for batch in module._batches(items)]
    assert batches == [[1, 1, 1, 1], [1, 60, 30, 5], [5, 100], [99, 1]]


def test_a_store_that_is_away_is_told_from_any_process(vault: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BATCH_KEYS", 5)
    for jobs in (1, 2):
        with CheckPool(partial(DirectoryVault, vault), jobs) as pool:
            if jobs > 1:
                start(pool)
            done = []
            with pytest.raises(UnavailableError, match=LOG.block_key(12)):
                done.extend(pool.check(keys(range(13)), quick=False))
            assert len(done) == 24


@pytest.mark.parametrize("error", [UnavailableError("away"), UnreadableObjectError("a file")])
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_listing_that_breaks_off_does_so_after_what_it_had(vault: Path, jobs: int, error: Exception) -> None:
    def broken() -> Iterator[ListedKey]:
        yield from keys()
        raise error

    with CheckPool(partial(DirectoryVault, vault), jobs) as pool:
        if jobs > 1:
            start(pool)
        done = []
        with pytest.raises(type(error), match=str(error)):
            done.extend(pool.check(broken(), quick=False))
        assert len(done) == 24


def _die() -> DirectoryVault:
    import multiprocessing
    import os

    if multiprocessing.parent_process():
        os._exit(9)
    return DirectoryVault(Path("/"))


def test_a_process_that_dies_is_a_failure_and_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    with CheckPool(_die, 2) as several:
        start(several)
        with pytest.raises(AuditsealError, match="died"):
            list(several.check(keys(), quick=False))


def same(vault: MemoryVault) -> MemoryVault:
    return vault


def test_one_job_starts_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SECONDS_BEFORE_SPAWN", -1)
    vault, _ = make_vault()
    with CheckPool(partial(same, vault), 1) as alone:
        assert len(list(alone.check(list_keys(vault, ORIGINS[0]), quick=False))) == 3
        assert alone._pool is None


def test_as_many_batches_are_under_way_as_keep_the_workers_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads replace the processes: it is the same queue."""
    vault, _ = make_vault(sizes=(1,) * 20)
    monkeypatch.setattr(module, "_reader", lambda: vault)
    monkeypatch.setattr(module, "_BATCH_KEYS", 1)
    taken, ahead = 0, []

    def counted() -> Iterator[ListedKey]:
        nonlocal taken
        for item in list_keys(vault, ORIGINS[0]):
            taken += 1
            yield item

    with CheckPool(partial(same, vault), 2) as several, ThreadPoolExecutor(2) as threads:
        several._pool = threads  # type: ignore[assignment]
        several._starts = [threads.submit(module._do_nothing)]
        for done, _ in enumerate(several.check(counted(), quick=False), start=1):
            ahead.append(taken - done)
    most = 2 * module._AHEAD + 2  # two batches are kept back
    assert ahead == [*[most] * (20 - most), *range(most - 1, -1, -1)]
