"""Each look of an auditor is an audit event, and with --strict nothing is shown that was not recorded."""

import logging
from functools import partial
from typing import Unpack

import pytest

from auditseal_explorer import cases
from auditseal_explorer.looks import ACTIONS
from auditseal_explorer.producer_trail import ProducerTrail, StrictTrail
from auditseal_explorer.trail import NoTrail, Trail
from auditseal_glue import own_events
from auditseal_glue.own_events import record_first
from auditseal_producer.client_log import ClientLog
from auditseal_producer.pending import PendingReceipt
from auditseal_producer.testing import RecordedEvents
from auditseal_schemas.event import AuditEvent, EventFields
from auditseal_schemas.event_parts import Outcome
from tests.factory.exploring import Exploring
from tests.factory.vaults import MemoryVault, put_log
from tests.unit.explorer.test_app import TRUST
from tests.unit.search.test_search_command import BLOCKS, LOG, VALUES

PLACE = {"origin": str(LOG), "offset": 7}


def recorded_by(trail: Trail) -> Exploring:
    vault = MemoryVault()
    put_log(vault, BLOCKS)
    return Exploring(vault, TRUST, trail=trail)


def outcomes(recorder: RecordedEvents) -> list[Outcome]:
    """Return the outcomes of all events, which are about one look."""
    assert len({event.correlation_id for event in recorder.events}) == 1
    return [event.outcome for event in recorder.events]


LOOKS = [
    ("/", {"q": "outcome = DENIED"}, "auditseal.search", {"filter": "outcome = DENIED", "grade": "complete"}),
    ("/api/v1/search", {}, "auditseal.search", {"filter": "", "rows": str(len(VALUES)), "as_of": f"{LOG}:5"}),
    ("/case", {"q": "tenant = acorn"}, "auditseal.search", {"filter": "tenant = acorn"}),
    ("/case.zip", {"q": "outcome = DENIED", "case": "17"}, "auditseal.evidence", {"case": "17"}),
    ("/case.html", {"q": "outcome = DENIED", "case": "17"}, "auditseal.evidence", {"case": "17"}),
    ("/export.csv", {"q": "tenant = acorn"}, "auditseal.export", {"filter": "tenant = acorn", "format": "csv"}),
    ("/export.jsonl", {}, "auditseal.export", {"format": "jsonl"}),
    ("/event", PLACE, "auditseal.view", {}),
    ("/api/v1/event", PLACE, "auditseal.view", {}),
    ("/proof", PLACE, "auditseal.proof", {}),
    ("/logs", {}, "auditseal.health", {"as_of": f"{LOG}:5", "verdict": "not verified yet"}),
    ("/api/v1/logs", {}, "auditseal.health", {"as_of": f"{LOG}:5"}),
]
SHOWS_NOTHING = {"/docs/{name:path}", "/static", "/api/v1/openapi.json", "/runbooks"}


def test_every_address_that_shows_something_has_an_action_and_is_tried() -> None:
    paths = {getattr(route, "path", "") for route in recorded_by(NoTrail()).app.routes} - SHOWS_NOTHING
    exports = {"/export.csv", "/export.jsonl"}
    assert (paths - {"/export.{kind}"}) | exports == set(ACTIONS) == {path for path, *_ in LOOKS}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(("path", "parameters", "action", "attributes"), LOOKS)
def test_each_look_is_recorded(
    method: str, path: str, parameters: dict[str, str], action: str, attributes: dict[str, str]
) -> None:
    recorder = RecordedEvents()
    answer = recorded_by(StrictTrail(recorder)).client.request(method, path, params=parameters)
    assert answer.status_code == 200
    assert outcomes(recorder) == [Outcome.UNKNOWN, Outcome.SUCCESS]
    for event in recorder.events:
        assert (event.action, event.actor.type, event.actor.auth_method) == (action, "auditor", "local")
        assert event.attributes.items() >= attributes.items()
        assert_names_place(event)


@pytest.mark.parametrize(
    "headers",
    [{"range": "bytes=0-9"}, {"if-none-match": "*"}, {"if-modified-since": "Fri, 01 Jan 2100 00:00:00 GMT"}],
)
@pytest.mark.parametrize(("path", "parameters", "action", "attributes"), LOOKS)
def test_a_part_and_a_condition_are_looks_too(
    headers: dict[str, str], path: str, parameters: dict[str, str], action: str, attributes: dict[str, str]
) -> None:
    recorder = RecordedEvents()
    answer = recorded_by(StrictTrail(recorder)).client.get(path, params=parameters, headers=headers)
    assert answer.status_code in {200, 206}  # never 304, which would show a page that a browser kept
    assert answer.headers["cache-control"] == "no-store"
    assert outcomes(recorder) == [Outcome.UNKNOWN, Outcome.SUCCESS]
    for event in recorder.events:
        assert event.action == action
        assert event.attributes.items() >= attributes.items()


