"""Each look of an auditor is an audit event, and with --strict nothing is shown that was not recorded."""

import logging

import pytest

from auditseal_explorer.trail import ProducerTrail, StrictTrail, Trail
from auditseal_producer.testing import RecordedEvents
from auditseal_schemas.event import AuditEvent
from tests.factory.exploring import Exploring
from tests.factory.vaults import MemoryVault, put_log
from tests.unit.explorer.test_app import TRUST
from tests.unit.search.test_search_command import BLOCKS, LOG, VALUES

PLACE = {"origin": str(LOG), "offset": 7}


def recorded_by(trail: Trail) -> Exploring:
    vault = MemoryVault()
    put_log(vault, BLOCKS)
    return Exploring(vault, TRUST, trail=trail)


@pytest.mark.parametrize(
    ("path", "parameters", "action", "attributes"),
    [
        ("/", {"q": "outcome = DENIED"}, "auditseal.search", {"filter": "outcome = DENIED", "grade": "complete"}),
        ("/api/v1/search", {}, "auditseal.search", {"filter": "", "rows": str(len(VALUES)), "as_of": f"{LOG}:5"}),
        ("/export.csv", {"q": "tenant = acorn"}, "auditseal.export", {"filter": "tenant = acorn", "format": "csv"}),
        ("/event", PLACE, "auditseal.view", {}),
        ("/api/v1/event", PLACE, "auditseal.view", {}),
        ("/proof", PLACE, "auditseal.proof", {}),
    ],
)
def test_each_look_is_recorded(path: str, parameters: dict[str, str], action: str, attributes: dict[str, str]) -> None:
    recorder = RecordedEvents()
    answer = recorded_by(StrictTrail(recorder)).client.get(path, params=parameters)
    assert answer.status_code == 200
    (event,) = recorder.events
    assert (event.action, event.actor.type, event.actor.auth_method) == (action, "auditor", "local")
    assert event.attributes.items() >= attributes.items()
    assert_names_place(event)


def assert_names_place(event: AuditEvent) -> None:
    (resource,) = event.resources
    if event.action in {"auditseal.view", "auditseal.proof"}:
        assert (resource.type, resource.id) == ("audit_record", f"{LOG}/7")
    else:
        assert resource.type == "audit_vault"


def test_the_number_of_rows_is_that_of_the_answer() -> None:
    recorder = RecordedEvents()
    explorer = recorded_by(StrictTrail(recorder))
    total = explorer.json("search", q="outcome = DENIED")["total"]
    lines = explorer.client.get("/export.jsonl?q=outcome+%3D+DENIED").text.splitlines()
    assert [event.attributes["rows"] for event in recorder.events] == [str(total), str(len(lines))]


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("/", {}),
        ("/api/v1/search", {}),
        ("/export.csv", {}),
        ("/event", PLACE),
        ("/api/v1/event", PLACE),
        ("/proof", PLACE),
    ],
)
@pytest.mark.parametrize("away", ["brokers_down", "buffer_full"])
def test_strict_shows_nothing_that_was_not_recorded(path: str, parameters: dict[str, str], away: str) -> None:
    recorder = RecordedEvents()
    with getattr(recorder, away)():
        answer = recorded_by(StrictTrail(recorder)).client.get(path, params=parameters)
    assert answer.status_code == 503
    assert "was not recorded, so nothing is shown" in answer.text
    assert "acorn" not in answer.text
    assert recorder.events == []


def test_without_strict_a_look_that_is_not_recorded_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    recorder = RecordedEvents()
    with recorder.buffer_full(), caplog.at_level(logging.ERROR):
        answer = recorded_by(ProducerTrail(recorder)).client.get("/", params={"q": "outcome = DENIED"})
    assert answer.status_code == 200
    assert "auditseal.search of" in caplog.text
    assert "was not recorded" in caplog.text
