"""The pages and the JSON of the explorer, asked for as a browser would."""

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import BoundedSemaphore
from urllib.parse import parse_qs, urlsplit

import pytest

from auditseal.cli.command_table import COMMANDS
from auditseal_explorer import pages, results, sources
from auditseal_explorer.auditor import local_auditor
from auditseal_explorer.question import Question
from auditseal_explorer.runbooks import RUNBOOKS
from auditseal_schemas.block import Block
from auditseal_schemas.event_codec import encode_event
from auditseal_schemas.event_parts import Actor, Change
from auditseal_schemas.event_proof import check_record_proof
from auditseal_schemas.tlog_proof import TlogProof
from auditseal_schemas.trust import Trust
from auditseal_schemas.verdict import Verdict
from auditseal_search.export import Format
from auditseal_search.index_builder import IndexBuilder
from auditseal_search.index_store import DirectoryStore
from auditseal_search.range_pool import RangePool
from tests.factory import evidence
from tests.factory import hostile as hostile_events
from tests.factory.events import FULL
from tests.factory.exploring import HOST, Exploring, exploring
from tests.factory.keys import keys_of
from tests.factory.vaults import MemoryVault, put_log
from tests.unit.search.test_search_command import BLOCKS, KEY, LOG, VALUES, seal_values

TRUST = Trust.parse("".join(f"log {key}\n" for key in keys_of(LOG, KEY)).encode())
NOW = datetime(2026, 11, 28, tzinfo=UTC)
HOSTILE = Trust.parse(evidence.trust_file())
EVENTS = len(VALUES) - 2
TOTAL = re.compile(r"([\d,]+) events? (complete|PARTIAL)")


@pytest.fixture(scope="module")
def demo() -> Exploring:
    return exploring(BLOCKS, TRUST)


@pytest.fixture(scope="module")
def hostile() -> Exploring:
    return exploring(evidence.BLOCKS, HOSTILE)


def total(text: str) -> tuple[int, str]:
    found = TOTAL.search(text)
    assert found, text[:500]
    return int(found[1].replace(",", "")), found[2]


def test_the_first_page_shows_the_newest_events_and_that_they_are_all(demo: Exploring) -> None:
    page = demo.page()
    assert total(page.text) == (len(VALUES), "complete")
    assert f"head {len(BLOCKS)}" in page.text
    offsets = [int(parse_qs(urlsplit(link).query)["offset"][0]) for link in page.links("/event?")]
    assert offsets == list(range(len(VALUES) - 1, len(VALUES) - 1 - results.PAGE, -1))


def test_every_count_leads_to_as_many_events(demo: Exploring) -> None:
    answer = demo.json("search", q="not problem exists")
    assert answer["total"] == EVENTS
    page = demo.ask("not problem exists")
    links = [link for link in page.links("/?") if " and " in parse_qs(urlsplit(link).query).get("q", [""])[0]]
    bars = [link for link in links if "time >=" in parse_qs(urlsplit(link).query)["q"][0]]
    assert sum(total(demo.page(link).text)[0] for link in bars) == EVENTS
    counts = [entry["count"] for values in answer["facets"].values() for entry in values]
    narrowed = dict(zip((link for link in links if link not in bars), counts, strict=True))
    assert len(narrowed) > 20
    for link in list(narrowed)[::4]:
        assert total(demo.page(link).text)[0] == narrowed[link]


def test_walking_from_page_to_page_loses_and_repeats_nothing(demo: Exploring) -> None:
    def walk(address: str | None) -> Iterator[str]:
        while address:
            page = demo.page(address)
            yield from page.links("/event?")
            address = next((attrs["href"] for tag, attrs in page.nodes if attrs.get("rel") == "next"), None)

    for order in ("newest", "oldest"):
        offsets = [int(parse_qs(urlsplit(link).query)["offset"][0]) for link in walk(f"/?order={order}")]
        assert offsets == sorted(range(len(VALUES)), reverse=order == "newest")


