"""WSGI middleware: one event for each request, before its response, whatever the application does."""

import io
from collections.abc import Iterator
from typing import Any, cast
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

from auditseal_glue import ContextRecorder, HttpAudit, current_context
from auditseal_glue.wsgi import AuditMiddleware
from auditseal_producer import Actor, BufferFullError, Outcome, Resource
from auditseal_producer.testing import RecordedEvents

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
Environ = dict[str, Any]


def environ(**changed: Any) -> Environ:
    made: Environ = {"REMOTE_ADDR": "192.0.2.7", "QUERY_STRING": ""}
    setup_testing_defaults(made)
    return made | changed


def hello(environ: Environ, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


class Server:
    """Calls an application as a server does; keeps what it would send."""

    def __init__(self, events: RecordedEvents) -> None:
        self.events = events
        self.status = ""
        self.sent: list[bytes] = []
        self.recorded_at_first_byte: int | None = None

    def start_response(self, status: str, headers: Any, exc_info: Any = None) -> Any:
        self.status = status
        return self.write

    def write(self, data: bytes) -> None:
        if self.recorded_at_first_byte is None:
            self.recorded_at_first_byte = len(self.events.events)
        self.sent.append(data)

    def run(self, app: Any, given: Environ) -> None:
        body = app(given, self.start_response)
        try:
            for part in body:
                if part:
                    self.write(part)
        finally:
            if hasattr(body, "close"):
                body.close()


def run(app: Any, audit: HttpAudit | None = None, **changed: Any) -> Server:
    server = Server(RecordedEvents(service="billing"))
    server.run(AuditMiddleware(app, server.events, audit), environ(**changed))
    return server


def test_a_request_becomes_one_event_before_its_response() -> None:
    server = run(
        hello,
        REQUEST_METHOD="POST",
        SCRIPT_NAME="/api",
        PATH_INFO="/inv\u00c3\u00b6ices",
        QUERY_STRING="a=1&password=x",
        HTTP_USER_AGENT="curl/8",
        HTTP_X_REQUEST_ID="r-17",
        HTTP_TRACEPARENT=f"00-{TRACE}-{SPAN}-01",
    )
    assert (server.status, server.sent, server.recorded_at_first_byte) == ("200 OK", [b"hello"], 1)
    event = server.events.only_event()
    assert (event.event_type, event.action) == ("http.request", "POST")
    assert event.actor == Actor("anonymous", "anonymous", ip="192.0.2.7", user_agent="curl/8")
    assert event.resources == (Resource("http.path", "/api/invöices"),)
    assert (event.outcome, event.status_code) == (Outcome.SUCCESS, "200")
    assert (event.correlation_id, event.trace_id, event.span_id) == ("r-17", TRACE, SPAN)
    assert event.attributes["query"] == "a=1&password=***"


def test_it_keeps_the_rules_of_wsgi() -> None:
    events = RecordedEvents()
    app = validator(AuditMiddleware(validator(hello), events))
    made = environ()
    made["wsgi.input"], made["wsgi.errors"] = io.BytesIO(), io.StringIO()
    body = app(made, lambda status, headers, exc_info=None: lambda data: None)
    assert list(body) == [b"hello"]
    body.close()
    assert events.only_event().status_code == "200"


def test_the_last_status_before_the_first_byte_counts() -> None:
    def app(given: Environ, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b""
        start_response("503 Busy", [], (ValueError, ValueError(), None))
        yield b"busy"

    assert run(app).events.only_event().status_code == "503"


def test_the_write_function_records_first() -> None:
    def app(given: Environ, start_response: Any) -> list[bytes]:
        start_response("202 Accepted", [])(b"direct")
        return []

    server = run(app)
    assert (server.sent, server.recorded_at_first_byte) == ([b"direct"], 1)
    assert server.events.only_event().status_code == "202"


def test_an_empty_body_is_recorded() -> None:
    def app(given: Environ, start_response: Any) -> list[bytes]:
        start_response("204 No Content", [])
        return []

    assert run(app).events.only_event().status_code == "204"


@pytest.mark.parametrize("when", ["call", "body"])
def test_an_error_is_a_failure_and_is_raised(when: str) -> None:
    def app(given: Environ, start_response: Any) -> Iterator[bytes]:
        if when == "call":
            raise LookupError
        return failing()

    def failing() -> Iterator[bytes]:
        raise LookupError
        yield b""

    server = Server(RecordedEvents())
    with pytest.raises(LookupError):
        server.run(AuditMiddleware(app, server.events), environ())
    assert (server.events.only_event().status_code, server.events.only_event().outcome) == ("500", Outcome.FAILURE)


def test_a_response_that_nobody_reads_is_recorded_when_it_is_closed() -> None:
    events = RecordedEvents()
    body: Any = AuditMiddleware(hello, events)(environ(), lambda *_: lambda data: None)
    assert events.events == []
    body.close()
    assert events.only_event().status_code == "200"


def test_events_within_a_request_have_its_context_in_call_and_body() -> None:
    events = RecordedEvents()
    audit = ContextRecorder(events)

    def record() -> None:
        audit.record(actor=Actor("user", "u"), action="a", resources=[Resource("r", "1")], outcome=Outcome.SUCCESS)

    def app(given: Environ, start_response: Any) -> Iterator[bytes]:
        record()
        start_response("200 OK", [])
        return parts()

    def parts() -> Iterator[bytes]:
        yield b"one"
        record()

    server = Server(events)
    for number in range(3):
        server.run(AuditMiddleware(app, events), environ(HTTP_X_REQUEST_ID=f"r-{number}"))
    assert [event.correlation_id for event in events.events] == [f"r-{n}" for n in range(3) for _ in range(3)]
    assert current_context().correlation_id is None


def test_an_event_that_cannot_be_recorded_keeps_the_response_back_unless_the_service_says_otherwise() -> None:
    server, told = Server(RecordedEvents()), []
    with server.events.buffer_full():
        with pytest.raises(BufferFullError):
            server.run(AuditMiddleware(hello, server.events), environ())
        assert server.sent == []
        audit = HttpAudit(on_failure=lambda error, fields: told.append(error))
        server.run(AuditMiddleware(hello, server.events, audit), environ())
    assert server.sent == [b"hello"]
    assert [type(error) for error in told] == [BufferFullError]


def test_skipped_paths_and_the_actor() -> None:
    assert run(hello, HttpAudit(skip=frozenset({"/"}))).events.events == []
    audit = HttpAudit(actor=lambda given: Actor("user", given["my.user"]))
    assert run(hello, audit, **{"my.user": "u-7"}).events.only_event().actor == Actor("user", "u-7")


JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjMifQ.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    "name",
    [
        "REQUEST_METHOD",
        "SCRIPT_NAME",
        "PATH_INFO",
        "QUERY_STRING",
        "REMOTE_ADDR",
        "HTTP_USER_AGENT",
        "HTTP_X_REQUEST_ID",
        "HTTP_TRACEPARENT",
        "HTTP_X_TENANT",
    ],
)
@pytest.mark.parametrize(
    "value", ["", "\0", "\udcff", "\u202e", "é", "%00%ff", "\r\nx: y", pytest.param("a" * 300_000, id="long")]
)
def test_no_part_of_a_request_loses_its_event(name: str, value: str) -> None:
    server, audit = Server(RecordedEvents()), HttpAudit(headers=("X-Tenant",))
    server.run(AuditMiddleware(hello, server.events, audit), environ(**{name: value}))
    assert server.events.only_event().outcome is Outcome.SUCCESS
    assert server.sent == [b"hello"]


@pytest.mark.parametrize("status", ["", "abc", "2", "² OK"])
def test_a_status_without_a_number_leaves_the_outcome_open(status: str) -> None:
    def application(_: Environ, start_response: Any) -> list[bytes]:
        start_response(status, [])
        return [b"x"]

    event = run(application).events.only_event()
    assert (event.status_code, event.outcome) == (None, Outcome.UNKNOWN)


@pytest.mark.parametrize("when", ["call", "body"])
@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit])
def test_a_worker_that_is_ended_leaves_an_event_of_an_unknown_outcome(when: str, end: type[BaseException]) -> None:
    def in_call(_environ: Environ, _start_response: Any) -> list[bytes]:
        raise end

    def in_body(_environ: Environ, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        raise end
        yield b""

    events = RecordedEvents()
    with pytest.raises(end):
        Server(events).run(AuditMiddleware(in_call if when == "call" else in_body, events), environ())
    assert events.only_event().outcome is Outcome.UNKNOWN


def test_an_actor_function_that_returns_something_else_loses_no_event(caplog: pytest.LogCaptureFixture) -> None:
    event = run(hello, HttpAudit(actor=cast("Any", lambda _: "u-1"))).events.only_event()
    assert (event.actor.type, event.actor.id) == ("unknown", "unknown")
    assert "returned str and not an Actor" in caplog.text


def test_a_token_in_the_user_agent_is_masked() -> None:
    event = run(hello, HTTP_USER_AGENT=f"agent {JWT}", HTTP_X_REQUEST_ID="r-1").events.only_event()
    assert event.actor.user_agent == "agent ***"