@pytest.mark.parametrize(
    ("path", "parameters", "status", "action", "problem"),
    [
        ("/", {"q": "actr = x"}, 400, "auditseal.search", "there is no field 'actr'"),
        ("/api/v1/search", {"order": "sideways"}, 400, "auditseal.search", "write newest or oldest"),
        ("/event", {"origin": str(LOG), "offset": 10_000}, 404, "auditseal.view", "10000"),
        ("/proof", {"origin": "elsewhere/a/0/0", "offset": 1}, 409, "auditseal.proof", "MISSING_LOG"),
    ],
)
def test_an_attempt_that_fails_is_recorded(
    path: str, parameters: dict[str, str], status: int, action: str, problem: str
) -> None:
    recorder = RecordedEvents()
    explorer = recorded_by(StrictTrail(recorder))
    assert explorer.client.get(path, params=parameters).status_code == status
    (event,) = recorder.events
    assert (event.action, event.outcome) == (action, Outcome.FAILURE)
    assert event.reason is not None
    assert problem in (event.reason.text or "")
    assert event.attributes["address"]
    with recorder.buffer_full():
        assert explorer.client.get(path, params=parameters).status_code == 503


def test_a_case_of_too_many_events_is_recorded_before_its_error_says_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cases, "MOST_EVENTS", 3)
    recorder = RecordedEvents()
    explorer = recorded_by(StrictTrail(recorder))
    assert f"the case has {len(VALUES)} events" in explorer.page("/case.zip?case=1", 400).text
    _, answered, refused = recorder.events
    assert (answered.action, answered.attributes["rows"]) == ("auditseal.evidence", str(len(VALUES)))
    assert refused.outcome is Outcome.FAILURE
    with recorder.buffer_full():
        assert str(len(VALUES)) not in explorer.page("/case.zip?case=1", 503).text


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
    rows = [event.attributes["rows"] for event in recorder.events if event.outcome is Outcome.SUCCESS]
    assert rows == [str(total), str(len(lines))]


@pytest.mark.parametrize(("path", "parameters"), [look[:2] for look in LOOKS])
@pytest.mark.parametrize("away", ["brokers_down", "buffer_full"])
def test_strict_shows_nothing_that_was_not_recorded(path: str, parameters: dict[str, str], away: str) -> None:
    recorder = RecordedEvents()
    with getattr(recorder, away)():
        answer = recorded_by(StrictTrail(recorder)).client.get(path, params=parameters)
    assert answer.status_code == 503
    assert "was not recorded, so nothing is shown" in answer.text
    assert "acorn" not in answer.text
    assert str(LOG) not in answer.text
    assert "memory:" not in answer.text
    assert recorder.events == []


class Unacknowledged:
    """A recorder whose brokers get each event and don't say so."""

    def __init__(self) -> None:
        self.fields: list[EventFields] = []

    def record(self, **fields: Unpack[EventFields]) -> PendingReceipt:
        self.fields.append(fields)
        return PendingReceipt("id", "stream", ClientLog(None))


def test_a_look_that_is_not_shown_is_never_a_success(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_events, "record_first", partial(record_first, seconds=0.01))
    recorder = Unacknowledged()
    assert recorded_by(StrictTrail(recorder)).client.get("/logs").status_code == 503
    attempt, end = recorder.fields
    assert (attempt["outcome"], end["outcome"]) == (Outcome.UNKNOWN, Outcome.FAILURE)
    assert attempt["correlation_id"] == end["correlation_id"] is not None


@pytest.mark.parametrize("path", ["/runbooks", "/docs/index.md", "/nothing"])
def test_a_page_that_is_not_recorded_shows_nothing_of_the_vault(path: str) -> None:
    recorder = RecordedEvents()
    explorer = recorded_by(StrictTrail(recorder))
    explorer.vault.replace(LOG.block_key(1), b"other bytes")
    explorer.checker.check()
    logs = explorer.client.get("/logs").text
    assert "This vault does not hold what was sealed" in logs
    assert "memory:" in logs
    shown = explorer.client.get(path).text
    assert "This vault does not hold what was sealed" not in shown
    assert "memory:" not in shown
    assert {event.action for event in recorder.events} == {"auditseal.health"}


def test_without_strict_a_look_that_is_not_recorded_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    recorder = RecordedEvents()
    with recorder.buffer_full(), caplog.at_level(logging.ERROR):
        answer = recorded_by(ProducerTrail(recorder)).client.get("/", params={"q": "outcome = DENIED"})
    assert answer.status_code == 200
    assert "auditseal.search of" in caplog.text
    assert "was not recorded" in caplog.text
