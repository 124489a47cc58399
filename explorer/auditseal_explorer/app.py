"""The routes, and how errors are answered: each has a page that says what to do, and a status."""

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

from anyio.to_thread import current_default_thread_limiter
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from auditseal_auditor.errors import RecordNotFoundError
from auditseal_explorer import api
from auditseal_explorer.access import Access
from auditseal_explorer.admission import LocalAdmission
from auditseal_explorer.auditor import auditor_of, is_admitted, is_program
from auditseal_explorer.cases import CaseFiles
from auditseal_explorer.checker import Checked, Checker
from auditseal_explorer.documents import find_image, read_page
from auditseal_explorer.errors import AddressError, BusyError, LateError, UnrecordedError, shown_problem
from auditseal_explorer.event_view import EventView, read_event
from auditseal_explorer.guard import Guard
from auditseal_explorer.log_status import LogStatus, read_statuses
from auditseal_explorer.login_pages import login_page
from auditseal_explorer.looks import Looks, described
from auditseal_explorer.pages import Pages
from auditseal_explorer.question import Question
from auditseal_explorer.refusals import Refusals
from auditseal_explorer.results import Results, export, find
from auditseal_explorer.services import read_services
from auditseal_explorer.sources import Sources
from auditseal_explorer.streams import NOT_WATCHED, ONLY_FOR_ALL, Streams, WatchedStreams
from auditseal_explorer.timely_answers import RETRY, TimelyAnswers
from auditseal_explorer.trail import NoTrail, Trail
from auditseal_schemas.errors import AuditsealError, MalformedError, UnavailableError, VerificationError, quoted
from auditseal_schemas.event_parts import Resource
from auditseal_schemas.origin import Origin
from auditseal_search.errors import QueryError
from auditseal_search.export import Format

_EXPORTS = {Format.CSV: "text/csv", Format.JSONL: "application/jsonl"}
_STATUSES: dict[type[Exception], tuple[int, str]] = {
    AddressError: (400, "The address can't be understood"),
    MalformedError: (400, "The address can't be understood"),
    RecordNotFoundError: (404, "There is no such event"),
    UnavailableError: (503, "The store can't be read just now"),
    BusyError: (503, "Others are exporting just now"),
    LateError: (503, "That takes too long just now"),
    UnrecordedError: (503, "This can't be shown just now"),
}
_THREADS = 200
_NEEDS_CHUNKS = (
    "HTTP/1.0 does not show where an export breaks off, so that a part would pass for all of it. Ask by HTTP/1.1; a"
    " proxy, too, must do that, such as nginx with proxy_http_version 1.1."
)
_UNKNOWN = (500, "That can't be answered")
_Place: TypeAlias = tuple[Origin, int]


