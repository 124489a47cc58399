"""The explorer in a real Chromium: by keyboard and by mouse, with and without JavaScript, and under attack."""

from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.browser.conftest import store_away
from tests.browser.opened import opened, page_of_another_site
from tests.factory.exploring import served
from tests.unit.search.test_search_command import LOG


def test_a_finding_is_shown_in_red_on_every_page_of_the_vault(browser: Browser, explorers: dict[str, str]) -> None:
    with opened(browser) as page:
        for path in ("/", "/logs", f"/event?origin={LOG}&offset=0", "/case"):
            page.goto(explorers["tampered"] + path)
            expect(page.locator(".state")).to_have_text("1 finding")
            assert "block 1" in page.inner_text(".alarm")
        for path in ("/runbooks", "/nothing", "/docs/index.md"):
            page.goto(explorers["tampered"] + path)
            expect(page.locator(".state")).to_have_text("")
            assert page.locator(".alarm").count() == 0
        page.goto(f"{explorers['tampered']}/logs")
        assert page.inner_text(".log .chip.bad >> nth=0") == "FAILED"


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


def test_a_store_that_is_away_is_tried_again_without_the_reader(browser: Browser) -> None:
    away = store_away()
    with served(away) as explorer, opened(browser) as page:
        page.goto(f"{explorer}/event?origin={LOG}&offset=5")
        assert page.inner_text("h1") == "The store can't be read just now"
        away.vault.broken = ""
        page.wait_for_selector(".proof")


def test_an_index_that_is_behind_says_by_how_much(browser: Browser, explorers: dict[str, str]) -> None:
    with opened(browser) as page:
        page.goto(f"{explorers['behind']}/logs")
        assert "1 of 5 blocks; 4 behind: what to do" in page.inner_text(".log dl")
        page.click("text=what to do")
        assert page.locator(":target").inner_text().startswith("index-behind")


def test_a_form_of_another_site_is_refused(browser: Browser, ordinary: str) -> None:
    html = f'<!DOCTYPE html><form method="post" action="{ordinary}/case.zip?case=1"><button>Win a prize</button></form>'
    with page_of_another_site(browser, html) as page:
        with page.expect_navigation() as navigation:
            page.click("button")
        assert navigation.value.status == 405


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
    with page_of_another_site(browser, html) as page:
        frame = page.frames[1]
        assert frame.query_selector(".hit") is None
        read = page.evaluate(f"fetch('{ordinary}/api/v1/search').then(r => r.text(), () => 'refused')")
        assert read == "refused"
        assert page.evaluate("document.images[0].naturalWidth") == 0
