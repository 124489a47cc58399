"""Where each page of the explorer is opened, in each of its states, and what must hold of it in a browser."""

from collections.abc import Mapping, Sequence
from typing import Any

from playwright.sync_api import Browser, Page

from tests.browser.opened import opened, violations
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


def walk(browser: Browser, explorers: Mapping[str, str], states: Sequence[Sequence[tuple[str, str]]], way: str) -> None:
    """Open pages one way, and check each; from the last state of each page, follow a link by keyboard and by mouse.

    Args:
        browser: The browser.
        explorers: The addresses of the explorers by their names.
        states: For each page the explorer and the address there, in some of its states.
        way: One of `WAYS`.
    """
    width, has_script = WAYS[way]["viewport"]["width"], WAYS[way].get("java_script_enabled", True)
    with opened(browser, **WAYS[way]) as page:
        for addresses in states:
            for explorer, address in addresses:
                page.goto(explorers[explorer] + address, wait_until="domcontentloaded")
                assert page.inner_text("h1"), address
                assert page.evaluate("document.documentElement.scrollWidth") <= width, address
                if has_script:  # axe is a script
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


def tab_through(page: Page) -> None:
    """Press Tab, which must reach every control in its order."""
    wanted = page.evaluate(f"() => ({CONTROLS})().map({NAME})")
    note = f"(event) => self.reached.push(({NAME})(event.target))"
    page.evaluate(f"() => {{ self.reached = []; addEventListener('focusin', {note}) }}")
    for _ in wanted:
        page.keyboard.press("Tab")
    assert page.evaluate("self.reached") == wanted