@dataclass(frozen=True, slots=True)
class Explorer:
    """Answers requests. Each method is a route; Starlette runs them in threads.

    Attributes:
        sources: The vault and the index.
        checker: Verifies the vault meanwhile.
        pages: Writes the pages.
        cases: Makes evidence packs.
        trail: Records what auditors look at, before they see it.
        streams: Looks at streams meanwhile; None where the operator did not ask for that.
    """

    sources: Sources
    checker: Checker
    pages: Pages
    cases: CaseFiles
    trail: Trail = field(default_factory=NoTrail)
    streams: WatchedStreams | None = None

    @property
    def checked(self) -> Checked:
        """The last verification."""
        return self.checker.last

    def search(self, request: Request) -> Response:
        """Answer a question as a page."""
        return HTMLResponse(self.pages.results(self._find(request), self.checked))

    def search_json(self, request: Request) -> Response:
        """Answer a question as JSON."""
        return JSONResponse(api.results_to_json(self._find(request)))

    def export(self, request: Request) -> Response:
        """Send all hits of a question, in no order and with flat memory."""
        kind = next((kind for kind in _EXPORTS if kind.value == request.path_params["kind"]), None)
        if kind is None:
            raise HTTPException(404, "Exports are export.csv and export.jsonl; `auditseal export` has more.")
        if request.scope["http_version"] == "1.0":
            raise HTTPException(505, _NEEDS_CHUNKS)
        found = export(self.sources, auditor_of(request), _question(request), datetime.now(UTC))
        lines = found.lines(kind)
        first = next(lines, b"")  # an export that can't begin has an answer that says why
        self.looks.answered(request, described(found.question, found.total, found.grade) | {"format": kind.value})
        name = f"events-{found.grade.value}.{kind.value}"
        headers = {"content-disposition": f'attachment; filename="{name}"', "x-auditseal-grade": found.grade.value}
        return StreamingResponse(chain([first], lines), headers=headers, media_type=_EXPORTS[kind])

    def case(self, request: Request) -> Response:
        """Offer the evidence of a question."""
        answer = export(self.sources, auditor_of(request), _question(request), datetime.now(UTC))
        self.looks.answered(request, described(answer.question, answer.total, answer.grade))
        return HTMLResponse(self.pages.case(answer, self.checked))

    def case_file(self, request: Request) -> Response:
        """Send the pack or the page of a case."""
        name = request.query_params.get("case", "").strip()
        answer = export(self.sources, auditor_of(request), _question(request, "case"), datetime.now(UTC))
        # Before the pack is made: an error says how many events there are.
        self.looks.answered(request, described(answer.question, answer.total, answer.grade) | {"case": name})
        folder = TemporaryDirectory(prefix="auditseal-case-")
        try:
            pack, page = self.cases.make(name, answer, Path(folder.name))
        except BaseException:
            folder.cleanup()
            raise
        path = pack if request.url.path.endswith(".zip") else page
        return FileResponse(path, filename=f"case{path.suffix}", background=BackgroundTask(folder.cleanup))

    def event(self, request: Request) -> Response:
        """Show one event."""
        heads = Question.parse(_others(request, "origin", "offset")).as_of
        return HTMLResponse(self.pages.event(self._event(request), heads, self.checked))

    def event_json(self, request: Request) -> Response:
        """Return one event as JSON."""
        return JSONResponse(api.event_to_json(self._event(request)))

    def proof(self, request: Request) -> Response:
        """Return the proof of one event, as `auditseal check-proof` takes it."""
        origin, offset = _place(request)
        name = f"{origin.topic}-{origin.partition}-{offset}.tlog-proof"
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return Response(self._event(request).proof.format(), headers=headers, media_type="text/plain; charset=utf-8")

    def logs(self, request: Request) -> Response:
        """Show the health of the logs."""
        services = read_services(self.sources, auditor_of(request))
        return HTMLResponse(self.pages.logs(self._statuses(request), services, self._streams(request), self.checked))

    def runbooks(self, _request: Request) -> Response:
        """Say what to do about each state."""
        return HTMLResponse(self.pages.runbooks())

    def document(self, request: Request) -> Response:
        """Show a page of the documentation, or a picture of it."""
        name = request.path_params["name"]
        if image := find_image(name):
            path, media_type = image
            return FileResponse(path, media_type=media_type)
        try:
            page = read_page(name)
        except KeyError as error:
            problem = f"The documentation has no page {quoted(name)}: begin at /docs/index.md."
            raise HTTPException(404, problem) from error
        return HTMLResponse(self.pages.document(page))

    def logs_json(self, request: Request) -> Response:
        """Return the health of the logs."""
        services = read_services(self.sources, auditor_of(request))
        return JSONResponse(api.logs_to_json(self._statuses(request), services, self._streams(request)))

    def describe(self, _request: Request) -> Response:
        """Return the OpenAPI description."""
        return Response(api.description(), media_type="application/json")

    @property
    def looks(self) -> Looks:
        """Records what auditors look at."""
        return Looks(self.trail, self.pages.vault)

    def _find(self, request: Request) -> Results:
        results = find(self.sources, auditor_of(request), _question(request), datetime.now(UTC))
        self.looks.answered(request, described(results.question, results.total, results.account.grade))
        return results

    def _event(self, request: Request) -> EventView:
        origin, offset = _place(request)
        view = read_event(self.sources, auditor_of(request), origin, offset)
        self.looks.answered(request, {}, Resource("audit_record", f"{origin}/{offset}"))
        return view

    def _statuses(self, request: Request) -> list[LogStatus]:
        statuses = read_statuses(self.sources, self.checked)
        heads = " ".join(f"{status.origin}:{status.size}" for status in statuses)
        self.looks.answered(request, {"as_of": heads, "verdict": self.checked.verdict})
        return statuses

    def _streams(self, request: Request) -> Streams:
        if auditor_of(request).tenants is not None:
            return ONLY_FOR_ALL
        return self.streams.last if self.streams else NOT_WATCHED

    def on_failure(self, request: Request, error: Exception) -> Response:
        """Record an attempt that failed, and answer it: nothing is shown of one that can't be recorded."""
        if not isinstance(error, UnrecordedError):
            try:
                self.looks.refused(request, str(error))
            except UnrecordedError as unrecorded:
                return self.on_error(request, unrecorded)
        return self.on_mistake(request, error) if isinstance(error, QueryError) else self.on_error(request, error)

    def on_mistake(self, request: Request, error: QueryError) -> Response:
        """Mark the mistake in a filter."""
        if is_program(request):
            return JSONResponse(api.mistake_to_json(error), 400)
        return HTMLResponse(self.pages.mistake(_question(request, "case"), error, self.checked), 400)

    def on_error(self, request: Request, error: Exception) -> Response:
        """Say what went wrong, where, and what to do."""
        status, title = _status_of(error)
        detail = error.detail if isinstance(error, HTTPException) else shown_problem(error)
        retry = status == 503
        headers = RETRY if retry else None
        if is_program(request):
            return JSONResponse({"error": detail}, status, headers)
        if not is_admitted(request):
            return login_page(request, title, detail, status)
        # The vault's name and findings are shown only where the attempt was recorded.
        checked = None if isinstance(error, UnrecordedError | HTTPException) else self.checked
        verdict = error.verdict if isinstance(error, VerificationError) else None
        return HTMLResponse(self.pages.problem(title, detail, checked, verdict=verdict, retry=retry), status, headers)


