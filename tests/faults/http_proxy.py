"""An HTTP proxy before a real S3 store: answers 503, loses responses, takes its time, cuts connections; by a seed."""

import http.client
import random
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from auditseal_local.ports import LOOPBACK, free_ports

_SLOW_DOWN = (
    b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
)
_OURS = {"connection", "expect", "transfer-encoding", "content-length", "keep-alive"}


@dataclass(frozen=True)
class Trouble:
    """The failures of requests; the shares are of PUTs, from 0 to 1.

    Attributes:
        slow_down: Share answered with 503 SlowDown, without reaching the store.
        lost: Share that the store carries out, and whose answer never comes.
        latency: Seconds before each request is handed on.
        cut: Whether every connection is closed unanswered.
    """

    slow_down: float = 0
    lost: float = 0
    latency: float = 0
    cut: bool = False


class HttpProxy:
    """Forwards `127.0.0.1:port` to a store's port. Use as a context manager; `trouble` may change at any time."""

    def __init__(self, target: int, seed: int) -> None:
        self.port = free_ports(1)[0]
        self.trouble = Trouble()
        self.counts = {"forwarded": 0, "slow_down": 0, "lost": 0, "cut": 0}
        self._target, self._dice = target, random.Random(seed)
        self._lock = threading.Lock()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except (OSError, http.client.HTTPException):  # either side went away: so does the other
                    self.close_connection = True

            def __getattr__(self, name: str) -> Any:
                if name.startswith("do_"):
                    return lambda: proxy._handle(self)
                raise AttributeError(name)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base's name)
                pass

        self._server = ThreadingHTTPServer((LOOPBACK, self.port), Handler)
        self._server.daemon_threads = True

    def reseed(self, seed: str) -> None:
        """Begin a new series of fates, which depends on nothing that passed before."""
        with self._lock:
            self._dice = random.Random(seed)

    @property
    def endpoint(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="http-proxy", daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handle(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        trouble = self.trouble
        time.sleep(trouble.latency)
        fate = self._draw(trouble, request.command)
        with self._lock:
            self.counts[fate] += 1
        if fate == "slow_down":
            request.send_response(503, "Slow Down")
            request.send_header("Content-Length", str(len(_SLOW_DOWN)))
            request.end_headers()
            request.wfile.write(_SLOW_DOWN)
        elif fate == "cut":
            request.close_connection = True
        else:
            self._forward(request, body, answer=fate != "lost")

    def _draw(self, trouble: Trouble, method: str) -> str:
        if trouble.cut:
            return "cut"
        if method != "PUT":
            return "forwarded"
        with self._lock:
            drawn = self._dice.random()
        if drawn < trouble.slow_down:
            return "slow_down"
        return "lost" if drawn < trouble.slow_down + trouble.lost else "forwarded"

    def _forward(self, request: BaseHTTPRequestHandler, body: bytes, *, answer: bool) -> None:
        """Hand a request on as it is: its signature covers the host's name too, so that must stay."""
        store = http.client.HTTPConnection(LOOPBACK, self._target, timeout=30)
        try:
            store.putrequest(request.command, request.path, skip_host=True, skip_accept_encoding=True)
            for name, value in request.headers.items():
                if name.lower() not in _OURS:
                    store.putheader(name, value)
            store.putheader("Content-Length", str(len(body)))
            store.endheaders(body)
            response = store.getresponse()
            content = response.read()
            if not answer:
                request.close_connection = True
                return
            request.send_response_only(response.status, response.reason)
            for name, value in response.getheaders():
                if name.lower() not in _OURS:
                    request.send_header(name, value)
            length = response.headers["Content-Length"] if request.command == "HEAD" else str(len(content))
            request.send_header("Content-Length", length or "0")
            request.end_headers()
            request.wfile.write(content)
        finally:
            store.close()
