"""Connections before any login: they are bounded in number, and each has to send its request and take its answer."""

import socket
import time
from collections.abc import Iterator
from http.client import BadStatusLine, HTTPResponse
from urllib.parse import urlsplit

import pytest

from auditseal_explorer import connections
from tests.factory.exploring import exploring, served
from tests.unit.explorer.test_app import TRUST
from tests.unit.search.test_search_command import BLOCKS

SECONDS, MOST = 0.5, 4
PATIENCE = 20.0


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    monkeypatch.setattr(connections, "REQUEST_SECONDS", SECONDS)
    monkeypatch.setattr(connections, "TAKE_SECONDS", SECONDS)
    monkeypatch.setattr(connections, "MOST", MOST)
    with served(exploring(BLOCKS, TRUST)) as address:
        parts = urlsplit(address)
        assert parts.hostname
        assert parts.port
        yield parts.hostname, parts.port


def connected(place: tuple[str, int]) -> socket.socket:
    return socket.create_connection(place, timeout=PATIENCE)


def request(place: tuple[str, int], path: str = "/static/explorer.css", more: str = "") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: {place[0]}:{place[1]}\r\n{more}\r\n".encode()


def received(connection: socket.socket) -> bytes:
    """Return all that comes until the server ends the connection."""
    parts = list[bytes]()
    try:
        while part := connection.recv(1 << 16):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def status(connection: socket.socket) -> int | None:
    """Take a whole answer and return its status, None where the server has closed the connection."""
    answer = HTTPResponse(connection)
    try:
        answer.begin()
    except (ConnectionResetError, BadStatusLine):
        return None
    answer.read()
    return answer.status


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: x", b"GET / HTTP/1.1\r\ncontent-length: 9\r\n"])
def test_a_request_that_does_not_end_is_ended(place: tuple[str, int], sent: bytes) -> None:
    began = time.monotonic()
    with connected(place) as connection:
        connection.sendall(sent)
        assert received(connection) == b""
    assert SECONDS * 0.9 < time.monotonic() - began < PATIENCE


def test_a_byte_now_and_then_does_not_help(place: tuple[str, int]) -> None:
    with connected(place) as connection, pytest.raises((BrokenPipeError, ConnectionResetError)):  # noqa: PT012
        for _ in range(200):
            connection.sendall(b"G")
            time.sleep(SECONDS / 5)


def test_a_body_that_does_not_end_is_ended_after_its_answer(place: tuple[str, int]) -> None:
    with connected(place) as connection:
        connection.sendall(request(place, more="content-length: 1000\r\n") + b"x")
        assert received(connection).startswith(b"HTTP/1.1 200")


def test_a_connection_is_used_again_after_the_time_of_its_first_request(place: tuple[str, int]) -> None:
    with connected(place) as connection:
        for _ in range(3):
            connection.sendall(request(place))
            assert status(connection) == 200
            time.sleep(SECONDS * 0.8)


def test_a_next_request_has_to_end_in_time_too(place: tuple[str, int]) -> None:
    with connected(place) as connection:
        connection.sendall(request(place))
        assert status(connection) == 200
        time.sleep(0.1)
        connection.sendall(b"GET / HTTP/1.1\r\n")
        began = time.monotonic()
        received(connection)
        assert time.monotonic() - began < PATIENCE / 2


def test_more_connections_are_closed_until_others_end(place: tuple[str, int]) -> None:
    several = [connected(place) for _ in range(MOST)]
    try:
        for connection in several:
            connection.sendall(request(place))
            assert status(connection) == 200
        with connected(place) as another:
            assert received(another) == b""
    finally:
        for connection in several:
            connection.close()
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        with connected(place) as connection:
            connection.sendall(request(place))
            if status(connection) == 200:
                return
    pytest.fail("no connection was taken again")


def test_answers_that_are_not_taken_are_ended(place: tuple[str, int]) -> None:
    asked = 2_000
    with connected(place) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)  # less takes minutes to drain
        try:
            connection.sendall(request(place) * asked)
            time.sleep(SECONDS * 4)
        except ConnectionResetError:
            return
        assert received(connection).count(b"HTTP/1.1 200") < asked


def test_a_websocket_is_not_spoken(place: tuple[str, int]) -> None:
    upgrade = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: x\r\n"
    with connected(place) as connection:
        connection.sendall(request(place, more=upgrade))
        assert status(connection) == 200
