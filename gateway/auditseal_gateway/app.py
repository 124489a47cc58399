"""The routes, and how a request is answered: who asks, what it holds, what became of each event."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

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

DESCRIPTION = "/v1/openapi.json"
"""The path of the description in OpenAPI."""
_BUSY_SECONDS = 1
_KEY_CHARACTERS = 255
_log = structlog.get_logger(__name__)
_throttle = Throttle()


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose client is known and whose body is read."""

    source: Source
    media_type: str
    headers: Mapping[str, str]
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
    """Answers requests, as an ASGI application.

    It finds the way in by the path alone: Starlette's own router would take more time than the rest of a request.

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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        path, method = scope["path"], scope["method"]
        way = WAYS.get(path)
        if way is not None and method == "POST":
            response = await self._handle(way, Request(scope, receive))
        elif path == DESCRIPTION and method in {"GET", "HEAD"}:
            response = _describe()
        else:
            response = _refuse_route(path)
        await response(scope, receive, send)

    async def _handle(self, way: Way, request: Request) -> Response:
        begun, headers = time.perf_counter(), _headers_of(request)
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        self._at_once += 1
        try:
            response = await self._answer(way, request, headers, media_type)
        except RequestError as error:
            response = self._refuse(way, request, media_type, error)
        except ClientDisconnect:
            response = Response(status_code=400)  # nobody reads it; nothing of the request is recorded
        finally:
            self._at_once -= 1
        self.metrics.count_request(way.name, response.status_code, time.perf_counter() - begun)
        return response

    async def _answer(self, way: Way, request: Request, headers: Mapping[str, str], media_type: str) -> Response:
        if self._at_once > self.limits.requests:
            raise RequestError(503, "the gateway answers as many requests as it can: try again", _BUSY_SECONDS)
        names: Sequence[str] = request.scope["state"].get(CERTIFICATE, ())
        client = await self.login.client_of(headers.get("authorization"), names)
        call = Call(client.source, media_type, headers, await read_body(headers, request.stream(), self.limits))
        items = way.parse(call)
        if not items:
            raise RequestError(400, "the request holds no event")
        most = self.limits.batch
        if len(items) > most:
            raise RequestError(413, f"{len(items)} events are more than {most}: send fewer events a request")
        results = await self.recorder.record(client.source, items)
        self.metrics.count_events(way.name, results)
        return way.answer(call, results)

    def _refuse(self, way: Way, request: Request, media_type: str, error: RequestError) -> Response:
        if isinstance(error, LoginError):
            self.metrics.refused_logins.labels(error.method).inc()
            peer = request.client.host if request.client else "unknown"
            if _throttle.allows(error.method):
                _log.warning("login refused", method=error.method, peer=peer, problem=str(error))
        return way.refuse(error, media_type)


def _headers_of(request: Request) -> Mapping[str, str]:
    """Return the headers by their names in lower case; of one that comes twice the first."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(request.scope["headers"])}


def _describe() -> Response:
    return Response(files(__package__).joinpath("openapi.json").read_bytes(), media_type="application/json")


def _refuse_route(path: str) -> Response:
    known = f"there are {', '.join(f'POST {each}' for each in WAYS)} and GET {DESCRIPTION}"
    if path in WAYS or path == DESCRIPTION:
        response = problem(RequestError(405, f"Method Not Allowed: {known}"))
        response.headers["allow"] = "POST" if path in WAYS else "GET, HEAD"
        return response
    return problem(RequestError(404, f"Not Found: {known}"))


def _parse_events(call: Call) -> list[Parsed]:
    key = call.headers.get("idempotency-key")
    if key is not None and not 0 < len(key) <= _KEY_CHARACTERS:
        raise RequestError(400, f"Idempotency-Key must have 1 to {_KEY_CHARACTERS} characters")
    return parse_events(call.media_type, call.body, call.source, key)


def _answer_events(call: Call, results: Sequence[Result]) -> Response:
    is_array = call.body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[")
    is_single = call.media_type == "application/json" and not is_array
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
