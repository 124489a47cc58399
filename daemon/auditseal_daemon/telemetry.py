"""A daemon's state over HTTP: `/metrics`, `/healthz` (it works) and `/readyz` (it does its task)."""

import json
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from prometheus_client import CollectorRegistry, Gauge, PlatformCollector, ProcessCollector, make_wsgi_app

from auditseal_daemon.listen import listen


class Health:
    """Named conditions that must all hold before a daemon is ready. Safe to use from any thread."""

    def __init__(self, conditions: Iterable[str]) -> None:
        """Name the conditions; none holds yet."""
        self._missing = dict.fromkeys(conditions, "not yet")
        self._names = frozenset(self._missing)
        self._lock = threading.Lock()

    def hold(self, condition: str) -> None:
        """Say that a condition holds."""
        self._check(condition)
        with self._lock:
            self._missing.pop(condition, None)

    def miss(self, condition: str, why: str) -> None:
        """Say that a condition doesn't hold, and why."""
        self._check(condition)
        with self._lock:
            self._missing[condition] = why

    def missing(self) -> dict[str, str]:
        """Return the conditions that don't hold, each with its reason."""
        with self._lock:
            return dict(self._missing)

    def _check(self, condition: str) -> None:
        if condition not in self._names:
            raise ValueError(f"{condition!r} is not one of the conditions {', '.join(sorted(self._names))}")


def make_registry(component: str, version: str) -> CollectorRegistry:
    """Return a registry that has the process's own metrics and `auditseal_build_info`."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    info = Gauge(
        "auditseal_build_info", "Always 1; the labels say what runs.", ["component", "version"], registry=registry
    )
    info.labels(component, version).set(1)
    return registry


@contextmanager
def serve_telemetry(registry: CollectorRegistry, health: Health, host: str, port: int) -> Iterator[int]:
    """Serve in threads of its own until the context ends; yield the port, a free one where 0 was asked for.

    Raises:
        ConfigurationError: The host is not an address of this machine, or the port is not allowed.
        OSError: Another program listens on the port.
    """
    server = _Server(listen(host, port))
    server.set_app(_application(registry, health))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="telemetry", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingMixIn, WSGIServer):
    """A server on a socket that listens already: of either family, and its start asks no name server."""

    daemon_threads = True

    def __init__(self, listener: socket.socket) -> None:
        address = listener.getsockname()
        super().__init__(address, _QuietHandler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.server_name, self.server_port = address[:2]
        self.setup_environ()


class _QuietHandler(WSGIRequestHandler):
    """A handler that doesn't log every probe, and gives up on a client that says nothing."""

    timeout = 10

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base class's name)
        """Log nothing."""


def _application(registry: CollectorRegistry, health: Health) -> WSGIApplication:
    metrics: WSGIApplication = make_wsgi_app(registry)

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        match environ["PATH_INFO"]:
            case "/metrics":
                return metrics(environ, start_response)
            case "/healthz":
                return _answer(start_response, HTTPStatus.OK, {"alive": True})
            case "/readyz":
                missing = health.missing()
                status = HTTPStatus.SERVICE_UNAVAILABLE if missing else HTTPStatus.OK
                return _answer(start_response, status, {"ready": not missing, "missing": missing})
            case path:
                return _answer(start_response, HTTPStatus.NOT_FOUND, {"unknown": path})

    return application


def _answer(start_response: StartResponse, status: HTTPStatus, body: dict[str, object]) -> Iterable[bytes]:
    content = json.dumps(body).encode() + b"\n"
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(content)))]
    start_response(f"{status.value} {status.phrase}", headers)
    return [content]
