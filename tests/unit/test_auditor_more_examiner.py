"""One job stays in this process, however long it takes."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from auditseal_auditor import examiner as module
from auditseal_auditor.examine import Task
from auditseal_auditor.examiner import Examiner, Todo
from auditseal_auditor.inventory import list_slots
from tests.factory.vaults import ORIGINS, MemoryVault, make_vault


def todo(vault: MemoryVault) -> Iterator[Todo]:
    for slot in list_slots(vault, ORIGINS[0]):
        yield slot, Task(slot.key, slot.version_ids, quick=False)


def same(vault: MemoryVault) -> MemoryVault:
    return vault


def test_one_job_starts_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PATIENCE", -1)
    vault, _ = make_vault()
    with Examiner(partial(same, vault), 1) as alone:
        assert len(list(alone.examine(todo(vault)))) == 3
        assert alone._pool is None


def test_as_many_objects_are_under_way_as_keep_the_workers_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads stand for the processes: it is the same queue."""
    vault, _ = make_vault(sizes=(1,) * 20)
    monkeypatch.setattr(module, "_reader", vault, raising=False)
    taken, ahead = 0, []

    def counted() -> Iterator[Todo]:
        nonlocal taken
        for item in todo(vault):
            taken += 1
            yield item

    with Examiner(partial(same, vault), 2) as several, ThreadPoolExecutor(2) as threads:
        several._pool = threads  # type: ignore[assignment]
        for done, _ in enumerate(several.examine(counted()), start=1):
            ahead.append(taken - done)
    assert ahead == [*[2 * module._AHEAD] * 12, *range(7, -1, -1)]
