"""The HTTP fault proxy, before a store that remembers what it was sent."""

import http.client
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from auditseal_local.ports import LOOPBACK
from tests.faults.http_proxy import HttpProxy, Trouble


class Store(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.hosts: list[str] = []
        super().__init__((LOOPBACK, 0), _Handler)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    server: Store

    def do_PUT(self) -> None:
        self.server.objects[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.hosts.append(self.headers["Host"])
        self._answer(b"")

    def do_GET(self) -> None:
        self._answer(self.server.objects[self.path])

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("x-kept", "yes")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base's name)
        pass


@pytest.fixture
def store() -> Iterator[Store]:
    store = Store()
    yield store
    store.shutdown()
    store.server_close()


@pytest.fixture
def proxy(store: Store) -> Iterator[HttpProxy]:
    with HttpProxy(store.server_address[1], seed=1) as proxy:
        yield proxy


def put(proxy: HttpProxy, path: str, body: bytes = b"body") -> int:
    connection = http.client.HTTPConnection(LOOPBACK, proxy.port, timeout=5)
    try:
        connection.request("PUT", path, body, {"Host": "signed.example.com", "Expect": "100-continue"})
        return connection.getresponse().status
    finally:
        connection.close()


def test_requests_pass_whole_with_the_host_that_was_signed(proxy: HttpProxy, store: Store) -> None:
    assert put(proxy, "/a?b=c", b"x" * 100_000) == 200
    assert store.objects == {"/a?b=c": b"x" * 100_000}
    assert store.hosts == ["signed.example.com"]
    connection = http.client.HTTPConnection(LOOPBACK, proxy.port, timeout=5)
    connection.request("GET", "/a?b=c")
    response = connection.getresponse()
    assert (response.read(), response.headers["x-kept"]) == (b"x" * 100_000, "yes")
    connection.close()


def test_a_share_of_writes_is_slowed_down_and_never_reaches_the_store(proxy: HttpProxy, store: Store) -> None:
    proxy.trouble = Trouble(slow_down=0.3)
    answers = [put(proxy, f"/{number}") for number in range(100)]
    assert 15 <= answers.count(503) <= 45
    assert len(store.objects) == answers.count(200) == 100 - answers.count(503)


def test_a_lost_response_is_of_a_write_that_was_done(proxy: HttpProxy, store: Store) -> None:
    proxy.trouble = Trouble(lost=1)
    with pytest.raises(http.client.RemoteDisconnected):
        put(proxy, "/a")
    assert store.objects == {"/a": b"body"}
    assert proxy.counts == {"forwarded": 0, "slow_down": 0, "lost": 1, "cut": 0}


def test_a_cut_line_reaches_nobody_and_latency_is_felt(proxy: HttpProxy, store: Store) -> None:
    proxy.trouble = Trouble(cut=True)
    with pytest.raises(http.client.RemoteDisconnected):
        put(proxy, "/a")
    assert not store.objects
    proxy.trouble = Trouble(latency=0.2)
    begun = time.monotonic()
    assert put(proxy, "/a") == 200
    assert time.monotonic() - begun >= 0.2