def test_a_permanent_link_answers_the_same_after_the_log_has_grown() -> None:
    explorer = exploring(BLOCKS[:3], TRUST)
    (link,) = [link for link in explorer.ask("outcome = DENIED").links("/?") if "as_of" in link and "time" not in link][
        :1
    ]
    before, counted = explorer.page(link), total(explorer.page(link).text)
    grown = exploring(BLOCKS, TRUST)
    assert grown.page(link).links("/event?") == before.links("/event?")
    assert total(grown.page(link).text) == counted
    assert total(grown.ask("outcome = DENIED").text)[0] > counted[0]
    root = BLOCKS[2].checkpoint.root.hex()[:16]
    assert root in before.text
    assert root in grown.page(link).text


def test_a_vault_that_lost_what_a_link_names_gives_a_partial_answer() -> None:
    page = exploring(BLOCKS[:3], TRUST).page(f"/?as_of={LOG}:5")
    assert total(page.text)[1] == "PARTIAL"
    assert "heights 3 to 4: the vault has fewer blocks than the address names" in page.text
    assert page.links("/runbooks") == ["/runbooks#TRUNCATED"]
    assert "index build" not in page.text  # which would not help


def test_what_is_too_far_behind_an_index_is_named_and_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MOST_BLOCKS", 2)
    explorer = exploring(BLOCKS, TRUST)
    page = explorer.page()
    assert total(page.text) == (sum(block.header.count for block in BLOCKS[:2]), "PARTIAL")
    assert "heights 2 to 4: this answer read 2 blocks and no more: narrow the time, or search an index" in page.text
    assert "index build" not in page.text  # there is none
    assert explorer.json("search")["answer"]["exit_code"] == 4


class BuiltOnWhileRead(DirectoryStore):
    """An index whose files are merged into others after the first manifest was read; `times` more builds follow."""

    def __init__(self, folder: Path, times: int) -> None:
        super().__init__(folder)
        self.plain, self.vault, self.left = DirectoryStore(folder), MemoryVault(), iter(BLOCKS[1 : 1 + times])
        self.grow(BLOCKS[0])

    def grow(self, block: Block) -> None:
        put_log(self.vault, [block])
        with RangePool(lambda: self.vault, 1) as pool:
            IndexBuilder(self.plain, pool).build(TRUST.log_of(LOG))

    def read(self, name: str) -> bytes | None:
        manifest = super().read(name)
        if block := next(self.left, None):
            self.grow(block)
        return manifest


def test_an_index_that_is_built_on_meanwhile_is_read_again(tmp_path: Path) -> None:
    index = BuiltOnWhileRead(tmp_path, 2)
    page = Exploring(index.vault, TRUST, index).page()
    assert total(page.text) == (sum(block.header.count for block in BLOCKS[:3]), "complete")
    assert "head 3" in page.text


def test_cases_and_services_read_it_again_too(tmp_path: Path) -> None:
    events = sum(block.header.count for block in BLOCKS[:3])
    case = BuiltOnWhileRead(tmp_path / "case", 2)
    assert f"{events} events complete" in Exploring(case.vault, TRUST, case).page("/case").text
    health = BuiltOnWhileRead(tmp_path / "health", 2)
    services = Exploring(health.vault, TRUST, health).json("logs")["services"]
    assert sum(service["events"] for service in services) == events


def test_an_index_that_lost_a_file_is_not_read_again_and_again(tmp_path: Path) -> None:
    index = BuiltOnWhileRead(tmp_path, 0)
    for path in tmp_path.rglob("*.parquet"):
        path.unlink()
    page = Exploring(index.vault, TRUST, index).page("/", 503)
    assert "a file of the index can't be read" in page.text
    assert [attrs for _, attrs in page.nodes if "data-soon" in attrs]


