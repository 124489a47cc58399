"""`auditseal demo --explore` in a real Chromium: events arrive by themselves, and a changed copy goes red."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.factory.chromium import chromium

ADDRESSES = re.compile(r"(http://\S+) shows the demo, and (http://\S+) its vault")
COUNT = re.compile(r"([\d,]+) events?")
SECONDS_OF_A_SLOW_MACHINE = 120_000


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A demo that goes on: the address of its page, and of its vault's explorer."""
    folder = tmp_path_factory.mktemp("going-on") / "demo"
    command = [sys.executable, "-m", "auditseal", "demo", "--explore", "--dir", str(folder), "--events", "300"]
    environment = os.environ | {"BROWSER": "true %s"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, start_new_session=True) as demo:
        assert demo.stdout
        try:
            lines = []
            for line in demo.stdout:
                lines.append(line)
                if found := ADDRESSES.search(line):
                    yield found[1], found[2]
                    break
            else:
                pytest.fail("".join(lines))
        finally:
            # One that has failed ended by itself: the failure is what counts then.
            ended = demo.poll()
            if ended is None:
                os.killpg(demo.pid, signal.SIGINT)
                ended = demo.wait(60)
        assert ended == 130


def events(page: Page) -> int:
    found = COUNT.match(page.inner_text(".grade strong"))
    assert found
    return int(found[1].replace(",", ""))


def test_a_page_of_another_site_cannot_press_the_button(addresses: tuple[str, str]) -> None:
    guide, _ = addresses
    with chromium() as browser:
        page = browser.new_page()
        page.goto(guide.replace("127.0.0.1", "evil.example"))
        assert "not reached under this name" in page.inner_text("body")
        for token in ("", "guessed"):
            answer = page.request.post(f"{guide}/tamper", form={"token": token})
            assert answer.status == 403
        answer = page.request.post(f"{guide}/tamper", headers={"origin": "https://evil.example"})
        assert answer.status == 403
        page.goto(guide)
        assert page.query_selector("#changed .grade") is None


def test_a_newcomer_watches_events_arrive_and_tampers(addresses: tuple[str, str]) -> None:
    guide, vault = addresses
    with chromium() as browser:
        page = browser.new_page()
        page.set_default_timeout(SECONDS_OF_A_SLOW_MACHINE)
        page.goto(guide)
        with page.expect_popup() as popup:
            page.click("text=Watch events arrive >> nth=1")
        arriving = popup.value
        arriving.wait_for_selector(".hit")
        before = events(arriving)
        arriving.wait_for_selector(".hit.fresh")
        assert events(arriving) > before
        assert arriving.inner_text(".state") == "chain verified"

        page.click("text=Tamper with a copy >> nth=1")
        changed = page.inner_text("#changed .grade")
        named = re.search(r"block (\d+) of (\S+),", changed)
        assert named, changed
        height, log = named.groups()
        with page.expect_popup() as popup:
            page.click("#changed a.button")
        copy = popup.value
        expect(copy.locator(".state")).to_have_text("1 finding")
        red = copy.locator(".log.bad")
        expect(red).to_have_count(1)
        assert log in red.inner_text()
        assert "BAD_RECORD" in red.inner_text()
        assert red.locator(".findings td").nth(1).inner_text().startswith(f"{height}, offset")
        page.goto(f"{vault}/logs")
        expect(page.locator(".state")).to_have_text("chain verified")
        page.goto(f"{vault}/logs#live")
        expect(page.locator("[aria-labelledby=streams] h2")).to_contain_text("UNCLOSED", timeout=60_000)
        assert "SILENT" not in page.inner_text("[aria-labelledby=streams]")
