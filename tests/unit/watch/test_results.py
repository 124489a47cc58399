"""The results that are worth an audit event: few, so that watching the log of these events comes to rest."""

from collections.abc import Callable
from pathlib import Path

import pytest

from auditseal_schemas.verdict import Verdict
from auditseal_watch import watcher
from auditseal_watch.results import Cause, CheckResult
from tests.factory.vaults import ORIGINS, SEALED_AT, MemoryVault, make_log, make_vault, put_log
from tests.factory.watching import Watch

LOG = ORIGINS[0]
WEEK = 7 * 86400.0


class Recorded(Watch):
    """A watcher whose results are kept, as the log's number, verdict, cause and size of the head."""

    def __init__(self, vault: MemoryVault, folder: Path) -> None:
        super().__init__(vault, folder)
        self.results: list[tuple[int, Verdict | None, Cause, int | None]] = []

    def on_result(self, result: CheckResult) -> None:
        size = result.head.size if result.head else None
        self.results.append((result.origin.partition, result.verdict, result.cause, size))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [SEALED_AT / 1e6 + 100]
    monkeypatch.setattr(watcher, "time", lambda: now[0])
    return now


@pytest.fixture
def watch(tmp_path: Path, clock: list[float]) -> Recorded:
    return Recorded(make_vault()[0], tmp_path)


def nothing() -> None:
    pass


def test_the_first_result_is_recorded_and_new_blocks_are_not(watch: Recorded) -> None:
    longer = make_log(LOG, (4, 3, 5, 2, 1))
    blocks: list[Callable[[], None]] = [
        lambda: put_log(watch.vault, longer[3:4]),
        lambda: put_log(watch.vault, longer[4:]),
    ]
    watch.run(nothing, *blocks, nothing, is_first=True)
    assert watch.served("head_blocks", origin=str(LOG)) == 5
    assert watch.results == [(0, None, Cause.FIRST, 3), (1, None, Cause.FIRST, 3)]


def test_a_change_of_the_verdict_and_its_end_are_recorded_once(watch: Recorded) -> None:
    key = LOG.block_key(3)
    block = make_log(LOG, (4, 3, 5, 2))[3]

    def damage() -> None:
        put_log(watch.vault, [block])
        watch.vault.replace(key, block.format()[:-1])

    watch.run(damage, nothing, lambda: watch.vault.replace(key, block.format()), nothing, is_first=True)
    verdict = Verdict.SQUATTED
    assert watch.results[2:] == [(0, verdict, Cause.CHANGED, None), (0, None, Cause.CHANGED, 4)]


def test_a_store_that_is_away_is_no_change(watch: Recorded) -> None:
    def away(key: str) -> Callable[[], None]:
        return lambda: setattr(watch.vault, "broken", key)

    watch.run(away("*"), away(""), nothing, is_first=True)
    assert watch.served("runs_total", result="unknown") == 1
    assert [cause for _, _, cause, _ in watch.results] == [Cause.FIRST, Cause.FIRST]


def test_each_whole_pass_is_recorded(watch: Recorded, clock: list[float]) -> None:
    def pass_week() -> None:
        clock[0] += WEEK

    watch.run(pass_week, nothing, nothing, pass_week, nothing, is_first=True)
    assert watch.results[2:] == [(number, None, Cause.SCRUB, 3) for _ in range(2) for number in range(2)]
