"""The explorer in a real Chromium: by keyboard and by mouse, with and without JavaScript, and under attack."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from auditseal_schemas.trust import Trust
from tests.browser.conftest import TRUST
from tests.factory.evidence import VALUES
from tests.factory.exploring import Exploring
from tests.factory.http_server import serving, whole
from tests.factory.vaults import MemoryVault
from tests.unit.search.test_search_command import LOG

AXE = (Path(__file__).parent / "data" / "axe.min.js").read_text("utf-8")
EVENT = "the first event's address"
PAGES = {
    "/": [
        "/",
        "/?q=outcome+%3D+DENIED",
        "/?q=actor+%3D+nobody",
        "/?q=actr+%3D+x",
        f"/?as_of={LOG}:3",
        f"/?as_of={LOG}:9",
    ],
    "/event": [EVENT, f"/event?origin={LOG}&offset=999999"],
    "/case": ["/case?q=outcome+%3D+DENIED", "/case?q=time+%3E%3D+-7d"],
    "/case.zip": ["/case.zip?case="],
    "/logs": ["/logs"],
    "/runbooks": ["/runbooks"],
    "/docs/{name:path}": ["/docs/alerts/AuditsealFinding.md", "/docs/how-to/explore.md"],
    "/nothing": ["/nothing"],
}
"""The addresses under which each page is opened, in each of its states."""
FILES = {"/case.html", "/proof", "/static", "/export.{kind}"}
"""Paths that a browser saves."""
WAYS = {
    "wide and light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 800}},
    "narrow and dark": {"color_scheme": "dark", "viewport": {"width": 360, "height": 800}},
    "without JavaScript": {"java_script_enabled": False, "viewport": {"width": 800, "height": 800}},
}


@contextmanager
def opened(browser: Browser, **options: Any) -> Iterator[Page]:
    """Give a page; afterwards nothing of it may have run, asked another host, or been blocked."""
    context = browser.new_context(**options)
    page = context.new_page()
    said: list[str] = []
    page.on("dialog", lambda dialog: said.append(f"dialog: {dialog.message}"))
    page.on("pageerror", lambda error: said.append(f"error: {error}"))
    page.on("request", lambda request: said.append(request.url) if "127.0.0.1" not in request.url else None)
    page.on("console", lambda message: said.append(message.text) if "Content Security" in message.text else None)
    try:
        yield page
        assert said == []
    finally:
        context.close()


def violations(page: Page) -> list[str]:
    only = "{resultTypes: ['violations']}"  # every rule runs; the nodes that pass are not described
    found = page.evaluate(f"async () => {{ {AXE}; return (await axe.run({only})).violations }}")
    return [f"{rule['id']}: {node['target']} {node['failureSummary']}" for rule in found for node in rule["nodes"]]


def test_every_page_of_the_application_is_opened() -> None:
    app = Exploring(MemoryVault(), Trust.parse(TRUST)).app
    paths = {getattr(route, "path", "") for route in app.routes}
    assert {path for path in paths if not path.startswith("/api/")} - FILES == set(PAGES) - {"/nothing"}


@pytest.mark.parametrize("way", WAYS)
def test_every_page_is_accessible_and_fits_and_its_links_take_the_keyboard(
    browser: Browser, ordinary: str, way: str
) -> None:
    options: dict[str, Any] = WAYS[way]
    with opened(browser, **options) as page:
        page.goto(ordinary)
        event = page.get_attribute(".hit", "href") or ""
        for address in (event if one is EVENT else one for addresses in PAGES.values() for one in addresses):
            page.goto(f"{ordinary}{address}")
            assert page.inner_text("h1"), address
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= options["viewport"]["width"], address
            if options.get("java_script_enabled", True):  # axe is a script
                assert violations(page) == [], address
            page.keyboard.press("Tab")
            page.keyboard.press("Enter")
            page.keyboard.press("Tab")
            assert page.evaluate("document.activeElement.closest('main, footer') !== null"), address


def test_a_finding_is_shown_in_red_and_accessible(browser: Browser, tampered: str) -> None:
    with opened(browser) as page:
        page.goto(f"{tampered}/logs")
        expect(page.locator(".state")).to_have_text("1 finding")
        assert "block 1" in page.inner_text(".alarm")
        assert page.inner_text(".log .chip.bad >> nth=0") == "FAILED"
        assert violations(page) == []


def test_it_can_be_used_by_keyboard_alone(browser: Browser, ordinary: str) -> None:
    with opened(browser) as page:
        page.goto(ordinary)
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
        page.keyboard.press("/")
        page.keyboard.type("outcome = DENIED")
        page.keyboard.press("Enter")
        page.wait_for_url("**q=outcome*")
        denied = page.inner_text(".grade strong")
        while "hit" not in page.evaluate("document.activeElement.className || ''"):
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_selector(".proof")
        assert page.inner_text("h1 .chip") == "DENIED"
        page.go_back()
        assert page.inner_text(".grade strong") == denied


def test_it_can_be_used_by_mouse_and_a_proof_downloaded(browser: Browser, ordinary: str) -> None:
    with opened(browser, accept_downloads=True) as page:
        page.goto(ordinary)
        page.click(".facet a >> nth=0")
        page.click(".timeline a >> nth=0")
        page.click(".hit >> nth=0")
        with page.expect_download() as download:
            page.click("text=Download the proof")
        assert Path(download.value.path()).read_bytes().startswith(b"c2sp.org/tlog-proof@v1\n")


def test_it_needs_no_javascript(browser: Browser, ordinary: str) -> None:
    with opened(browser, java_script_enabled=False) as page:
        page.goto(ordinary)
        page.fill("#q", "problem exists")
        page.click("text=Search")
        assert page.inner_text(".grade strong") == "2 events"
        page.click(".hit >> nth=0")
        assert "not a readable event" in page.inner_text("h1")
        page.click("text=Chain health")
        assert "verified" in page.inner_text(".grade")


def test_times_have_a_hint_in_the_readers_own_zone(browser: Browser, ordinary: str) -> None:
    with opened(browser, timezone_id="Asia/Tokyo", locale="en-GB") as page:
        page.goto(ordinary)
        assert "GMT+9" in (page.get_attribute(".hit time", "title") or "")


def test_times_of_an_event_are_next_to_the_readers_own(browser: Browser, ordinary: str) -> None:
    with opened(browser, timezone_id="Asia/Tokyo", locale="en-GB") as page:
        page.goto(ordinary)
        page.click(".hit >> nth=9")
        page.wait_for_selector(".proof")
        sealed = page.locator(".proof time").last
        assert sealed.inner_text().endswith("Z")
        assert "GMT+9" in sealed.locator("xpath=following-sibling::small").inner_text()


def test_evidence_of_a_case_is_downloaded(browser: Browser, ordinary: str) -> None:
    with opened(browser, accept_downloads=True) as page:
        page.goto(f"{ordinary}/?q=outcome+%3D+DENIED")
        page.click("text=evidence pack")
        page.fill("#case", "17")
        for button, name in (("Download the pack", "case.zip"), ("Download the page", "case.html")):
            with page.expect_download() as download:
                page.click(f"text={button}")
            assert download.value.suggested_filename == name
            assert Path(download.value.path()).stat().st_size > 1_000


def test_hostile_events_run_nothing(browser: Browser, hostile: str) -> None:
    with opened(browser) as page:
        page.goto(f"{hostile}/?order=oldest")
        events = [link.get_attribute("href") for link in page.query_selector_all(".hit")]
        assert len(events) == len(VALUES)
        for address in ("/", "/case", *events):
            page.goto(f"{hostile}{address}")
            assert page.query_selector_all("img, iframe, object, form:not(.ask, .case)") == []
            assert len(page.query_selector_all("script")) == 1
        page.goto(f"{hostile}/?q=%3Cscript%3Ealert(1)%3C/script%3E")
        assert "<script>alert(1)</script>" in page.inner_text(".mistake")
        page.goto(f"{hostile}/case?q=actor+%3D+%22%3Cimg+src%3Dx+onerror%3Dalert(1)%3E%22")
        assert "<img src=x onerror=alert(1)>" in page.inner_text("section.case")


def test_another_name_for_this_machine_reads_nothing(browser: Browser, ordinary: str) -> None:
    port = ordinary.rpartition(":")[2]
    context = browser.new_context()
    page = context.new_page()
    answer = page.goto(f"http://rebind.example:{port}/")
    assert answer is not None
    assert answer.status == 421
    assert page.query_selector(".hit") is None
    context.close()


def test_a_page_of_another_site_can_neither_frame_nor_read_it(browser: Browser, ordinary: str) -> None:
    html = f'<iframe src="{ordinary}/"></iframe><img src="{ordinary}/static/seal.svg">'
    with serving(lambda _: whole(html.encode())) as site:
        context = browser.new_context()
        page = context.new_page()
        page.goto(site.url.replace("127.0.0.1", "evil.example"))
        frame = page.frames[1]
        assert frame.query_selector(".hit") is None
        read = page.evaluate(f"fetch('{ordinary}/api/v1/search').then(r => r.text(), () => 'refused')")
        assert read == "refused"
        assert page.evaluate("document.images[0].naturalWidth") == 0
        context.close()
