"""The TCP proxy and its gates, before a server that answers frames with frames."""

import socket
import struct
import threading
import time
from collections.abc import Iterator
from typing import Self

import pytest

from auditseal_local.ports import LOOPBACK
from tests.faults.kafka_gate import Api, LateRequest, LostResponse, SwallowedResponse, is_commit
from tests.faults.tcp_proxy import Direction, TcpProxy

COMMIT, ABORT = b"\x01", b"\x00"


def request(api: Api, number: int, body: bytes = b"") -> bytes:
    return struct.pack(">hhi", api, 1, number) + body


class Echo:
    """Answers each request with its correlation id, and remembers what came, over all connections."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []
        self.listener = socket.create_server((LOOPBACK, 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        return self.listener.getsockname()[1]

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream:
            while header := stream.read(4):
                frame = stream.read(int.from_bytes(header, "big"))
                self.seen.append(frame)
                connection.sendall(struct.pack(">i", 4) + frame[4:8])


class Client:
    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection((LOOPBACK, port), timeout=60)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, frame: bytes) -> None:
        self.socket.sendall(struct.pack(">i", len(frame)) + frame)

    def ask(self, frame: bytes) -> int:
        """Return the correlation id of the answer."""
        self.send(frame)
        size, number = struct.unpack(">ii", self.socket.recv(8, socket.MSG_WAITALL))
        assert size == 4
        return number


@pytest.fixture
def echo() -> Iterator[Echo]:
    server = Echo()
    yield server
    server.listener.shutdown(socket.SHUT_RDWR)
    server.listener.close()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[TcpProxy]:
    with TcpProxy(echo.port) as proxy:
        yield proxy


@pytest.fixture
def client(proxy: TcpProxy) -> Iterator[Client]:
    with Client(proxy.port) as client:
        yield client


def test_frames_pass_and_delays_are_felt(proxy: TcpProxy, client: Client) -> None:
    assert client.ask(request(Api.PRODUCE, 7)) == 7
    proxy.delay[Direction.RESPONSE] = 0.2
    begun = time.monotonic()
    assert client.ask(request(Api.PRODUCE, 8, b"x" * 100_000)) == 8
    assert time.monotonic() - begun >= 0.2


def test_a_reset_ends_connections_and_a_cut_new_ones_too(proxy: TcpProxy, client: Client) -> None:
    client.ask(request(Api.PRODUCE, 1))
    proxy.reset()
    with pytest.raises((OSError, struct.error)):
        client.ask(request(Api.PRODUCE, 2))
    with Client(proxy.port) as again:
        assert again.ask(request(Api.PRODUCE, 3)) == 3
    proxy.cut()
    with pytest.raises((OSError, struct.error)), Client(proxy.port) as refused:
        refused.ask(request(Api.PRODUCE, 4))
    proxy.mend()
    with Client(proxy.port) as mended:
        assert mended.ask(request(Api.PRODUCE, 5)) == 5


def test_a_held_direction_comes_through_when_mended(proxy: TcpProxy, client: Client, echo: Echo) -> None:
    proxy.hold(Direction.RESPONSE)
    client.send(request(Api.PRODUCE, 1))
    deadline = time.monotonic() + 60
    while not echo.seen:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    client.socket.settimeout(0.2)
    with pytest.raises(TimeoutError):
        client.socket.recv(8)
    assert echo.seen == [request(Api.PRODUCE, 1)]
    proxy.mend()
    client.socket.settimeout(60)
    assert client.socket.recv(8, socket.MSG_WAITALL) == struct.pack(">ii", 4, 1)


@pytest.mark.parametrize(("version", "tail"), [(0, b""), (2, b""), (3, b"\x00"), (5, b"\x00")])
def test_a_commit_is_told_from_an_abort_in_every_version(version: int, tail: bytes) -> None:
    def end(flag: bytes, api: int = Api.END_TXN) -> bytes:
        return struct.pack(">hhi", api, version, 1) + b"\x00\x02id" + bytes(10) + flag + tail

    assert is_commit(end(COMMIT))
    assert not is_commit(end(ABORT))
    assert not is_commit(end(COMMIT, Api.PRODUCE))


def test_exactly_the_response_to_a_commit_is_lost(proxy: TcpProxy, client: Client, echo: Echo) -> None:
    gate = LostResponse()
    proxy.gate = gate
    assert client.ask(request(Api.END_TXN, 1, ABORT)) == 1
    with pytest.raises((OSError, struct.error)):
        client.ask(request(Api.END_TXN, 2, COMMIT))
    assert gate.done.wait(60)
    assert echo.seen[-1] == request(Api.END_TXN, 2, COMMIT)
    with Client(proxy.port) as again:
        assert again.ask(request(Api.END_TXN, 3, COMMIT)) == 3


def test_the_responses_to_commits_are_swallowed_on_one_connection_that_stays_open(
    proxy: TcpProxy, client: Client, echo: Echo
) -> None:
    gate = SwallowedResponse()
    proxy.gate = gate
    assert client.ask(request(Api.END_TXN, 1, ABORT)) == 1
    for number in (2, 3):
        client.send(request(Api.END_TXN, number, COMMIT))
    assert gate.done.wait(60)
    assert client.ask(request(Api.PRODUCE, 4)) == 4  # the next answer on the connection is that to the next request
    with Client(proxy.port) as other:
        assert other.ask(request(Api.END_TXN, 5, COMMIT)) == 5
    assert echo.seen[1:3] == [request(Api.END_TXN, number, COMMIT) for number in (2, 3)]


@pytest.mark.parametrize("behind", [1, 2])
def test_a_commit_arrives_after_later_transactions_have_begun(
    proxy: TcpProxy, client: Client, echo: Echo, behind: int
) -> None:
    gate = LateRequest(behind)
    proxy.gate = gate
    client.send(request(Api.END_TXN, 1, COMMIT))
    assert gate.held.wait(60)
    client.socket.close()
    with Client(proxy.port) as other:
        apis = (Api.PRODUCE, Api.INIT_PRODUCER_ID, Api.ADD_PARTITIONS, *[Api.PRODUCE] * behind)
        for number, api in enumerate(apis, 2):
            assert not gate.delivered.is_set()
            assert other.ask(request(api, number)) == number
        assert gate.delivered.wait(60)
        assert gate.answered.wait(60)
        deadline = time.monotonic() + 60
        while request(Api.END_TXN, 1, COMMIT) not in echo.seen:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        # Two connections carry them, so that it may overtake the last of these requests, and none of those before.
        assert echo.seen.index(request(Api.END_TXN, 1, COMMIT)) >= 3
