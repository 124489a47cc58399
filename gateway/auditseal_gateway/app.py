"""The routes, and how a request is answered: who asks, what it holds, what became of each event."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from importlib.resources import files

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from auditseal_daemon.throttle import Throttle
from auditseal_gateway.answers import answer, otlp_answer, otlp_problem, problem
from auditseal_gateway.body import read_body
from auditseal_gateway.cloud_events import BATCH, parse_cloud_events
from auditseal_gateway.config import Limits
from auditseal_gateway.connections import CERTIFICATE
from auditseal_gateway.errors import LoginError, RequestError
from auditseal_gateway.events_json import Parsed, parse_events
from auditseal_gateway.kubernetes_audit import parse_event_list
from auditseal_gateway.login import Login
from auditseal_gateway.metrics import GatewayMetrics
from auditseal_gateway.otlp_logs import parse_logs
from auditseal_gateway.recorder import Recorder
from auditseal_gateway.results import Result
from auditseal_schemas.event_parts import Source

_BUSY_SECONDS = 1
_KEY_CHARACTERS = 255
_log = structlog.get_logger(__name__)
_throttle = Throttle()


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose client is known and whose body is read."""

    source: Source
    media_type: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Way:
    """One way in: how a request is read, and how its results and its refusal are answered."""

    name: str
    parse: Callable[[Call], list[Parsed]]
    answer: Callable[[Call, Sequence[Result]], Response]
    refuse: Callable[[RequestError, str], Response]


@dataclass(slots=True)
class Gateway:
    """Answers requests.

    Attributes:
        login: Finds a request's client.
        recorder: Records its events.
        metrics: Counts.
        limits: What a client may take.
    """

    login: Login
    recorder: Recorder
    metrics: GatewayMetrics
    limits: Limits
    _at_once: int = field(default=0, init=False)

    async def handle(self, way: Way, request: Request) -> Response:
        """Answer a request."""
        begun = time.perf_counter()
        self._at_once += 1
        try:
            response = await self._answer(way, request)
        except RequestError as error:
            response = self._refuse(way, request, error)
        except ClientDisconnect:
            response = Response(status_code=400)  # nobody reads it; nothing of the request is recorded
        finally:
            self._at_once -= 1
        self.metrics.requests.labels(way.name, str(response.status_code)).inc()
        self.metrics.duration.labels(way.name).observe(time.perf_counter() - begun)
        return response

    async def _answer(self, way: Way, request: Request) -> Response:
        if self._at_once > self.limits.requests:
            raise RequestError(503, "the gateway answers as many requests as it can: try again", _BUSY_SECONDS)
        names: Sequence[str] = getattr(request.state, CERTIFICATE, ())
        client = await self.login.client_of(request.headers.get("authorization"), names)
        body = await read_body(request.headers, request.stream(), self.limits)
        call = Call(client.source, _media_type(request), dict(request.headers), body)
        items = way.parse(call)
        if not items:
            raise RequestError(400, "the request holds no event")
        most = self.limits.batch
        if len(items) > most:
            raise RequestError(413, f"{len(items)} events are more than {most}: send fewer events a request")
        results = await self.recorder.record(client.source, items)
        self.metrics.count(way.name, results)
        return way.answer(call, results)

    def _refuse(self, way: Way, request: Request, error: RequestError) -> Response:
        if isinstance(error, LoginError):
            self.metrics.refused_logins.labels(error.method).inc()
            peer = request.client.host if request.client else "unknown"
            if _throttle.allows(error.method):
                _log.warning("login refused", method=error.method, peer=peer, problem=str(error))
        return way.refuse(error, _media_type(request))


def make_app(gateway: Gateway) -> Starlette:
    """Return the application."""
    routes = [Route(path, _endpoint(gateway, way), methods=["POST"]) for path, way in WAYS.items()]
    describe = Route("/v1/openapi.json", _describe, methods=["GET"])
    return Starlette(routes=[*routes, describe], exception_handlers={HTTPException: _answer_no_route})


def _endpoint(gateway: Gateway, way: Way) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return await gateway.handle(way, request)

    return endpoint


async def _describe(_request: Request) -> Response:
    return Response(files(__package__).joinpath("openapi.json").read_bytes(), media_type="application/json")


async def _answer_no_route(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    known = ", ".join(f"POST {path}" for path in WAYS)
    return problem(RequestError(error.status_code, f"{error.detail}: there are {known} and GET /v1/openapi.json"))


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _parse_events(call: Call) -> list[Parsed]:
    key = call.headers.get("idempotency-key")
    if key is not None and not 0 < len(key) <= _KEY_CHARACTERS:
        raise RequestError(400, f"Idempotency-Key must have 1 to {_KEY_CHARACTERS} characters")
    return parse_events(call.media_type, call.body, call.source, key)


def _answer_events(call: Call, results: Sequence[Result]) -> Response:
    is_single = call.media_type == "application/json" and call.body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")
    return answer(results, is_single=is_single)


def _refuse_plainly(error: RequestError, _media_type: str) -> Response:
    return problem(error)


WAYS = {
    "/v1/events": Way("events", _parse_events, _answer_events, _refuse_plainly),
    "/v1/cloudevents": Way(
        "cloudevents",
        lambda call: parse_cloud_events(call.media_type, call.headers, call.body, call.source),
        lambda call, results: answer(results, is_single=call.media_type != BATCH),
        _refuse_plainly,
    ),
    "/v1/kubernetes": Way(
        "kubernetes",
        lambda call: parse_event_list(call.body, call.source),
        # A kube-apiserver takes every status below 300 for a success, and counts all others as its own errors.
        lambda _call, results: answer(results, is_single=False, refused_status=422),
        _refuse_plainly,
    ),
    "/v1/logs": Way(
        "otlp",
        lambda call: parse_logs(call.media_type, call.body, call.source),
        lambda call, results: otlp_answer(results, call.media_type),
        otlp_problem,
    ),
}
"""The ways in, by their paths."""
