"""The campaign's arguments, and its draws: names of faults, and chances that a seed repeats."""

import argparse
import json
import os
from pathlib import Path

import pytest

from auditseal_schemas.origin import Origin
from auditseal_sealer.hooks import Step
from tests.faults.__main__ import names_of, scaled
from tests.faults.daemon import Daemon
from tests.faults.fault import FAULTS, Outcome
from tests.faults.report import Result, format_line, format_row, write_json
from tests.faults.sealer_main import LATE_COMMIT, STALLING, Killer
from tests.faults.twins import are_settled, owners

ONE, OTHER = (Origin("faults.example.com", "events", partition, 0) for partition in (0, 1))


def test_all_faults_but_the_soak_are_in_the_campaign() -> None:
    assert names_of("") == [f"F{number}" for number in (*range(1, 22), *range(23, 31))]
    assert set(FAULTS) == set(names_of(""))


def test_names_are_read_in_either_case() -> None:
    assert names_of("f3, F10") == ["F3", "F10"]


@pytest.mark.parametrize(("text", "says"), [("F22", "make soak"), ("F3,F33", "no F33"), ("sealer", "no SEALER")])
def test_a_name_that_is_none_is_told_before_anything_starts(text: str, says: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=says):
        names_of(text)


def test_a_share_covers_each_way_of_a_fault() -> None:
    assert [scaled(200, 0.1), scaled(10, 0.1), scaled(2, 0.1)] == [20, 4, 2]


def deaths(seed: str, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, Origin]]:
    """Return after which of many steps a sealer with that seed kills itself, were it not to live on."""
    found: list[tuple[int, Origin]] = []
    now = 0, ONE
    monkeypatch.setattr(os, "kill", lambda pid, signal: found.append(now))
    killer = Killer("flushed:0.3", "", seed)
    for number in range(40):
        for origin in (ONE, OTHER) if number % 2 else (OTHER, ONE):
            now = number, origin
            killer.after(Step.FLUSHED, origin)
    return found


def test_a_seed_repeats_a_sealers_deaths_and_each_log_draws_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    first = deaths("1/f2-1/sealer/1", monkeypatch)
    assert first == deaths("1/f2-1/sealer/1", monkeypatch)
    assert first != deaths("1/f2-1/sealer/2", monkeypatch)
    assert 5 < sum(origin == ONE for _, origin in first) < 20
    assert [number for number, origin in first if origin == ONE] != [
        number for number, origin in first if origin == OTHER
    ]


def test_a_stall_comes_once_and_a_commit_after_it_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    killer = Killer("", "offsets_sent:0.01", "")
    for step in (Step.COMMITTED, Step.OFFSETS_SENT, Step.OFFSETS_SENT):
        killer.after(step, ONE)
    told = capfd.readouterr().err
    assert (told.count(STALLING), told.count(LATE_COMMIT)) == (1, 0)
    killer.after(Step.COMMITTED, OTHER)
    assert LATE_COMMIT not in capfd.readouterr().err
    killer.after(Step.COMMITTED, ONE)
    assert LATE_COMMIT in capfd.readouterr().err


def test_what_was_found_is_told_as_a_line_as_json_and_as_a_row(tmp_path: Path) -> None:
    held = Result(FAULTS["F1"], 61.2, Outcome(5, 1200, 1200, (1.0, 2.0, 9.0), "a note"))
    failed = Result(FAULTS["F2"], 3.0, None, "OracleError: one is lost")
    assert format_line(held).split()[:8] == ["F1", "5", "1200", "1200", "3", "2.0", "9.0", "9.0"]
    assert "FAILED: OracleError: one is lost" in format_line(failed)
    write_json(tmp_path / "faults.json", 7, [held, failed])
    told = json.loads((tmp_path / "faults.json").read_text())
    assert told["seed"] == 7
    assert {name: told["results"][0][name] for name in ("measured", "p50", "longest")} == {
        "measured": 3,
        "p50": 2.0,
        "longest": 9.0,
    }
    row, none = map(format_row, told["results"])
    assert row.endswith("| 5 | 1,200 of 1,200 | 3 | 2.0 s | 9.0 s | a note |")
    assert "**failed**" in none


def daemon(folder: Path, name: str, *lines: tuple[str, str, str]) -> Daemon:
    """Return a daemon that never ran and whose log has lines of a second, an event and an origin."""
    log = folder / f"{name}.log"
    told = [{"timestamp": f"2026-01-01T00:00:{at}+00:00", "event": event, "origin": name} for at, event, name in lines]
    log.write_text("no JSON\n" + "".join(json.dumps(line) + "\n" for line in told) + '{"event": "sealing", "cut')
    return Daemon(name, "none", {}, log)


def test_a_partition_belongs_to_whoever_said_so_last(tmp_path: Path) -> None:
    first = daemon(tmp_path, "first", ("01", "sealing", str(ONE)), ("02", "sealing", str(OTHER)))
    second = daemon(tmp_path, "second", ("03", "sealing", str(OTHER)), ("04", "started", str(ONE)))
    assert owners([second, first], "sealing") == {0: "first", 1: "second"}
    assert are_settled([first, second], "sealing", {"first", "second"}, 2)
    assert not are_settled([first, second], "sealing", {"first"}, 2)
    assert not are_settled([first, second], "sealing", {"first", "second"}, 3)


def test_a_log_tells_since_a_time_and_not_of_a_line_that_is_being_written(tmp_path: Path) -> None:
    one = daemon(tmp_path, "one", ("01", "sealing", str(ONE)), ("05", "sealing", str(ONE)))
    times = [told.at for told in one.told("sealing")]
    assert [at - times[0] for at in times] == [0, 4]
    assert len(one.told("sealing", times[0])) == 1
    assert one.await_told("sealing", times[0], 0).at == times[1]
    with pytest.raises(AssertionError, match="tells of no 'stopped'"):
        one.await_told("stopped", 0, 0)
