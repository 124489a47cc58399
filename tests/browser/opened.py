"""Pages in a browser: one that must stay clean while it is open, and one of another site."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from tests.factory.http_server import serving, whole

AXE = (Path(__file__).parent / "data" / "axe.min.js").read_text("utf-8")


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


@contextmanager
def page_of_another_site(browser: Browser, html: str) -> Iterator[Page]:
    """Give a page that another site serves from this machine."""
    with serving(lambda _: whole(html.encode())) as site, browser.new_context() as context:
        page = context.new_page()
        page.goto(site.url.replace("127.0.0.1", "evil.example"))
        yield page


def violations(page: Page) -> list[str]:
    only = "{resultTypes: ['violations']}"  # every rule runs; the nodes that pass are not described
    found = page.evaluate(f"async () => {{ {AXE}; return (await axe.run({only})).violations }}")
    return [f"{rule['id']}: {node['target']} {node['failureSummary']}" for rule in found for node in rule["nodes"]]