def make_app(explorer: Explorer, hosts: Iterable[str], access: Access | None = None) -> Starlette:
    """Return the application.

    Args:
        explorer: Answers requests.
        hosts: The values of `Host` under which it is reached.
        access: Its login and its auditors; None where it is reached from this machine alone.
    """
    routes = [
        Route("/", explorer.search),
        Route("/case", explorer.case),
        Route("/case.zip", explorer.case_file),
        Route("/case.html", explorer.case_file),
        Route("/event", explorer.event),
        Route("/proof", explorer.proof),
        Route("/logs", explorer.logs),
        Route("/runbooks", explorer.runbooks),
        Route("/docs/{name:path}", explorer.document),
        Route("/export.{kind}", explorer.export),
        Route("/api/v1/search", explorer.search_json),
        Route("/api/v1/event", explorer.event_json),
        Route("/api/v1/logs", explorer.logs_json),
        Route("/api/v1/openapi.json", explorer.describe),
        *(access.login.routes if access else ()),
        Mount("/static", StaticFiles(packages=[(__package__, "static")])),
    ]
    handlers = {AuditsealError: explorer.on_failure, HTTPException: explorer.on_error}
    refusals = Refusals(explorer.trail, explorer.pages.vault)
    return Starlette(
        routes=routes,
        middleware=[
            Middleware(partial(Guard, hosts=tuple(hosts))),
            Middleware(TimelyAnswers),
            *(access.middleware(refusals) if access else [Middleware(LocalAdmission)]),
        ],
        exception_handlers=handlers,
        lifespan=_with_threads,
    )


@asynccontextmanager
async def _with_threads(_app: Starlette) -> AsyncIterator[None]:
    """Let many requests wait for a search: static files and the health of logs are answered meanwhile."""
    current_default_thread_limiter().total_tokens = _THREADS
    yield


def _status_of(error: Exception) -> tuple[int, str]:
    match error:
        case HTTPException():
            return error.status_code, "There is no such page" if error.status_code == 404 else "That can't be answered"
        case VerificationError():
            return 409, f"Verification failed: {error.verdict.value}"
        case _:
            return next((answer for kind, answer in _STATUSES.items() if isinstance(error, kind)), _UNKNOWN)


def _question(request: Request, other: str = "") -> Question:
    """Return the question of an address, which may have one other parameter."""
    return Question.parse(_others(request, other))


def _others(request: Request, *names: str) -> Iterator[tuple[str, str]]:
    """Yield the parameters of an address that have other names."""
    return ((name, value) for name, value in request.query_params.multi_items() if name not in names)


def _place(request: Request) -> _Place:
    """Return the log and the offset that an address names.

    Raises:
        AddressError: It names none.
    """
    try:
        origin = Origin.parse(request.query_params.get("origin", ""))
    except MalformedError as error:
        raise AddressError(f"origin: {error.problem}") from error
    digits = request.query_params.get("offset", "")
    if not (digits.isascii() and digits.isdecimal() and len(digits) < len(str(1 << 63))):
        raise AddressError("offset: a Kafka offset belongs here, such as offset=1042")
    return origin, int(digits)
