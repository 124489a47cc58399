"""What the middleware adds to a request: CPU time of the thread that answers it, next to applications without it."""

import asyncio
import json
from collections.abc import Callable, Iterable
from time import sleep, thread_time, time_ns
from typing import Any, Unpack
from urllib.parse import parse_qs, urlsplit, urlunsplit
from uuid import uuid4

from confluent_kafka.admin import AdminClient, NewTopic

from auditseal_glue import HttpAudit, asgi, wsgi
from auditseal_producer import Actor, AsyncAuditProducer, AuditProducer, EventFields, PendingReceipt, ProducerConfig
from auditseal_producer.client_log import ClientLog
from auditseal_producer.testing import AsyncRecordedEvents, RecordedEvents
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
_DROPPED = PendingReceipt("", "", ClientLog(None))


class _Nothing(RecordedEvents):
    """Drops every event: the rest is the middleware's own part."""

    def record(self, **_: Unpack[EventFields]) -> PendingReceipt:
        """Drop the event."""
        return _DROPPED


class _AsyncNothing(AsyncRecordedEvents):
    async def accept(self, **_: Unpack[EventFields]) -> PendingReceipt:
        """Drop the event."""
        return _DROPPED


def measure(bootstrap_servers: str, requests: int = 5_000) -> dict[str, float]:
    """Send requests, 1 ms apart, by each of several applications in turn: a load of the machine meets all alike.

    Returns quantiles in microseconds of CPU time, less the median of an application without middleware:

    - `asgi_own_p50`, `asgi_own_p99`, ...: with the middleware, and a recorder that does nothing: its own part
    - `asgi_p99`, ...: with the middleware and a producer on a real broker
    - `asgi_bare_p99`, ...: without middleware
    - `asgi_noop_p99`, ...: with a middleware that only calls the application
    - `asgi_library_p50`, `asgi_library_p99`, ...: with one that does some microseconds of work of the standard library
    """
    topic = f"bench.middleware.{time_ns()}"
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(20)
    config = ProducerConfig(bootstrap_servers=bootstrap_servers, topic=topic, service="bench", environment="bench")
    with AuditProducer(config) as producer:
        apps: dict[str, wsgi.App] = {
            "bare": _wsgi_app,
            "noop": _wsgi_noop,
            "library": _wsgi_library,
            "own": wsgi.AuditMiddleware(_wsgi_app, _Nothing(), _AUDIT),
            "whole": wsgi.AuditMiddleware(_wsgi_app, producer, _AUDIT),
        }
        figures = _figures("wsgi", _run_wsgi(apps, requests))
    return figures | asyncio.run(_measure_asgi(config, requests))


async def _measure_asgi(config: ProducerConfig, requests: int) -> dict[str, float]:
    async with AsyncAuditProducer(config) as producer:
        apps: dict[str, asgi.App] = {
            "bare": _asgi_app,
            "noop": _asgi_noop,
            "library": _asgi_library,
            "own": asgi.AuditMiddleware(_asgi_app, _AsyncNothing(), _AUDIT),
            "whole": asgi.AuditMiddleware(_asgi_app, producer, _AUDIT),
        }
        return _figures("asgi", await _run_asgi(apps, requests))


def _figures(kind: str, seconds: dict[str, list[float]]) -> dict[str, float]:
    floor = _quantile(seconds["bare"], 50)
    above = {
        f"{kind}_{name}_p{share}": (_quantile(some, share) - floor) * 1e6
        for name, some in seconds.items()
        for share in (50, 99)
    }
    return above | {f"{kind}_p99": above[f"{kind}_whole_p99"]}


def _quantile(seconds: list[float], share: int) -> float:
    return sorted(seconds)[len(seconds) * share // 100]


async def _asgi_noop(scope: Any, receive: Any, send: Any) -> None:
    await _asgi_app(scope, receive, send)


def _wsgi_noop(environ: Any, start_response: Any) -> list[bytes]:
    return _wsgi_app(environ, start_response)


async def _asgi_library(scope: Any, receive: Any, send: Any) -> None:
    _library_work()
    await _asgi_app(scope, receive, send)


def _wsgi_library(environ: Any, start_response: Any) -> list[bytes]:
    _library_work()
    return _wsgi_app(environ, start_response)


def _library_work() -> object:
    """Read a URL and its query by the standard library, about as much code as the middleware's."""
    url = urlsplit(f"http://invoices.example.com/invoices/{uuid4()}?page=2&token=abc&sort=amount#end")
    return parse_qs(url.query), url.port, json.dumps(dict(_HEADERS)), urlunsplit(url)


async def _asgi_app(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})


def _wsgi_app(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return [b"ok"]


async def _run_asgi(apps: dict[str, asgi.App], requests: int) -> dict[str, list[float]]:
    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        pass

    seconds: dict[str, list[float]] = {name: [] for name in apps}
    for number in range(requests):
        for name, app in apps.items():
            scope = http_scope("GET", f"/invoices/{number}", "page=2&token=abc", _HEADERS)
            await asyncio.sleep(_PAUSE)
            started = thread_time()
            await app(scope, receive, send)
            seconds[name].append(thread_time() - started)
    return seconds


def _run_wsgi(apps: dict[str, wsgi.App], requests: int) -> dict[str, list[float]]:
    def start_response(*_: Any) -> Callable[[bytes], object]:
        return len

    headers = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in _HEADERS}
    seconds: dict[str, list[float]] = {name: [] for name in apps}
    for number in range(requests):
        for name, app in apps.items():
            environ = {"REQUEST_METHOD": "GET", "PATH_INFO": f"/invoices/{number}", "QUERY_STRING": "page=2", **headers}
            sleep(_PAUSE)
            started = thread_time()
            _read(app(environ, start_response))
            seconds[name].append(thread_time() - started)
    return seconds


def _read(body: Iterable[bytes]) -> None:
    for _ in body:
        pass
