"""The scheduled WORM drill, and what the archiver's readiness says of it."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from auditseal_archiver.drill_schedule import DrillSchedule
from auditseal_archiver.metrics import ArchiverMetrics
from auditseal_archiver.readiness import DRILL
from auditseal_daemon import retry
from auditseal_daemon.telemetry import Health
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.halt import Halt, HaltError
from auditseal_vault.directory import DirectoryVault
from auditseal_vault.encryption import Encryption


class DrilledVault(DirectoryVault):
    """A vault that calls itself a WORM, and whose drill ends as told.

    Attributes:
        answer: What the drill raises; None lets it pass.
        shown: How the store says that it encrypts the canary.
    """

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.answer: Exception | None = None
        self.shown: Encryption | None = None
        self.drilled = 0

    @property
    def enforces_worm(self) -> bool:
        return True

    def drill(self) -> Encryption | None:
        self.drilled += 1
        if self.answer is not None:
            raise self.answer
        return self.shown


class Stage:
    def __init__(self, folder: Path) -> None:
        self.vault, self.health, self.stop = DrilledVault(folder), Health([DRILL]), threading.Event()
        self.registry = CollectorRegistry()
        metrics = ArchiverMetrics(self.registry)
        self.problem: str | None = None
        self.drills = DrillSchedule(
            self.vault,
            metrics,
            self.health,
            timedelta(0),  # always due
            self.stop,
            store_problem=lambda: self.problem,
            run_drill=DrilledVault.drill,
        )

    def keep_until(self, reached: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not reached():
            assert time.monotonic() < deadline, self.health.missing()
            self.drills.keep()
            time.sleep(0.002)


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setattr(retry, "wait_random_exponential", lambda **_: lambda _: 0.001)
    return Stage(tmp_path)


def test_before_the_first_drill_nothing_is_ready(stage: Stage) -> None:
    assert stage.health.missing() == {DRILL: "the first one hasn't passed yet"}
    stage.drills.run()
    assert stage.health.missing() == {}
    assert stage.registry.get_sample_value("auditseal_worm_drill_success") == 1


def test_a_drill_that_passes_while_the_store_refuses_blocks_is_no_good_news(stage: Stage) -> None:
    stage.problem = "ExpiredToken"
    with capture_logs() as lines:
        stage.drills.run()
        stage.problem = None
        stage.drills.run()
    assert [(line["log_level"], line["event"], line.get("problem")) for line in lines] == [
        ("error", "the WORM drill passed, but nothing is archived", "ExpiredToken"),
        ("info", "the WORM drill passed", None),
    ]
    assert stage.registry.get_sample_value("auditseal_worm_drill_success") == 1


def test_a_drill_shows_whether_the_store_encrypts(stage: Stage) -> None:
    for shown, value in ((None, 0), (Encryption("AES256"), 1), (None, 0)):
        stage.vault.shown = shown
        stage.drills.run()
        assert stage.registry.get_sample_value("auditseal_store_encrypts") == value


def test_a_store_that_is_away_at_the_first_drill_shows_with_its_reason(stage: Stage) -> None:
    stage.vault.answer = UnavailableError("connection refused")
    first = threading.Thread(target=stage.drills.run)
    first.start()
    deadline = time.monotonic() + 60
    while "connection refused" not in stage.health.missing()[DRILL]:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    stage.vault.answer = None
    first.join(60)
    assert stage.health.missing() == {}


def test_a_store_that_fails_a_scheduled_drill_shows_until_it_answers(stage: Stage) -> None:
    stage.drills.run()
    stage.vault.answer = UnavailableError("503 Service Unavailable")
    stage.keep_until(lambda: "503 Service Unavailable" in stage.health.missing().get(DRILL, ""))
    stage.vault.answer = None
    stage.keep_until(lambda: stage.health.missing() == {})


def test_a_stop_ends_a_scheduled_drill_without_an_error(stage: Stage) -> None:
    stage.drills.run()
    stage.vault.answer = UnavailableError("503 Service Unavailable")
    stage.keep_until(lambda: DRILL in stage.health.missing())
    stage.vault.answer = UnavailableError("still away")
    drilled = stage.vault.drilled
    stage.stop.set()
    stage.keep_until(lambda: stage.vault.drilled > drilled + 1)  # the one under way ended, another began
    assert DRILL in stage.health.missing()


def test_a_refusal_in_a_scheduled_drill_halts(stage: Stage) -> None:
    stage.drills.run()
    stage.vault.answer = HaltError(Halt.WORM_REFUSED, "a locked canary could be deleted")
    with pytest.raises(HaltError, match="canary"):
        stage.keep_until(lambda: False)
    assert stage.registry.get_sample_value("auditseal_worm_drill_success") == 0


def test_a_vault_that_is_no_worm_is_ready_and_never_drilled(tmp_path: Path) -> None:
    health = Health([DRILL])
    vault = DirectoryVault(tmp_path)
    drills = DrillSchedule(
        vault, ArchiverMetrics(CollectorRegistry()), health, timedelta(0), threading.Event(), store_problem=lambda: None
    )
    drills.run()
    drills.keep()
    assert health.missing() == {}
