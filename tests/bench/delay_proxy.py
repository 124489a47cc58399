"""A proxy that hands every piece on after a delay, like a store that is far away: `python -m tests.bench.delay_proxy`.

On SIGUSR1 it prints how many requests it has handed on.

It is a process of its own and does as little as it can, so that what is measured is the reader and the store.
"""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from auditseal_local.ports import LOOPBACK, free_ports


class _Store(asyncio.Protocol):
    """The connection to the store; its answers are handed on at once."""

    def __init__(self, client: asyncio.Transport) -> None:
        self._client = client

    def data_received(self, data: bytes) -> None:
        self._client.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        self._client.close()


class _Client(asyncio.Protocol):
    """A client's connection; its requests are handed on after the delay."""

    requests = 0

    def __init__(self, target: int, delay: float) -> None:
        self._target, self._delay = target, delay

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        loop = asyncio.get_running_loop()
        self._store = loop.create_task(loop.create_connection(lambda: _Store(transport), LOOPBACK, self._target))

    def data_received(self, data: bytes) -> None:
        _Client.requests += data.count(b" HTTP/1.1\r\n")
        asyncio.get_running_loop().call_later(self._delay, self._hand_on, data)

    def connection_lost(self, error: Exception | None) -> None:
        self._store.add_done_callback(lambda store: store.result()[0].close())

    def _hand_on(self, data: bytes) -> None:
        self._store.add_done_callback(lambda store: store.result()[0].write(data))


class DelayProxy:
    """A proxy that runs.

    Attributes:
        port: Its own port.
    """

    def __init__(self, port: int, process: "subprocess.Popen[bytes]") -> None:
        self.port, self._process = port, process

    def requests(self) -> int:
        """Return how many HTTP requests it has handed on."""
        assert self._process.stdout is not None
        self._process.send_signal(signal.SIGUSR1)
        return int(self._process.stdout.readline())


@contextmanager
def delayed(target: int, seconds: float) -> Iterator[DelayProxy]:
    """Run a proxy to a port of this machine."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "tests.bench.delay_proxy", str(port), str(target), str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield DelayProxy(port, process)
        finally:
            process.terminate()


async def _serve(port: int, target: int, delay: float) -> None:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, lambda: print(_Client.requests, flush=True))
    server = await loop.create_server(lambda: _Client(target, delay), LOOPBACK, port, backlog=256)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