@pytest.mark.parametrize("content", [None, b"", b"other bytes"])
def test_where_the_index_is_is_logged_and_not_shown(
    content: bytes | None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    index = BuiltOnWhileRead(tmp_path, 0)
    for path in tmp_path.rglob("*.parquet" if content is None else "*.json"):
        path.unlink() if content is None else path.write_bytes(content)
    explorer = Exploring(index.vault, TRUST, index)
    for address in ("/", "/api/v1/search", "/case", "/export.csv", "/logs", "/api/v1/logs"):
        answer = explorer.client.get(address)
        assert str(tmp_path) not in answer.text
        assert ".parquet" not in answer.text
        assert answer.status_code == (200 if content is None and "logs" in address else 503 if content is None else 500)
    assert "a page does not show where the index is: " in caplog.text
    assert (str(tmp_path) in caplog.text) == (content is None)


def test_a_mistake_in_a_filter_is_marked(demo: Exploring) -> None:
    page = demo.ask("actr = u-1", 400)
    assert "there is no field 'actr': did you mean actor" in page.text
    assert [attrs for tag, attrs in page.nodes if tag == "mark"]
    assert demo.json("search", 400, q="outcome = = DENIED")["position"] == len("outcome = ")


@pytest.mark.parametrize(
    "address",
    [
        "/?order=sideways",
        "/?as_of=nothing",
        "/?as_of=a.example/t/0/0:x",
        f"/?as_of={LOG}:5&as_of={LOG}:3",
        "/?after=1",
        "/?filter=x",
        f"/?q={'x' * 4001}",
        "/event",
        f"/event?origin={LOG}&offset=-1",
        f"/event?origin={LOG}&offset={'9' * 30}",
        "/event?origin=here&offset=1",
    ],
)
def test_an_address_that_cannot_be_understood_is_answered_as_such(demo: Exploring, address: str) -> None:
    assert "The address can't be understood" in demo.page(address, 400).text


def test_an_event_is_shown_with_a_proof_that_holds_elsewhere(demo: Exploring) -> None:
    page = demo.page(f"/event?origin={LOG}&offset=7")
    assert "proven" in page.text
    (link,) = page.links("/proof?")
    proof = demo.client.get(link)
    assert proof.headers["content-disposition"] == 'attachment; filename="audit.events-0-7.tlog-proof"'
    proven = check_record_proof(TlogProof.parse(proof.content), TRUST)
    assert (proven.record.offset, proven.record.value) == (7, VALUES[7])
    answer = demo.json("event", origin=str(LOG), offset=7)
    assert answer["proof"].encode() == proof.content
    for value in ("actor", "action"):
        shown = answer["proven"]["record"]["event"][value]
        assert (shown if isinstance(shown, str) else shown["id"]) in page.text


def test_what_is_around_an_event_contains_it(demo: Exploring) -> None:
    page = demo.page(f"/event?origin={LOG}&offset=7")
    around = page.links("/?q=")
    assert len(around) >= 3
    for link in around:
        assert total(demo.page(link).text)[0] >= 1
        found = demo.json("search", q=parse_qs(urlsplit(link).query)["q"][0])
        walked = [entry["offset"] for entry in found["entries"]]
        assert 7 in walked or found["total"] > len(walked)


def test_records_that_are_no_events_can_be_opened(demo: Exploring) -> None:
    assert "not a readable event" in demo.page(f"/event?origin={LOG}&offset={len(VALUES) - 1}").text
    assert "There is no such event" in demo.page(f"/event?origin={LOG}&offset={len(VALUES)}", 404).text
    assert "MISSING_LOG" in demo.page(f"/event?origin={evidence.LOG}&offset=1", 409).text


def test_hostile_events_add_no_node_and_no_hidden_character(hostile: Exploring) -> None:
    addresses = ["/", "/logs", *hostile.page().links("/event?")]
    assert len(addresses) == len(evidence.VALUES) + 2
    for address in addresses:
        html = hostile.client.get(address).text
        page = hostile.page(address)
        assert not [char for char in html if not char.isprintable() and char != "\n"]
        assert {tag for tag, _ in page.nodes} <= TAGS, address
        assert not [name for _, attrs in page.nodes for name in attrs if name.startswith("on") or name == "style"]
        assert [attrs for tag, attrs in page.nodes if tag == "script"] == [{"src": "/static/explorer.js", "defer": ""}]
        assert {attrs["href"][:1] for tag, attrs in page.nodes if tag == "a"} <= {"/", "#"}
    assert "\\u202e" in hostile.page(f"/event?origin={evidence.LOG}&offset=3").text


TAGS = set(
    re.findall(
        "[a-z0-9]+",
        "a article aside b body br button code dd del details div dl dt em figcaption figure footer form h1 "
        "h2 head header html i input ins label li link main mark meta nav noscript ol option p path pre rect script "
        "section select small span strong summary svg table tbody td th thead time title tr ul",
    )
)


def test_two_hundred_hostile_events_add_no_node() -> None:
    blocks = seal_values(hostile_events.VALUES, [len(hostile_events.FIELDS)] * len(hostile_events.TEXTS))
    explorer = exploring(blocks, TRUST)
    for offset in range(len(hostile_events.VALUES)):
        page = explorer.page(f"/event?origin={LOG}&offset={offset}")
        assert {tag for tag, _ in page.nodes} <= TAGS, offset
        assert not [name for _, attrs in page.nodes for name in attrs if name.startswith("on") or name == "style"]
        assert {attrs["href"][:1] for tag, attrs in page.nodes if tag == "a"} <= {"/", "#"}
        assert len([tag for tag, _ in page.nodes if tag == "script"]) == 1
    csv.field_size_limit(1 << 20)
    cells = csv.reader(io.StringIO(explorer.client.get("/export.csv").text, newline=""))
    assert not [
        cell
        for row in cells
        for cell in row
        if cell[:1] in {"=", "+", "@"} or (cell.startswith("-") and not cell[1:].isdigit())
    ]


def test_a_finding_is_on_every_page() -> None:
    explorer = exploring(BLOCKS, TRUST)
    assert "chain verified" in explorer.page().text
    data = bytearray(BLOCKS[1].format())
    data[-40] ^= 1
    explorer.vault.replace(LOG.block_key(1), bytes(data))
    fresh = Exploring(explorer.vault, TRUST)
    assert "verifying…" in fresh.page("/logs").text
    fresh.checker.check()
    for address in ("/logs", f"/event?origin={LOG}&offset=0", "/"):
        page = fresh.page(address)
        assert "This vault does not hold what was sealed" in page.text
        assert "block 1" in page.text
    (log,) = fresh.json("logs")["logs"]
    assert log["result"] == "FAILED"
    assert log["findings"][0]["height"] == 1
    assert total(fresh.page().text)[1] == "PARTIAL"
    failed = fresh.page(f"/event?origin={LOG}&offset=5", 409)
    assert "Verification failed: BAD_ROOT" in failed.text
    assert failed.links("/runbooks") == ["/runbooks#BAD_ROOT"]


def test_the_health_of_a_log_is_its_head_its_lock_and_its_verdict(demo: Exploring) -> None:
    (log,) = demo.json("logs")["logs"]
    head = BLOCKS[-1]
    assert (log["size"], log["offset"], log["root"]) == (5, head.header.last_offset, head.checkpoint.root.hex())
    assert log["result"] == "verified"
    assert log["locked_until"] > log["sealed"]
    page = demo.page("/logs")
    assert f"up to offset {head.header.last_offset}" in page.text
    assert log["locked_until"] in page.text


def test_each_finding_and_each_state_leads_to_what_to_do(tmp_path: Path) -> None:
    explorer = exploring(BLOCKS, TRUST)
    data = bytearray(BLOCKS[1].format())
    data[-40] ^= 1
    explorer.vault.replace(LOG.block_key(1), bytes(data))
    fresh = Exploring(explorer.vault, TRUST, DirectoryStore(tmp_path))
    fresh.checker.check()
    links = {link.partition("#")[2] for link in fresh.page("/logs").links("/runbooks#")}
    assert {Verdict.BAD_RECORD.value, "index-behind"} <= links
    targets = {attrs["id"] for _, attrs in fresh.page("/runbooks").nodes if "id" in attrs}
    templates = Path(pages.__file__).parent / "templates"
    linked = set(re.findall(r"/runbooks#([a-z-]+)", (templates / "logs.html.j2").read_text("utf-8")))
    assert linked | {verdict.value for verdict in Verdict} <= targets


def test_what_to_do_names_pages_that_exist_and_commands_too() -> None:
    for one in RUNBOOKS:
        for command in re.findall(r"auditseal ([a-z]+)", " ".join(one.steps)):
            assert command in {entry.name for entry in COMMANDS}


def test_services_are_listed_the_longest_silent_first(tmp_path: Path) -> None:
    index = BuiltOnWhileRead(tmp_path, 0)
    explorer = Exploring(index.vault, TRUST, index)
    (service,) = explorer.json("logs")["services"]
    (link,) = [link for link in explorer.page("/logs").links("/?q=") if "service" in link]
    assert total(explorer.page(link).text)[0] == service["events"] == 1
    assert service["last"].startswith("2026-11-21T00:00:00")
    assert exploring(BLOCKS, TRUST).json("logs")["services"] == []  # known from an index alone


def test_a_store_that_is_away_is_a_page_that_says_so(demo: Exploring) -> None:
    away = exploring(BLOCKS, TRUST)
    away.vault.broken = "*"
    page = away.page()
    assert total(page.text) == (0, "PARTIAL")
    assert "not covered: heights 0 on: the store is away" in page.text
    page = away.page(f"/event?origin={LOG}&offset=1", 503)
    assert "The store can't be read just now" in page.text
    assert "Try again" in page.text
    assert "the store is away" in away.page("/logs").text
    away.vault.broken = ""
    assert total(away.page().text) == (len(VALUES), "complete")


def test_an_export_has_every_hit_and_its_grade(hostile: Exploring, demo: Exploring) -> None:
    answer = demo.client.get("/export.jsonl", params={"q": "outcome = DENIED"})
    rows = [json.loads(line) for line in answer.text.splitlines()]
    assert len(rows) == demo.json("search", q="outcome = DENIED")["total"]
    assert {row["outcome"] for row in rows} == {"DENIED"}
    assert answer.headers["content-disposition"] == 'attachment; filename="events-complete.jsonl"'
    answer = hostile.client.get("/export.csv")
    cells = list(csv.reader(io.StringIO(answer.text)))
    assert len(cells) == 1 + len(evidence.VALUES)
    assert demo.client.get("/export.exe").status_code == 404


def test_one_export_more_than_the_most_is_answered_when_another_has_ended(
    demo: Exploring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "_exports", BoundedSemaphore(1))
    under_way = results.export(demo.sources, local_auditor(), Question(), NOW).lines(Format.CSV)
    assert next(under_way).startswith(b"origin,")
    assert "exports are under way" in demo.page("/export.csv", 503).text
    under_way.close()  # as when its reader goes away
    assert demo.client.get("/export.csv").status_code == 200


def test_pivots_keep_the_heads_of_a_permanent_link(demo: Exploring) -> None:
    (event, *_) = demo.page(f"/?as_of={LOG}:3").links("/event?")
    assert parse_qs(urlsplit(event).query)["as_of"] == [f"{LOG}:3"]
    around = demo.page(event).links("/?q=")
    assert around
    assert all(parse_qs(urlsplit(link).query)["as_of"] == [f"{LOG}:3"] for link in around)
    (event, *_) = demo.page().links("/event?")
    assert not [link for link in demo.page(event).links("/?q=") if "as_of" in link]


def test_a_link_that_no_address_can_hold_is_left_out() -> None:
    changes = [Change("field", str(number), None) for number in range(1_000)]
    attributes = {f"name{number}": "x" for number in range(1_000)}
    event = replace(FULL, actor=Actor("user", "x" * 200_000), changes=changes, attributes=attributes)
    explorer = exploring(seal_values([encode_event(event)], [1]), TRUST)
    page = explorer.page()
    assert "x" * 60 in page.text
    assert all(len(link) < 8_000 for link in page.links())
    page = explorer.page(page.links("/event?")[0])
    assert all(len(link) < 8_000 for link in page.links())
    assert "800 more changes are in the event as JSON" in page.text
    assert "more fields: see the event as JSON" in page.text


def test_its_description_has_every_route_of_the_api(demo: Exploring) -> None:
    described = demo.json("openapi.json")
    routes = {route.path for route in demo.client.app.routes}  # type: ignore[attr-defined]  # Starlette's
    assert set(described["paths"]) == {path for path in routes if path.startswith("/api/v1/")} - {
        "/api/v1/openapi.json"
    }
    answer = demo.json("search")
    schema = described["components"]["schemas"]["Results"]
    assert set(schema["required"]) == set(answer) == set(schema["properties"])
    assert set(described["components"]["schemas"]["Event"]["required"]) == set(
        demo.json("event", origin=str(LOG), offset=0)
    )
    log = described["components"]["schemas"]["Logs"]["properties"]["logs"]["items"]
    assert set(log["required"]) == set(demo.json("logs")["logs"][0])


def test_there_is_no_other_page(demo: Exploring) -> None:
    assert "There is no such page" in demo.page("/nothing", 404).text
    assert demo.client.get("/static/../pages.py").status_code == 404
    assert demo.client.get("/api/v1/nothing").json() == {"error": "Not Found"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"host": "127.0.0.1.rebind.example"}, 421),
        ({"host": "evil.example"}, 421),
        ({"host": f"{HOST}:80"}, 421),
        ({"origin": f"http://{HOST}"}, 200),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "none", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}, 200),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}, 200),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}, 403),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}, 403),
        ({"sec-fetch-site": "same-site", "sec-fetch-mode": "cors", "sec-fetch-dest": "empty"}, 403),
    ],
)
def test_pages_of_other_sites_read_nothing(demo: Exploring, headers: dict[str, str], status: int) -> None:
    for path in ("/", "/api/v1/logs"):
        assert demo.client.get(path, headers=headers).status_code == status


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_nothing_can_be_written(demo: Exploring, method: str) -> None:
    assert demo.client.request(method, "/").status_code == 405


def test_every_answer_has_the_headers_of_security(demo: Exploring) -> None:
    for path, status in (("/", 200), ("/nothing", 404), ("/static/explorer.css", 200), ("/?order=x", 400)):
        answer = demo.client.get(path)
        assert answer.status_code == status
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        expected = "public, max-age=3600" if path.startswith("/static") else "no-store"
        assert answer.headers["cache-control"] == expected
    assert demo.client.get("/", headers={"host": "x"}).headers["x-frame-options"] == "DENY"


def test_a_page_weighs_little(hostile: Exploring) -> None:
    empty = len(hostile.client.get("/?q=height+%3C+0").content)
    weight = empty + sum(len(hostile.client.get(f"/static/{name}").content) for name in STATIC)
    assert weight < 30_000


STATIC = ("explorer.css", "explorer.js", "seal.svg")


def test_a_verdict_has_a_code_that_search_gives_too() -> None:
    answer = exploring(BLOCKS[:3], TRUST).json("search", as_of=f"{LOG}:5")
    assert answer["answer"]["exit_code"] == Verdict.TRUNCATED.exit_code
