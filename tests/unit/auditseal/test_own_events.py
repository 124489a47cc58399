"""The audit events of our own daemons: what they say, and that a failure to record stops nothing and shows."""

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from auditseal import own_events
from auditseal.own_events import OwnEvents
from auditseal.settings import load_settings
from auditseal.settings_watch import WatchSettings
from auditseal_producer.testing import RecordedEvents
from auditseal_schemas.checkpoint import Checkpoint
from auditseal_schemas.errors import ConfigurationError, UnavailableError
from auditseal_schemas.event_parts import Outcome
from auditseal_schemas.halt import Halt, HaltError
from auditseal_schemas.verdict import Verdict
from auditseal_vault.directory import DirectoryVault
from auditseal_watch.results import Cause, CheckResult
from tests.factory.archiver_settings import log_line
from tests.factory.keys import ORIGIN

CLEAN = CheckResult(ORIGIN, None, Cause.SCRUB, Checkpoint(ORIGIN, 7, bytes(32)))
FORKED = CheckResult(ORIGIN, Verdict.FORK, Cause.CHANGED, None)


class Stage:
    def __init__(self) -> None:
        self.recorded, self.registry = RecordedEvents(), CollectorRegistry()
        self.events = OwnEvents(self.recorded, "auditseal-watch", self.registry)

    def counts(self) -> list[float | None]:
        return [
            self.registry.get_sample_value("auditseal_own_events_total", {"result": result})
            for result in ("recorded", "failed")
        ]


def test_results_of_checks() -> None:
    stage = Stage()
    stage.events.record_check(CLEAN, "s3://b/")
    stage.events.record_check(FORKED, "s3://b/")
    clean, forked = stage.recorded.events
    assert {event.action for event in stage.recorded.events} == {"auditseal.verify.completed"}
    assert (clean.actor.id, clean.resources[0].id, clean.outcome) == ("auditseal-watch", str(ORIGIN), Outcome.SUCCESS)
    assert dict(clean.attributes) == {
        "cause": "scrub",
        "head_root": "00" * 32,
        "head_size": "7",
        "vault": "s3://b/",
        "verdict": "clean",
    }
    assert (forked.outcome, forked.reason and forked.reason.code) == (Outcome.FAILURE, "FORK")
    assert forked.attributes["verdict"] == "FORK"
    assert stage.counts() == [2, 0]


def test_results_of_drills(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage, vault = Stage(), DirectoryVault(tmp_path)
    assert stage.events.drill(vault) is None
    ends: list[Exception] = [HaltError(Halt.WORM_REFUSED, "step 'delete'"), UnavailableError("away")]

    def fail(_: object) -> None:
        raise ends.pop(0)

    monkeypatch.setattr(own_events, "drill", fail)
    with pytest.raises(HaltError, match="step 'delete'"):
        stage.events.drill(vault)
    with pytest.raises(UnavailableError):
        stage.events.drill(vault)
    assert [(event.action, event.outcome) for event in stage.recorded.events] == [
        ("auditseal.drill.completed", Outcome.SUCCESS),
        ("auditseal.drill.completed", Outcome.FAILURE),
    ]
    failed = stage.recorded.events[1]
    assert failed.reason
    assert (failed.reason.code, failed.resources[0].id) == ("WORM_REFUSED", vault.url)


def test_what_is_not_recorded_shows_and_stops_nothing() -> None:
    stage = Stage()
    with capture_logs() as lines, stage.recorded.brokers_down():
        stage.events.record_check(CLEAN, "s3://b/")
    assert stage.counts() == [0, 1]
    (line,) = lines
    assert (line["log_level"], line["action"]) == ("error", "auditseal.verify.completed")
    assert "no acknowledgement" in line["problem"]


@pytest.mark.usefixtures("no_settings")
def test_a_watcher_records_only_with_brokers(tmp_path: Path) -> None:
    (tmp_path / "trust.txt").write_text(log_line(ORIGIN))
    config, section = tmp_path / "watch.toml", f'[watch]\ntrust_file = "{tmp_path}/trust.txt"\nstate_file = "s"\n'
    record = '[record]\ntopic = "audit.auditseal"\nenvironment = "test"\n'
    config.write_text(section + record)
    with pytest.raises(ConfigurationError, match="record needs the section kafka"):
        load_settings(WatchSettings, config)
    config.write_text(f'{section}{record}[kafka]\nbootstrap_servers = "127.0.0.1:9092"\n')
    settings = load_settings(WatchSettings, config)
    assert settings.record
    assert (settings.record.topic, settings.kafka_client()["bootstrap.servers"]) == (
        "audit.auditseal",
        "127.0.0.1:9092",
    )
