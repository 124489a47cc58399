"""The gateway at 2,000 events a second, next to a bare Starlette handler on the same server: latency and memory.

Run as a command (`make bench-gateway`), it prints the figures as JSON. The load is open: a request has its time, and
its latency is from that time to its answer, also if earlier ones are late.
"""

import json
import re
import select
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path

from confluent_kafka.admin import AdminClient, NewTopic

from auditseal_local.kafka import KafkaNode
from auditseal_local.ports import accepts, free_ports
from tests.bench.bench_verify import cpu_seconds, kib
from tests.bench.targets import Figures
from tests.factory.gateway import EVENT, PATH, TOKENS, clients_file, gateway_process

MOST_P99_MS = 50.0
MOST_MIB = 200.0
_EVENTS = 2_000  # a second
_SECONDS = 10
_CONNECTIONS = 40
_LONGEST_SECONDS = 5.0  # without an answer
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_BARE = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
async def take(request):
    return JSONResponse({"events": len(await request.body())})
app = Starlette(routes=[Route("/v1/events", take, methods=["POST"])])
uvicorn.run(app, port=int(sys.argv[1]), http="httptools", loop="uvloop", access_log=False, log_level="error")
"""


def measure(bootstrap_servers: str, batches: tuple[int, ...] = (1, 10)) -> Figures:
    """Send events for ten seconds, in requests of each size, acks=all, one broker.

    Returns for each size the p50 and p99 in ms and the CPU in µs an event (`p99_ms_10`, `cpu_us_10`), those of the bare
    handler (`bare_p99_ms_10`, ...), and the gateway's peak in MiB (`peak_mib`).
    """
    figures: Figures = {}
    topic = f"bench.gateway.{time.time_ns()}"
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(20)
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "auditseal.toml"
        clients = clients_file(Path(folder) / "clients.toml")
        kafka = f'events_topic = "{topic}"\n[kafka]\nbootstrap_servers = "{bootstrap_servers}"\n'
        config.write_text(f'{kafka}[gateway]\nport = 0\nclients_file = "{clients}"\n')
        with _bare() as (process, port):
            for batch in batches:
                figures |= _run(f"bare_{{}}_{batch}", process.pid, port, batch)
        with gateway_process(config) as (gateway, _, url):
            port = int(url.rpartition(":")[2])
            _load(port, 10, 1)  # the connection to the broker, and what is compiled at first use
            for batch in batches:
                figures |= _run(f"{{}}_{batch}", gateway.pid, port, batch)
            figures["peak_mib"] = kib(gateway.pid, "status", "VmHWM:") / 1024
    return figures


_EVENT = json.dumps({**EVENT, "event_id": "019390a0-0000-7000-8000-%012x"}).encode()
_HEAD = (
    f"POST {PATH} HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/json\r\n"
    f"authorization: Bearer {TOKENS['billing']}\r\ncontent-length: "
).encode()


@contextmanager
def _bare() -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    (port,) = free_ports(1)
    with subprocess.Popen([sys.executable, "-c", _BARE, str(port)]) as process:
        try:
            while not accepts(port):
                time.sleep(0.05)
            yield process, port
        finally:
            process.kill()


def _load(port: int, batch: int, seconds: float) -> list[float]:
    """Return the latencies of all requests in seconds, in order of size."""
    requests, every, ids = int(_EVENTS / batch * seconds), batch / _EVENTS, count(time.time_ns())
    begun, sent, latencies = time.perf_counter() + 0.1, 0, list[float]()
    with ExitStack() as opened, select.epoll() as poll:
        free = deque(  # the longest idle first: a server closes one that is idle for seconds
            _Exchange(opened.enter_context(socket.create_connection(("127.0.0.1", port)))) for _ in range(_CONNECTIONS)
        )
        by_number = {each.connection.fileno(): each for each in free}
        for number in by_number:
            poll.register(number, select.EPOLLIN)
        while len(latencies) < requests:
            while free and sent < requests and (due := begun + sent * every) <= time.perf_counter():
                free.popleft().send(_request(list(islice(ids, batch))), due)
                sent += 1
            wait = begun + sent * every - time.perf_counter() if free and sent < requests else _LONGEST_SECONDS
            for number, _ in poll.poll(max(0.0, wait)):
                exchange = by_number[number]
                if exchange.receive():
                    latencies.append(time.perf_counter() - exchange.due)
                    free.append(exchange)
    return sorted(latencies)


@dataclass(slots=True)
class _Exchange:
    """A connection, the request that it carries and the answer as far as it came. It costs a few µs a request.

    The load shares the machine's cores with the gateway and the broker: an asyncio client would take as much as those.
    """

    connection: socket.socket
    due: float = 0.0
    answer: bytes = b""

    def send(self, request: bytes, due: float) -> None:
        """Send a request, which fits into the socket's buffer."""
        self.due, self.answer = due, b""
        self.connection.sendall(request)

    def receive(self) -> bool:
        """Read what is there; return whether the answer is whole."""
        self.answer += self.connection.recv(1 << 16)
        head, end, body = self.answer.partition(b"\r\n\r\n")
        assert self.answer.startswith(b"HTTP/1.1 200 "), self.answer[:200]
        length = _LENGTH.search(head)
        return bool(end) and length is not None and len(body) == int(length[1])


def _request(numbers: Sequence[int]) -> bytes:
    """Return a request with an event for each number. Each has an `event_id` of its own, as a client that retries."""
    events = [_EVENT % (number & (1 << 48) - 1) for number in numbers]
    body = events[0] if len(events) == 1 else b"[" + b",".join(events) + b"]"
    return b"%b%d\r\n\r\n%b" % (_HEAD, len(body), body)


def _run(name: str, pid: int, port: int, batch: int) -> Figures:
    before = cpu_seconds(pid)
    latencies = _load(port, batch, _SECONDS)
    spent, last = cpu_seconds(pid) - before, len(latencies) - 1
    quantiles = {name.format(f"p{share}_ms"): latencies[last * share // 100] * 1000 for share in (50, 99)}
    return {**quantiles, name.format("cpu_us"): spent * 1e6 / len(latencies) / batch}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as data, KafkaNode(Path(data)) as node:
        print(json.dumps(measure(node.bootstrap_servers), indent=1))
