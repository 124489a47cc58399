"""Each page once: by keyboard, by mouse and by axe. `tests/slices` opens all their states, in three ways."""

from playwright.sync_api import Browser

from tests.browser.conftest import PROVIDER_AWAY, with_login
from tests.browser.opened import opened
from tests.browser.page_walk import PAGES, WAYS, tab_through, walk
from tests.factory.exploring import Exploring
from tests.factory.vaults import MemoryVault
from tests.unit.explorer.test_app import TRUST

NOT_PAGES = {"/proof", "/static"}
"""What a browser saves or uses, and never shows."""


def test_every_page_of_the_application_is_opened() -> None:
    apps = (Exploring(MemoryVault(), TRUST).app, with_login(PROVIDER_AWAY).app)
    paths = {getattr(route, "path", "") for app in apps for route in app.routes}
    assert {path for path in paths if not path.startswith("/api/")} - NOT_PAGES == set(PAGES) - {"an unknown address"}


def test_every_page_fits_is_accessible_and_takes_keyboard_and_mouse(
    browser: Browser, explorers: dict[str, str]
) -> None:
    walk(browser, explorers, [states[:1] for states in PAGES.values()], "wide and light")


def test_tab_reaches_every_control_of_an_event_in_its_order(browser: Browser, explorers: dict[str, str]) -> None:
    explorer, address = PAGES["/event"][0]
    with opened(browser, **WAYS["wide and light"]) as page:
        page.goto(explorers[explorer] + address)
        tab_through(page)
