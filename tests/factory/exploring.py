"""An explorer of a small vault in memory, and what a browser would see of its pages."""

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlencode

import uvicorn
from starlette.testclient import TestClient

from auditseal_explorer.access import Access
from auditseal_explorer.app import Explorer, make_app
from auditseal_explorer.cases import CaseFiles
from auditseal_explorer.checker import Checker
from auditseal_explorer.pages import Pages
from auditseal_explorer.server import address_of, hosts_of, listen, server_config
from auditseal_explorer.sources import Sources
from auditseal_explorer.stream_watcher import StreamWatcher
from auditseal_explorer.trail import NoTrail, Trail
from auditseal_schemas.block import Block
from auditseal_schemas.trust import Trust
from auditseal_search.index_store import IndexStore
from tests.factory.vaults import MemoryVault, put_log

HOST = "explorer.test"
_ADDRESS = re.compile(r"(https?://127\.0\.0\.1:\d+) shows file:")
VOID = {"br", "img", "input", "link", "meta"}


class Page(HTMLParser):
    """A page as a browser reads it.

    Attributes:
        nodes: Each element's name and attributes, in order.
        text: All text, in one line.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.nodes: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self._pieces: list[str] = []
        self.feed(html)
        self.close()
        self.text = re.sub(r"\s+", " ", " ".join(self._pieces)).strip()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.nodes.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.nodes.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1:] == [tag], f"</{tag}> ends {self.open}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self._pieces.append(data)

    def links(self, begin: str = "") -> list[str]:
        """Return the addresses of its links that begin with a text."""
        return [attrs["href"] for tag, attrs in self.nodes if tag == "a" and attrs["href"].startswith(begin)]


class Exploring:
    """An explorer under test: its vault, and a client that is a browser on the same site."""

    def __init__(
        self,
        vault: MemoryVault,
        trust: Trust,
        index: IndexStore | None = None,
        *,
        access: Access | None = None,
        trail: Trail | None = None,
        streams: StreamWatcher | None = None,
    ) -> None:
        self.vault = vault
        self.checker = Checker(trust, lambda: self.vault)
        trust_file = "".join(f"log {key}\n" for log in trust.logs for key in log.keys).encode()
        self.sources = Sources(trust, lambda: self.vault, index)
        cases = CaseFiles(self.sources, trust_file)
        self.explorer = Explorer(self.sources, self.checker, Pages(vault.url), cases, trail or NoTrail(), streams)
        self.access = access
        url = access.url if access else f"http://{HOST}"
        self.app = make_app(self.explorer, access.hosts if access else [HOST], access)
        self.client = TestClient(self.app, url, raise_server_exceptions=False, follow_redirects=False)

    def page(self, address: str = "/", status: int = 200) -> Page:
        answer = self.client.get(address)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        page = Page(answer.text)
        assert page.open == []
        return page

    def ask(self, query: str = "", status: int = 200, **more: str) -> Page:
        return self.page(f"/?{urlencode({'q': query, **more})}", status)

    def json(self, path: str, status: int = 200, **parameters: Any) -> Any:
        answer = self.client.get(f"/api/v1/{path}", params=parameters)
        assert answer.status_code == status, answer.text
        return answer.json()


def exploring(blocks: Sequence[Block], trust: Trust, index: IndexStore | None = None) -> Exploring:
    """Return an explorer of a vault with these blocks, which was verified once."""
    vault = MemoryVault()
    put_log(vault, blocks)
    explorer = Exploring(vault, trust, index)
    explorer.checker.check()
    return explorer


@contextmanager
def served(exploring: Exploring) -> Iterator[str]:
    """Serve an explorer on this machine from a thread, without TLS, and give its address."""
    with listen("127.0.0.1", 0) as listening:
        app = make_app(exploring.explorer, hosts_of(listening), exploring.access)
        server = uvicorn.Server(server_config(app))
        thread = Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield address_of(listening)
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def explorer_process(trust: Path, vault: Path, *more: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run `auditseal explore` on a free port, if `more` names none, and give its address; it is ended afterwards."""
    words = ["--port", "0", "--trust", str(trust), "--vault", vault.as_uri(), *more]
    command = [sys.executable, "-m", "auditseal", "explore", *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr
            found = _ADDRESS.search(process.stderr.readline())
            assert found
            yield found[1], process
        finally:
            process.terminate()
