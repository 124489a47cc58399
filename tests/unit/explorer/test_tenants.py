"""An auditor of one tenant sees nothing of another one: no row, count, bar, facet, event, proof or export."""

import csv
import io
import json
import zipfile
from pathlib import Path

import pytest
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute

from auditseal_explorer import refusals
from auditseal_explorer.access import Access
from auditseal_explorer.auditor import Auditor
from auditseal_explorer.producer_trail import StrictTrail
from auditseal_explorer.services import read_services
from auditseal_producer.testing import RecordedEvents
from auditseal_schemas.event import AuditEvent
from auditseal_schemas.event_codec import decode_event
from auditseal_schemas.event_parts import Category, Outcome
from auditseal_search.index_builder import IndexBuilder
from auditseal_search.index_store import DirectoryStore
from auditseal_search.range_pool import RangePool
from tests.factory.exploring import Exploring
from tests.factory.vaults import MemoryVault, put_log
from tests.unit.explorer.test_app import TRUST
from tests.unit.search.test_search_command import BLOCKS, LOG, VALUES

TENANTS = [decode_event(value).tenant for value in VALUES[:-2] if value]
OWN = TENANTS.count("acorn")
FOREIGN = next(offset for offset, tenant in enumerate(TENANTS) if tenant != "acorn")
MINE = TENANTS.index("acorn")
AUDITORS = {"of-acorn": frozenset({"acorn"}), "of-all": None}


class HeaderLogin:
    """A login whose word a test gives."""

    kind = "test"
    routes: tuple[BaseRoute, ...] = ()
    middleware: tuple[Middleware, ...] = ()

    def name_of(self, request: Request) -> str | None:
        return request.headers.get("x-test-name")

    def ask(self, request: Request) -> Response:
        return PlainTextResponse("who are you?", 401)


@pytest.fixture(scope="module")
def shared() -> Exploring:
    vault = MemoryVault()
    put_log(vault, BLOCKS)
    explorer = Exploring(vault, TRUST, access=Access("https://audit.example.com", HeaderLogin(), AUDITORS))
    explorer.checker.check()
    return explorer


@pytest.fixture
def acorn(shared: Exploring) -> Exploring:
    shared.client.headers["x-test-name"] = "of-acorn"
    return shared


FILTERS = ["", "tenant = acorn or tenant = birch", "not tenant = nobody", "height >= 0 or tenant exists"]
FOREIGN_FILTERS = ["tenant = birch", "not tenant = acorn", "problem exists", "not tenant exists"]


@pytest.mark.parametrize("text", FILTERS)
def test_every_part_of_an_answer_is_of_the_own_tenant(acorn: Exploring, text: str) -> None:
    answer = acorn.json("search", q=text)
    assert answer["total"] == OWN
    assert {entry["tenant"] for entry in answer["entries"]} == {"acorn"}
    assert answer["facets"]["tenant"] == [{"value": "acorn", "count": OWN}]
    assert sum(bar["count"] for bar in answer["timeline"]["bars"]) == OWN
    assert max(one["count"] for values in answer["facets"].values() for one in values) <= OWN


@pytest.mark.parametrize("text", FOREIGN_FILTERS)
def test_a_filter_for_other_tenants_finds_nothing(acorn: Exploring, text: str) -> None:
    answer = acorn.json("search", q=text)
    assert (answer["total"], answer["entries"], answer["facets"]) == (0, [], {})


def test_further_pages_and_permanent_links_stay_within(acorn: Exploring) -> None:
    offsets, after = [], None
    while True:
        answer = acorn.json("search", as_of=f"{LOG}:5", order="oldest", **({"after": after} if after else {}))
        offsets += [entry["offset"] for entry in answer["entries"]]
        if (after := answer["after"]) is None:
            break
    assert offsets == [offset for offset, tenant in enumerate(TENANTS) if tenant == "acorn"]


def test_exports_stay_within(acorn: Exploring) -> None:
    rows = [json.loads(line) for line in acorn.client.get("/export.jsonl").text.splitlines()]
    assert [row["tenant"] for row in rows] == ["acorn"] * OWN
    cells = list(csv.DictReader(io.StringIO(acorn.client.get("/export.csv").text)))
    assert [row["tenant"] for row in cells] == ["acorn"] * OWN
    assert acorn.client.get("/export.jsonl?q=tenant+%3D+birch").text == ""


def test_streams_are_not_shown_to_auditors_of_some_tenants(acorn: Exploring) -> None:
    assert acorn.json("logs")["streams"]["problem"].startswith("Streams have no tenant.")


def test_evidence_stays_within(acorn: Exploring) -> None:
    assert f"{OWN} events" in acorn.page("/case").text
    pack = zipfile.ZipFile(io.BytesIO(acorn.client.get("/case.zip?case=1").content))
    (name,) = [name for name in pack.namelist() if name.endswith("case.json")]
    assert json.loads(pack.read(name))["events"] == OWN
    page = acorn.client.get("/case.html?case=1").text
    assert page.count("acorn") >= OWN
    assert not [tenant for tenant in ("birch", "cedar", "damson") if tenant in page]


