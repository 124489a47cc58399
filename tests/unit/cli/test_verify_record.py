"""`auditseal verify --record`: the results of a run as audit events, and brokers that don't take them."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from auditseal.cli import app, verify_record
from auditseal_producer.testing import RecordedEvents
from auditseal_schemas.event_parts import Outcome
from tests.factory.copies import BLOCKS, LOG, put, write_trust

pytestmark = pytest.mark.usefixtures("no_settings")


class Recording(RecordedEvents):
    """Recorded events in place of a producer that each run closes."""

    def close(self, _: float) -> None:
        """Stay open for the next run."""


@pytest.fixture
def producer_settings(no_settings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of a producer whose brokers are away."""
    monkeypatch.setenv("AUDITSEAL_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv("AUDITSEAL_ENVIRONMENT", "test")


@pytest.fixture
def recorded(producer_settings: None, monkeypatch: pytest.MonkeyPatch) -> RecordedEvents:
    """The events, in place of a producer."""
    events = Recording()
    monkeypatch.setattr(verify_record, "AuditProducer", lambda _: events)
    return events


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    folder = tmp_path / "vault"
    folder.mkdir()
    put(folder.as_uri(), BLOCKS[:3])
    return folder


def verify(vault: Path, *words: str) -> tuple[int, Any, str]:
    trust = write_trust(vault.parent)
    answer = CliRunner().invoke(app, ["verify", "--trust", str(trust), "--vault", vault.as_uri(), "--json", *words])
    return answer.exit_code, json.loads(answer.stdout) if answer.stdout else None, answer.stderr


def test_each_result_of_a_run_is_recorded(vault: Path, recorded: RecordedEvents) -> None:
    assert verify(vault)[0] == 0
    assert recorded.events == []
    assert verify(vault, "--record", "--copy", vault.as_uri())[0] == 0
    (vault / LOG.block_key(1)).unlink()
    assert verify(vault, "--record")[0] == 16
    assert [(event.actor.id, event.action, event.resources[0].id) for event in recorded.events] == [
        ("auditseal-verify", "auditseal.verify.completed", str(LOG))
    ] * 3
    assert [(event.outcome, event.attributes["verdict"]) for event in recorded.events] == [
        (Outcome.SUCCESS, "clean"),
        (Outcome.SUCCESS, "clean"),
        (Outcome.FAILURE, "BROKEN_CHAIN"),
    ]
    assert {event.attributes["cause"] for event in recorded.events} == {"run"}
    assert [event.attributes.get("head_size") for event in recorded.events] == ["3", "3", None]


def test_a_store_that_is_away_is_recorded_as_unknown(
    vault: Path, recorded: RecordedEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "any")
    away = "s3://audit/?endpoint=http://127.0.0.1:1"
    assert verify(vault, "--record", "--vault", away)[0] == 1
    (event,) = recorded.events
    assert (event.resources[0].id, event.outcome) == (str(LOG), Outcome.UNKNOWN)
    assert event.attributes == {"vault": away, "cause": "run", "verdict": "unknown"}
    assert event.reason
    assert (event.reason.code, "Could not connect" in str(event.reason.text)) == ("UNREAD", True)


def test_a_vault_that_can_not_be_opened_gives_no_result(vault: Path, recorded: RecordedEvents) -> None:
    vault.rename(vault.with_name("away"))
    assert (verify(vault, "--record")[0], recorded.events) == (1, [])


def test_a_log_that_is_expected_and_not_pinned_is_recorded_as_missing(vault: Path, recorded: RecordedEvents) -> None:
    other = "audit.example.com/another/0/0"
    assert verify(vault, "--record", "--expect", other)[0] == 15
    results = [(event.resources[0].id, event.outcome, event.attributes["verdict"]) for event in recorded.events]
    assert results == [(str(LOG), Outcome.SUCCESS, "clean"), (other, Outcome.FAILURE, "MISSING_LOG")]


def test_a_result_that_is_not_recorded_is_an_error_after_the_answer(vault: Path, recorded: RecordedEvents) -> None:
    with recorded.brokers_down():
        code, answer, said = verify(vault, "--record")
    assert (code, answer["logs"][0]["result"], len(answer["errors"])) == (1, "OK", 1)
    assert "auditseal verify: the results were not recorded as audit events: " in said
    with recorded.brokers_down():
        (vault / LOG.block_key(1)).unlink()
        assert verify(vault, "--record")[0] == 16


@pytest.mark.usefixtures("producer_settings")
def test_brokers_that_are_away_are_waited_for_until_the_end_of_the_run(
    vault: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify_record, "_CLOSE_SECONDS", 0.1)
    code, answer, _ = verify(vault, "--record")
    assert (code, "not recorded as audit events" in answer["errors"][0]) == (1, True)


def test_what_is_missing_is_said_before_the_run(vault: Path) -> None:
    code, answer, said = verify(vault, "--record")
    assert (code, answer, "AUDITSEAL_KAFKA__BOOTSTRAP_SERVERS" in said) == (2, None, True)
