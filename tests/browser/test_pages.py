"""Each page in each of its states: by keyboard, by mouse, without JavaScript, narrow and wide, and by axe."""

from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import PROVIDER_AWAY, with_login
from tests.browser.opened import opened, violations
from tests.factory.exploring import Exploring
from tests.factory.vaults import MemoryVault
from tests.unit.explorer.test_app import TRUST
from tests.unit.search.test_search_command import LOG

PAGES = {
    "/": [
        ("ordinary", "/"),
        ("ordinary", "/?q=outcome+%3D+DENIED"),
        ("ordinary", "/?q=actor+%3D+nobody"),
        ("ordinary", "/?q=actr+%3D+x"),
        ("ordinary", f"/?as_of={LOG}:3"),
        ("ordinary", f"/?as_of={LOG}:9"),
        ("ordinary", "/?order=sideways"),
        ("tampered", "/?q=outcome+%3D+DENIED"),
        ("proxy", "/"),
        ("stranger", "/"),
    ],
    "/event": [
        ("ordinary", f"/event?origin={LOG}&offset=399"),
        ("ordinary", f"/event?origin={LOG}&offset=401"),
        ("ordinary", f"/event?origin={LOG}&offset=999999"),
        ("tampered", f"/event?origin={LOG}&offset=5"),
        ("away", f"/event?origin={LOG}&offset=5"),
    ],
    "/case": [("ordinary", "/case?q=outcome+%3D+DENIED"), ("ordinary", "/case?q=time+%3E%3D+-7d")],
    "/case.zip": [("ordinary", "/case.zip?case=")],
    "/case.html": [("ordinary", "/case.html?q=time+%3E%3D+-7d&case=1")],
    "/export.{kind}": [("ordinary", "/export.exe")],
    "/logs": [("ordinary", "/logs"), ("tampered", "/logs"), ("away", "/logs"), ("behind", "/logs")],
    "/runbooks": [("ordinary", "/runbooks")],
    "/docs/{name:path}": [("ordinary", "/docs/alerts/AuditsealFinding.md"), ("ordinary", "/docs/runbooks/README.md")],
    "/login": [("oidc", "/login")],
    "/login/callback": [("oidc", "/login/callback")],
    "/login/end": [("oidc", "/login/end")],
    "an unknown address": [("ordinary", "/nothing")],
}
"""Where each page is opened, in each of its states: the explorer, and the address there."""
NOT_PAGES = {"/proof", "/static"}
"""What a browser saves or uses, and never shows."""
WAYS: dict[str, dict[str, Any]] = {
    "wide and light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 800}},
    "narrow and dark": {"color_scheme": "dark", "viewport": {"width": 360, "height": 800}},
    "without JavaScript": {"java_script_enabled": False, "viewport": {"width": 800, "height": 800}},
}
CONTROLS = """() => Array.from(document.querySelectorAll('a[href], button, input, select, summary'))
    .filter((one) => one.checkVisibility() && one.type !== 'hidden')"""
NAME = "(one) => `${one.localName} ${one.getAttribute('href') ?? ''} ${one.textContent.trim()}`"
PAGE_LINK = "a:is([href^='/'], [href*='.md']):not([href^='/proof'], [href^='/api'])"
COVERED = f"""() => ({CONTROLS})().filter((one) => !one.matches('.skip') && !one.closest('svg')).filter((one) => {{
    one.scrollIntoView({{ block: 'center', behavior: 'instant' }});
    const box = one.getClientRects()[0];
    const found = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    return !(one === found || one.contains(found) || found?.contains(one) || found?.control === one);
}}).map({NAME})"""


def test_every_page_of_the_application_is_opened() -> None:
    apps = (Exploring(MemoryVault(), TRUST).app, with_login(PROVIDER_AWAY).app)
    paths = {getattr(route, "path", "") for app in apps for route in app.routes}
    assert {path for path in paths if not path.startswith("/api/")} - NOT_PAGES == set(PAGES) - {"an unknown address"}


@pytest.mark.parametrize("way", WAYS)
def test_every_page_fits_is_accessible_and_takes_keyboard_and_mouse(
    browser: Browser, explorers: dict[str, str], way: str
) -> None:
    with opened(browser, **WAYS[way]) as page:
        for states in PAGES.values():
            for explorer, address in states:
                page.goto(explorers[explorer] + address, wait_until="domcontentloaded")
                assert page.inner_text("h1"), address
                assert page.evaluate("document.documentElement.scrollWidth") <= WAYS[way]["viewport"]["width"], address
                if WAYS[way].get("java_script_enabled", True):  # axe is a script
                    assert violations(page) == [], address
                assert page.evaluate(COVERED) == [], f"{address}: the mouse does not reach these"
            last = page.url
            follow_a_link_by_keyboard(page)
            page.goto(last, wait_until="domcontentloaded")
            follow_a_link_by_mouse(page)


def follow_a_link_by_keyboard(page: Page) -> None:
    """Go on with Tab to the first link of the main part, behind the link that skips to it, and press Enter there."""
    has_skip_link = page.query_selector(".skip") is not None
    page.evaluate("scrollTo(0, 0)")
    page.keyboard.press("Tab")
    if has_skip_link:
        assert page.evaluate("document.activeElement.className") == "skip", page.url
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main, footer') !== null"), page.url
    while not page.evaluate(f"document.activeElement.matches({PAGE_LINK!r})"):
        page.keyboard.press("Tab")
    with page.expect_navigation(wait_until="commit"):
        page.keyboard.press("Enter")
    assert page.inner_text("h1"), page.url


def follow_a_link_by_mouse(page: Page) -> None:
    """Click on the first link of the main part."""
    with page.expect_navigation(wait_until="commit"):
        page.locator(f"main {PAGE_LINK}:not(svg a):visible, footer a").first.click()
    assert page.inner_text("h1"), page.url


@pytest.mark.parametrize("path", [path for path in PAGES if path not in {"/case.zip", "/case.html", "/export.{kind}"}])
def test_tab_reaches_every_control_in_its_order(browser: Browser, explorers: dict[str, str], path: str) -> None:
    explorer, address = PAGES[path][1 if path == "/" else 0]
    with opened(browser, **WAYS["wide and light"]) as page:
        page.goto(explorers[explorer] + address)
        wanted = page.evaluate(f"() => ({CONTROLS})().map({NAME})")
        note = f"(event) => self.reached.push(({NAME})(event.target))"
        page.evaluate(f"() => {{ self.reached = []; addEventListener('focusin', {note}) }}")
        for _ in wanted:
            page.keyboard.press("Tab")
        assert page.evaluate("self.reached") == wanted