@pytest.mark.parametrize("door", ["/event", "/proof", "/api/v1/event"])
def test_an_event_of_another_tenant_looks_like_one_that_is_not_there(acorn: Exploring, door: str) -> None:
    texts = []
    for offset in (FOREIGN, len(VALUES) - 1, len(VALUES) + 7):
        answer = acorn.client.get(door, params={"origin": str(LOG), "offset": offset})
        assert answer.status_code == 404
        texts.append(answer.text.replace(f"offset {offset}", "offset N"))
    assert len(set(texts)) == 1
    assert acorn.client.get(door, params={"origin": str(LOG), "offset": MINE}).status_code == 200


def test_services_of_another_tenant_are_not_named(tmp_path: Path) -> None:
    vault, index = MemoryVault(), DirectoryStore(tmp_path)
    put_log(vault, BLOCKS)
    with RangePool(lambda: vault, 1) as pool:
        IndexBuilder(index, pool).build(TRUST.log_of(LOG))
    sources = Exploring(vault, TRUST, index).sources
    everything = read_services(sources, Auditor("of-all", "test"))
    assert sum(one.events for one in everything) == len(TENANTS)
    assert [one.last for one in everything] == sorted(one.last for one in everything)
    own = read_services(sources, Auditor("of-acorn", "test", frozenset({"acorn"})))
    assert sum(one.events for one in own) == OWN
    assert read_services(sources, Auditor("of-none", "test", frozenset({"nobody"}))) == []


def test_an_auditor_of_all_sees_all(shared: Exploring) -> None:
    shared.client.headers["x-test-name"] = "of-all"
    assert shared.json("search")["total"] == len(VALUES)
    assert shared.client.get("/event", params={"origin": str(LOG), "offset": FOREIGN}).status_code == 200


ROUTES = (
    "/",
    "/case",
    "/case.zip",
    "/case.html",
    "/event",
    "/proof",
    "/logs",
    "/runbooks",
    "/docs/index.md",
    "/export.csv",
    "/api/v1/search",
    "/api/v1/event",
    "/api/v1/logs",
)


@pytest.mark.parametrize(("name", "status"), [("", 403), ("stranger", 403), (None, 401)])
def test_nobody_else_gets_in_by_any_door(shared: Exploring, name: str | None, status: int) -> None:
    shared.client.headers.pop("x-test-name", None)
    headers = {} if name is None else {"x-test-name": name}
    doors = [path for path in (getattr(route, "path", "") for route in shared.app.routes) if path != "/static"]
    assert len(doors) == len(ROUTES) + 1
    for door in (*ROUTES, "/api/v1/openapi.json", "/nothing"):
        answer = shared.client.get(door, headers=headers)
        assert answer.status_code == status, door
        assert answer.headers["cache-control"] == "no-store"
    assert shared.client.get("/static/explorer.css").status_code == 200


@pytest.mark.parametrize(
    "path", ["/static/nothing", "/static/", "/login", "/login/nothing", "/loginnothing", "/static"]
)
def test_a_stranger_reads_neither_the_vault_nor_its_findings_from_an_error(shared: Exploring, path: str) -> None:
    shared.client.headers.pop("x-test-name", None)
    answer = shared.client.get(path)
    assert answer.status_code in {307, 401, 404, 405}
    assert shared.vault.url not in answer.text
    assert "verified" not in answer.text


def refused(*names: str | None) -> list[AuditEvent]:
    """Return what is recorded of requests by these names."""
    recorder, vault = RecordedEvents(), MemoryVault()
    access = Access("https://audit.example.com", HeaderLogin(), AUDITORS)
    explorer = Exploring(vault, TRUST, access=access, trail=StrictTrail(recorder))
    for name in names:
        explorer.client.get("/logs", headers={} if name is None else {"x-test-name": name})
    return recorder.events


def test_a_refused_login_is_recorded() -> None:
    unknown, stranger, admitted, _ = refused(None, "stranger", "of-all")
    assert (unknown.action, unknown.actor.id, unknown.outcome) == ("auditseal.login", "unknown", Outcome.DENIED)
    assert (stranger.action, stranger.actor.id, stranger.outcome) == ("auditseal.login", "stranger", Outcome.DENIED)
    assert stranger.category is Category.AUTHENTICATION
    assert stranger.actor.ip == "testclient"
    assert admitted.action == "auditseal.health"


def test_strangers_do_not_fill_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(refusals, "monotonic", lambda: now[0])
    recorder = RecordedEvents()
    recording = refusals.Refusals(StrictTrail(recorder), "file:///vault")
    for _ in range(refusals.MOST + 7):
        recording.record("oidc", None, None, "no")
    assert len(recorder.events) == refusals.MOST
    now[0] = 61.0
    recording.record("oidc", None, None, "no")
    assert recorder.events[-1].attributes == {"left_out": "7"}


def test_a_refused_login_that_cannot_be_recorded_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    recorder = RecordedEvents()
    with recorder.buffer_full():
        refusals.Refusals(StrictTrail(recorder), "file:///vault").record("oidc", "eve", None, "no")
    assert "a refused login of eve was not recorded" in caplog.text
