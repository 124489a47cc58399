"""What the middleware adds to a request: CPU time of the thread that answers it, next to an empty application."""

import asyncio
from collections.abc import Callable, Iterable
from time import sleep, thread_time, time_ns
from typing import Any

from confluent_kafka.admin import AdminClient, NewTopic

from auditseal_glue import HttpAudit, asgi, wsgi
from auditseal_producer import Actor, AsyncAuditProducer, AuditProducer, EventFields, ProducerConfig
from tests.factory.asgi_exchange import http_scope

MOST = 100.0  # µs
_PAUSE = 0.001  # s between two requests, so that caches are as cold as in a service
_HEADERS = [
    ("host", "invoices.example.com"),
    ("user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"),
    ("accept", "application/json"),
    ("authorization", "Bearer 0123456789"),
    ("x-request-id", "0191e3a0-7b6c-7def-8123-456789abcdef"),
    ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ("x-tenant", "acme"),
]
_AUDIT = HttpAudit(actor=lambda _: Actor("user", "u-1842"), headers=("x-tenant",))


class _Nothing:
    """Drops every event: the rest is the middleware's own part."""

    def record(self, **fields: EventFields) -> None:
        """Drop the event."""


class _AsyncNothing:
    async def accept(self, **fields: EventFields) -> None:
        """Drop the event."""


def measure(bootstrap_servers: str, requests: int = 5_000) -> dict[str, float]:
    """Send requests, 1 ms apart: with a recorder that does nothing, and with a producer on a real broker.

    Returns quantiles in microseconds of CPU time, less the median of an application without middleware: of the
    middleware's own part (`asgi_own_p50`, `asgi_own_p99`, ...), of all that it adds (`asgi_p99`, `wsgi_p99`), and of
    the application without it (`bare_p99`), which is what the machine itself adds to one request in a hundred.
    """
    topic = f"bench.middleware.{time_ns()}"
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(20)
    config = ProducerConfig(bootstrap_servers=bootstrap_servers, topic=topic, service="bench", environment="bench")
    with AuditProducer(config) as producer:
        floor = _run_wsgi(_wsgi_app, requests)
        own = _run_wsgi(wsgi.AuditMiddleware(_wsgi_app, _Nothing(), _AUDIT), requests)  # type: ignore[arg-type]
        whole = _run_wsgi(wsgi.AuditMiddleware(_wsgi_app, producer, _AUDIT), requests)
        figures = {
            "wsgi_own_p50": _above(own, floor, 50),
            "wsgi_own_p99": _above(own, floor, 99),
            "wsgi_p99": _above(whole, floor, 99),
        }
    return figures | asyncio.run(_measure_asgi(config, requests))


async def _measure_asgi(config: ProducerConfig, requests: int) -> dict[str, float]:
    async with AsyncAuditProducer(config) as producer:
        floor = await _run_asgi(_asgi_app, requests)
        own = await _run_asgi(asgi.AuditMiddleware(_asgi_app, _AsyncNothing(), _AUDIT), requests)  # type: ignore[arg-type]
        whole = await _run_asgi(asgi.AuditMiddleware(_asgi_app, producer, _AUDIT), requests)
    return {
        "asgi_own_p50": _above(own, floor, 50),
        "asgi_own_p99": _above(own, floor, 99),
        "asgi_p99": _above(whole, floor, 99),
        "bare_p99": _above(floor, floor, 99),
    }


def _above(seconds: list[float], floor: list[float], share: int) -> float:
    return (seconds[len(seconds) * share // 100] - floor[len(floor) // 2]) * 1e6


async def _asgi_app(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})


def _wsgi_app(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return [b"ok"]


async def _run_asgi(app: asgi.App, requests: int) -> list[float]:
    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        pass

    seconds = []
    for number in range(requests):
        scope = http_scope("GET", f"/invoices/{number}", "page=2&token=abc", _HEADERS)
        await asyncio.sleep(_PAUSE)
        started = thread_time()
        await app(scope, receive, send)
        seconds.append(thread_time() - started)
    return sorted(seconds)


def _run_wsgi(app: wsgi.App, requests: int) -> list[float]:
    def start_response(*_: Any) -> Callable[[bytes], object]:
        return len

    headers = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in _HEADERS}
    seconds = []
    for number in range(requests):
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": f"/invoices/{number}", "QUERY_STRING": "page=2", **headers}
        sleep(_PAUSE)
        started = thread_time()
        _read(app(environ, start_response))
        seconds.append(thread_time() - started)
    return sorted(seconds)


def _read(body: Iterable[bytes]) -> None:
    for _ in body:
        pass
