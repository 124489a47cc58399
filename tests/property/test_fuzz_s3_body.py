"""Answers of an S3 store over a real connection: no more of a body is read than may be parsed, however it is sent."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import ClassVar

import pytest

from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.limits import MIB
from auditseal_vault.interface import VaultReader
from auditseal_vault.open import open_reader
from tests.property.test_fuzz_bombs import bounded

HUGE = 200  # MiB
PAGE = b"<ListVersionsResult><IsTruncated>false</IsTruncated></ListVersionsResult>"


class Store(BaseHTTPRequestHandler):
    """Answers every request with the status and the parts that are set, each under its own length or in chunks."""

    protocol_version = "HTTP/1.1"
    status: ClassVar[int] = 200
    parts: ClassVar[list[bytes]] = []
    sends_chunks: ClassVar[bool] = False
    sent: ClassVar[int] = 0

    def do_GET(self) -> None:
        self.send_response(self.status)
        if self.sends_chunks:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(sum(map(len, self.parts))))
        self.end_headers()
        try:
            for part in self.parts:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part) if self.sends_chunks else part)
                Store.sent += len(part)
            if self.sends_chunks:
                self.wfile.write(b"0\r\n\r\n")
        except OSError:  # nobody listens any more
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[VaultReader]:
    """Return the vault of a store that answers as `Store` is set."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "any")
    for name, value in {"status": 200, "parts": [PAGE], "sends_chunks": False, "sent": 0}.items():
        monkeypatch.setattr(Store, name, value)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Store)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield open_reader(f"s3://bucket?endpoint=http://127.0.0.1:{server.server_port}&region=us-east-1")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("sends_chunks", [False, True])
def test_a_page_is_read_whole(store: VaultReader, monkeypatch: pytest.MonkeyPatch, sends_chunks: bool) -> None:
    monkeypatch.setattr(Store, "sends_chunks", sends_chunks)
    monkeypatch.setattr(Store, "parts", [PAGE[:10], PAGE[10:]])
    for _ in range(3):  # over one connection
        assert list(store.versions("v1/")) == []


@pytest.mark.parametrize("sends_chunks", [False, True])
@pytest.mark.parametrize("status", [200, 403, 503])
def test_a_body_without_an_end_is_left(
    store: VaultReader, monkeypatch: pytest.MonkeyPatch, status: int, sends_chunks: bool
) -> None:
    """botocore alone took twice as much memory as was sent."""
    assert list(store.versions("v1/")) == []  # what a first answer takes isn't counted
    piece = b" " * MIB
    monkeypatch.setattr(Store, "status", status)
    monkeypatch.setattr(Store, "sends_chunks", sends_chunks)
    monkeypatch.setattr(Store, "parts", [piece] * HUGE)
    with bounded(5), pytest.raises(UnavailableError, match="more than 5242880 bytes"):
        list(store.versions("v1/"))
    assert Store.sent < HUGE * MIB / 2


def test_a_body_that_breaks_off_is_an_error(store: VaultReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Store, "parts", [PAGE[:-5]])
    with pytest.raises(UnavailableError):
        list(store.versions("v1/"))
