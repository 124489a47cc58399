"""A real HTTP server on loopback whose answers a test writes byte by byte, with pauses between them."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from auditseal_local.ports import LOOPBACK

Answer = Callable[[str], Iterator[bytes | float]]
"""From a request's head to what is sent: bytes, and seconds to wait. The connection stays open after it."""


@dataclass
class HttpServer:
    """A running server.

    Attributes:
        port: Where it listens on loopback.
        scheme: `http` or `https`.
        requests: The head of each request, in the order in which they came.
        most_at_once: How many requests were being answered at once, at most.
    """

    port: int
    scheme: str
    requests: list[str] = field(default_factory=list)
    most_at_once: int = 0

    @property
    def url(self) -> str:
        return f"{self.scheme}://{LOOPBACK}:{self.port}"


@contextmanager
def serving(answer: Answer, tls: ssl.SSLContext | None = None) -> Iterator[HttpServer]:
    """Answer every request by a function while the context lasts."""
    with socket.create_server((LOOPBACK, 0), backlog=256) as listener:
        server = HttpServer(listener.getsockname()[1], "https" if tls else "http")
        is_over, lock, at_once = threading.Event(), threading.Lock(), 0

        def serve(plain: socket.socket) -> None:
            nonlocal at_once
            with suppress(OSError), tls.wrap_socket(plain, server_side=True) if tls else plain as connection:
                while head := _head(connection):
                    with lock:
                        at_once += 1
                        server.most_at_once = max(server.most_at_once, at_once)
                        server.requests.append(head)
                    try:
                        _send(connection, answer(head), is_over)
                    finally:
                        with lock:
                            at_once -= 1

        def accept() -> None:
            with suppress(OSError):
                while True:
                    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield server
        finally:
            is_over.set()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def whole(body: bytes, status: str = "200 OK", *headers: str) -> Iterator[bytes | float]:
    """Return an answer with its length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    yield "\r\n".join([*lines, "", ""]).encode() + body


def dripping(data: bytes, seconds: float) -> Iterator[bytes | float]:
    """Return an answer that comes byte by byte, with so much time between two."""
    for number in range(len(data)):
        yield data[number : number + 1]
        yield seconds


def _head(connection: socket.socket) -> str:
    """Return the head of the next request, empty where the client went away; its body is read and dropped."""
    data = bytearray()
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return ""
        data += piece
    head, _, body = bytes(data).partition(b"\r\n\r\n")
    text = head.decode("latin-1")
    lengths = [line.partition(":")[2] for line in text.split("\r\n") if line.lower().startswith("content-length:")]
    missing = int(lengths[0]) - len(body) if lengths else 0
    while missing > 0:
        missing -= len(connection.recv(min(missing, 1 << 20)))
    return text


def _send(connection: socket.socket, answer: Iterator[bytes | float], is_over: threading.Event) -> None:
    for part in answer:
        if isinstance(part, bytes):
            connection.sendall(part)
        elif is_over.wait(part):
            return
