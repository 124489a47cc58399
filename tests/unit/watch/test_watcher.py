"""The watcher: new blocks at the next check, all blocks within the scrub period, and a finding that never ends it."""

import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from auditseal_auditor.check_pool import CheckPool
from auditseal_auditor.state.state_file import read_heads
from auditseal_schemas.errors import ConfigurationError
from auditseal_schemas.origin import Origin
from auditseal_schemas.verdict import Verdict
from auditseal_watch import watcher
from auditseal_watch.watcher import Watcher
from tests.factory.audits import audit
from tests.factory.vaults import (
    DAY,
    ORIGINS,
    SEALED_AT,
    MemoryVault,
    genesis,
    make_log,
    make_vault,
    put_log,
    seal,
)
from tests.factory.watching import Watch

LOG = ORIGINS[0]
NAME = str(LOG)
START = SEALED_AT / 1e6 + 100


class Clock:
    """The time that the watcher has."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now

    def pass_days(self, days: float) -> None:
        self.now += days * 86400


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(watcher, "time", clock)
    return clock


@pytest.fixture
def begun(tmp_path: Path, clock: Clock) -> Watch:
    """A watcher on a good vault of two logs with three blocks each, after its first check."""
    watch = Watch(make_vault()[0], tmp_path)
    watch.run(lambda: None, is_first=True)
    return watch


def damage(vault: MemoryVault, height: int) -> Callable[[], None]:
    """Change one byte of a block; return what undoes it."""
    key = LOG.block_key(height)
    good = vault.read(key, "v1")
    vault.replace(key, good[:-40] + bytes([good[-40] ^ 1]) + good[-39:])
    return lambda: vault.replace(key, good)


def criticals(watch: Watch) -> list[str]:
    return [line for level, line in watch.logged if level == "critical"]


def test_the_first_check_covers_everything_and_shows_it(begun: Watch) -> None:
    assert begun.health.missing() == {}
    assert [begun.served(name) for name in ("exit_code", "last_run_timestamp_seconds")] == [0, START]
    for origin in map(str, ORIGINS):
        assert begun.served("head_blocks", origin=origin) == 3
        assert begun.served("last_success_timestamp_seconds", origin=origin) == START
        assert begun.served("last_scrub_timestamp_seconds", origin=origin) == START
        assert begun.served("head_sealed_timestamp_seconds", origin=origin) == (SEALED_AT + 2) / 1e6
        assert {begun.served("findings", origin=origin, verdict=verdict) for verdict in Verdict} == {0}
    assert [begun.served("runs_total", result=result) for result in ("clean", "failed", "unknown")] == [1, 0, 0]
    assert begun.served("scrub_period_seconds") == 7 * 86400


def test_a_new_block_is_verified_at_the_next_check_and_older_ones_are_not_read(begun: Watch, clock: Clock) -> None:
    longer = make_log(LOG, (4, 3, 5, 2, 1))

    def add() -> None:
        put_log(begun.vault, longer[3:])
        begun.vault.unreadable.add(LOG.block_key(1))  # a check that reads it has a finding
        clock.now += 10

    begun.run(add, lambda: None)
    assert begun.served("head_blocks", origin=NAME) == 5
    assert begun.served("last_success_timestamp_seconds", origin=NAME) == START + 10
    assert begun.served("exit_code") == 0


def test_its_state_is_one_that_verify_takes(begun: Watch) -> None:
    heads = read_heads(begun.config.state_file)
    begun.vault.objects.pop(LOG.block_key(2))
    (finding,) = audit(begun.vault, heads=heads, continued=True, memory="state").kept_findings
    assert (finding.verdict, finding.height) == (Verdict.TRUNCATED, 2)


def test_an_older_state_file_does_not_make_it_forget(begun: Watch) -> None:
    older = begun.config.state_file.read_bytes()

    def grow() -> None:
        put_log(begun.vault, make_log(LOG, (4, 3, 5, 2))[3:])

    def cut() -> None:
        begun.vault.objects.pop(LOG.block_key(3))
        begun.config.state_file.write_bytes(older)

    begun.run(grow, cut, lambda: None)
    assert begun.served("findings", origin=NAME, verdict="TRUNCATED") == 1
    assert read_heads(begun.config.state_file)[LOG].checkpoint.size == 4


def test_a_finding_is_shown_everywhere_and_does_not_end_it(begun: Watch, clock: Clock) -> None:
    began: dict[str, float | None] = {}
    put_log(begun.vault, make_log(LOG, (4, 3, 5, 2))[3:])
    repair = damage(begun.vault, 3)

    def look() -> None:
        began["exit_code"] = begun.served("exit_code")
        began["found"] = begun.served("findings", origin=NAME, verdict="BAD_RECORD")
        assert begun.health.missing()["verified"].startswith("FAILED: 1 finding, the worst is BAD_RECORD")
        assert "block 3" in begun.health.missing()["verified"]
        clock.now += 10

    def mend() -> None:
        look()
        repair()

    begun.run(look, look, mend, lambda: None)
    assert began == {"exit_code": Verdict.BAD_RECORD.exit_code, "found": 1}
    assert [line.split()[0] for line in criticals(begun)] == [f"{Verdict.BAD_RECORD}:"]  # once, not three times
    assert any("everything holds again" in line for _, line in begun.logged)
    assert begun.health.missing() == {}
    assert [begun.served("runs_total", result=result) for result in ("clean", "failed")] == [2, 3]
    assert begun.served("findings", origin=NAME, verdict="BAD_RECORD") == 0
    assert begun.served("head_blocks", origin=NAME) == 4


def test_what_happened_to_an_older_block_is_found_within_the_scrub_period(begun: Watch, clock: Clock) -> None:
    damage(begun.vault, 0)
    codes = []

    def note(days: float) -> None:
        codes.append(begun.served("exit_code"))
        clock.pass_days(days)

    begun.run(partial(note, 7), lambda: None)
    assert codes == [0]  # nothing was due yet
    assert begun.served("exit_code") == Verdict.BAD_RECORD.exit_code
    assert begun.served("last_scrub_timestamp_seconds", origin=NAME) == START
    assert begun.served("last_scrub_timestamp_seconds", origin=str(ORIGINS[1])) == START + 7 * 86400


def test_a_store_that_is_away_is_no_verdict_and_the_last_success_stays(begun: Watch, clock: Clock) -> None:
    def go_away() -> None:
        begun.vault.broken = "*"
        clock.now += 100

    def check() -> None:
        assert [begun.served("exit_code"), begun.served("runs_total", result="unknown")] == [1, 1]
        assert begun.health.missing() == {"verified": "the store is away; the store is away"}
        assert begun.served("last_success_timestamp_seconds", origin=NAME) == START
        begun.vault.broken = ""

    begun.run(go_away, check, lambda: None)
    assert [level for level, line in begun.logged if "the store is away" in line] == ["warning", "warning"]
    assert begun.served("exit_code") == 0


def test_the_lag_grows_until_a_clean_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(watcher, "time", clock)
    monkeypatch.setattr("auditseal_watch.metrics.time", clock)
    watch = Watch(MemoryVault(broken="*"), tmp_path)
    lags = []

    def note() -> None:
        clock.now += 60
        lags.append(watch.served("lag_seconds", origin=NAME))

    def appear() -> None:
        note()
        watch.vault.broken = ""
        put_log(watch.vault, [block for blocks in make_vault()[1] for block in blocks])

    watch.run(note, appear, note, is_first=True)
    assert lags == [60, 120, 60]


def test_a_replaced_history_is_a_fork_and_its_proof_is_written(tmp_path: Path, clock: Clock) -> None:
    watch = Watch(make_vault()[0], tmp_path, evidence=tmp_path / "proofs")

    def replace_history() -> None:
        for block in make_log(LOG, (4, 4, 5)):
            watch.vault.replace(LOG.block_key(block.header.height), block.format())

    watch.run(replace_history, lambda: None, is_first=True)
    assert watch.served("findings", origin=NAME, verdict="FORK") == 1
    assert watch.served("exit_code") == Verdict.FORK.exit_code
    assert sorted(path.name[-7:] for path in (tmp_path / "proofs").iterdir()) == ["-1.note", "-2.note"]
    assert sum("the proof of a fork was written" in line for line in criticals(watch)) == 2


def test_silence_and_a_log_that_must_exist(tmp_path: Path, clock: Clock) -> None:
    missing = Origin("a.example", "audit.events", 7, 0)
    watch = Watch(make_vault()[0], tmp_path, most_age=timedelta(days=1), expected=(missing,))
    lines: list[list[str]] = []

    def wait() -> None:
        lines.append(criticals(watch))
        clock.pass_days(2)

    watch.run(wait, lambda: clock.pass_days(1), lambda: None, is_first=True)
    assert watch.served("findings", origin=str(missing), verdict="MISSING_LOG") == 1
    assert watch.served("findings", origin=NAME, verdict="STALE") == 1
    assert sum("STALE" in line for line in criticals(watch)) == 2  # one a log, although the age in it grows
    assert watch.config.most_age == timedelta(microseconds=DAY)


def test_a_silent_log_is_clean_as_long_as_its_silence_is_sealed(tmp_path: Path, clock: Clock) -> None:
    """Blocks without records keep a log fresh; without them it is STALE, and a block that comes late ends that."""
    vault, states, stale = MemoryVault(), {origin: genesis(origin) for origin in ORIGINS}, list[float | None]()
    watch = Watch(vault, tmp_path, most_age=timedelta(hours=2))

    def seal_silence() -> None:
        for origin, state in states.items():
            block = seal(state, 0, now=int(clock.now * 1e6))
            put_log(vault, [block])
            states[origin] = state.accept(block)

    def hour(*, heartbeat: bool = True) -> None:
        stale.append(watch.served("findings", origin=NAME, verdict="STALE"))
        clock.now += 3600
        if heartbeat:
            seal_silence()

    seal_silence()
    quiet = partial(hour, heartbeat=False)
    watch.run(hour, hour, quiet, quiet, quiet, hour, lambda: None, is_first=True)
    assert stale == [0, 0, 0, 0, 0, 1]
    assert watch.served("findings", origin=NAME, verdict="STALE") == 0
    assert watch.served("head_sealed_timestamp_seconds", origin=NAME) == START + 6 * 3600
    assert watch.served("head_blocks", origin=NAME) == 4


def test_a_state_file_that_is_gone_ends_it(begun: Watch) -> None:
    with pytest.raises(ConfigurationError, match="doesn't exist: is the path right, is its disk mounted"):
        begun.run(begun.config.state_file.unlink, lambda: None)


def test_a_state_file_that_exists_is_never_begun_again(begun: Watch) -> None:
    with pytest.raises(ConfigurationError, match="exists, and --state-new is for a first run"):
        begun.run(lambda: None, is_first=True)


def test_a_state_file_that_can_not_be_written_is_no_success(begun: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    put_log(begun.vault, make_log(LOG, (4, 3, 5, 2))[3:])
    (begun.config.state_file.parent / "state.json.lock").unlink()
    (begun.config.state_file.parent / "state.json.lock").mkdir()
    begun.run(lambda: None)
    assert begun.served("exit_code") == 1
    assert "state.json.lock" in begun.health.missing()["verified"]
    assert read_heads(begun.config.state_file)[LOG].checkpoint.size == 3


def test_the_end_cuts_a_check_short_and_nothing_of_it_is_remembered(tmp_path: Path) -> None:
    watch, stop = Watch(make_vault()[0], tmp_path), threading.Event()
    plain_read = watch.vault.read

    def read(key: str, version_id: str = "") -> bytes:
        stop.set()
        return plain_read(key, version_id)

    watch.vault.read = read  # type: ignore[method-assign]  # the signal arrives while the first block is read
    with CheckPool(lambda: watch.vault, 1) as pool:
        Watcher(watch.config, pool, watch.metrics, watch.health, is_first=True).run(stop)
    assert watch.served("runs_total", result="clean") == 0
    assert not watch.config.state_file.exists()


def test_many_findings_are_counted_and_twenty_are_logged(tmp_path: Path, clock: Clock) -> None:
    watch = Watch(make_vault(sizes=[1] * 30)[0], tmp_path)
    for height in range(25):
        watch.vault.unreadable.add(LOG.block_key(height))
    watch.run(lambda: None, is_first=True)
    assert watch.served("findings", origin=NAME, verdict="BAD_STORAGE") == 25
    assert sum(line.startswith("BAD_STORAGE") for line in criticals(watch)) == 20
    assert any("5" in line and "more findings" in line for line in criticals(watch))
