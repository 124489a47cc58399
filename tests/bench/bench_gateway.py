"""The gateway at 2,000 events a second, next to a bare Starlette handler on the same server: latency and memory.

Run as a command (`make bench-gateway`), it prints the figures as JSON. The load is open: a request has its time, and
its latency is from that time to its answer, also if earlier ones are late.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from confluent_kafka.admin import AdminClient, NewTopic

from auditseal_local.kafka import KafkaNode
from auditseal_local.ports import accepts, free_ports
from tests.bench.bench_verify import kib
from tests.bench.targets import Figures
from tests.factory.gateway import EVENT, PATH, TOKENS, clients_file, gateway_process

MOST_P99_MS = 50.0
MOST_MIB = 200.0
_EVENTS = 2_000  # a second
_SECONDS = 10
_CONNECTIONS = 40
_BARE = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
async def take(request):
    return JSONResponse({"events": len(await request.body())})
app = Starlette(routes=[Route("/v1/events", take, methods=["POST"])])
uvicorn.run(app, port=int(sys.argv[1]), http="httptools", loop="asyncio", access_log=False, log_level="error")
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
            asyncio.run(_load(port, 10, 1))  # the connection to the broker, and what is compiled at first use
            for batch in batches:
                figures |= _run(f"{{}}_{batch}", gateway.pid, port, batch)
            figures["peak_mib"] = kib(gateway.pid, "status", "VmHWM:") / 1024
    return figures


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


async def _load(port: int, batch: int, seconds: float) -> list[float]:
    """Return the latencies of all requests in seconds, in order of size."""
    requests = int(_EVENTS / batch * seconds)
    every, begun, latencies = batch / _EVENTS, asyncio.get_running_loop().time() + 0.1, list[float]()
    due = iter(range(requests))

    async def send() -> None:
        loop = asyncio.get_running_loop()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        request = _request(batch)
        for number in due:  # the next one that nobody has taken
            time_due = begun + number * every
            await asyncio.sleep(max(0.0, time_due - loop.time()))
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 "), head
            length = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
            await reader.readexactly(int(length.split(b":")[1]))
            latencies.append(loop.time() - time_due)
        writer.close()

    await asyncio.gather(*(send() for _ in range(_CONNECTIONS)))
    return sorted(latencies)


def _request(batch: int) -> bytes:
    body = json.dumps(EVENT if batch == 1 else [EVENT] * batch).encode()
    lines = [f"POST {PATH} HTTP/1.1", "host: gateway", "content-type: application/json"]
    lines += [f"authorization: Bearer {TOKENS['billing']}", f"content-length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def _run(name: str, pid: int, port: int, batch: int) -> Figures:
    before = _cpu_seconds(pid)
    latencies = asyncio.run(_load(port, batch, _SECONDS))
    spent, last = _cpu_seconds(pid) - before, len(latencies) - 1
    quantiles = {name.format(f"p{share}_ms"): latencies[last * share // 100] * 1000 for share in (50, 99)}
    return {**quantiles, name.format("cpu_us"): spent * 1e6 / len(latencies) / batch}


def _cpu_seconds(pid: int) -> float:
    user, system, *_ = psutil.Process(pid).cpu_times()
    return float(user + system)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as data, KafkaNode(Path(data)) as node:
        print(json.dumps(measure(node.bootstrap_servers), indent=1))
