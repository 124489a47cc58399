"""Each page in each of its states: by keyboard, by mouse, without JavaScript, narrow and wide, and by axe."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import served_in_every_state
from tests.browser.opened import opened
from tests.browser.page_walk import PAGES, WAYS, tab_through, walk
from tests.factory.chromium import chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser."""
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def explorers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The addresses of explorers in every state that has pages of its own."""
    with served_in_every_state(tmp_path_factory.mktemp("behind")) as addresses:
        yield addresses


@pytest.mark.parametrize("way", WAYS)
def test_every_page_fits_is_accessible_and_takes_keyboard_and_mouse(
    browser: Browser, explorers: dict[str, str], way: str
) -> None:
    walk(browser, explorers, list(PAGES.values()), way)


@pytest.mark.parametrize("path", [path for path in PAGES if path not in {"/case.zip", "/case.html", "/export.{kind}"}])
def test_tab_reaches_every_control_in_its_order(browser: Browser, explorers: dict[str, str], path: str) -> None:
    explorer, address = PAGES[path][1 if path == "/" else 0]
    with opened(browser, **WAYS["wide and light"]) as page:
        page.goto(explorers[explorer] + address)
        tab_through(page)
