"""ASGI middleware: one event for each request, before its response, whatever the application does."""

import asyncio
import logging
from typing import Any

import pytest

from auditseal_glue import AsyncContextRecorder, HttpAudit, current_context
from auditseal_glue.asgi import AuditMiddleware
from auditseal_producer import Actor, BufferFullError, Category, Outcome, Resource
from auditseal_producer.testing import AsyncRecordedEvents
from tests.factory.asgi_exchange import exchange, http_scope

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
Message = dict[str, Any]


def answering(status: int = 200):
    async def app(scope: Message, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})

    return app


def run(app: Any, scope: Message, audit: HttpAudit | None = None) -> tuple[AsyncRecordedEvents, list[Message]]:
    events = AsyncRecordedEvents(service="billing")
    return events, asyncio.run(exchange(AuditMiddleware(app, events, audit), scope))


def test_a_request_becomes_one_event() -> None:
    headers = [("User-Agent", "curl/8"), ("X-Request-Id", "r-17"), ("traceparent", f"00-{TRACE}-{SPAN}-01")]
    events, sent = run(answering(201), http_scope("POST", "/invoices", "page=2&token=abc", headers))
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    event = events.only_event()
    assert (event.event_type, event.action, event.category) == ("http.request", "POST", Category.ACCESS)
    assert event.actor == Actor("anonymous", "anonymous", ip="192.0.2.7", user_agent="curl/8")
    assert event.resources == (Resource("http.path", "/invoices"),)
    assert (event.outcome, event.status_code) == (Outcome.SUCCESS, "201")
    assert (event.correlation_id, event.trace_id, event.span_id) == ("r-17", TRACE, SPAN)
    assert dict(event.attributes) == {"path": "/invoices", "query": "page=2&token=***"}


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(200, "SUCCESS"), (304, "SUCCESS"), (401, "DENIED"), (403, "DENIED"), (404, "FAILURE"), (500, "FAILURE")],
)
def test_the_status_says_the_outcome(status: int, outcome: str) -> None:
    assert run(answering(status), http_scope())[0].only_event().outcome == Outcome(outcome)


def test_the_event_is_recorded_before_the_response_is_sent() -> None:
    events = AsyncRecordedEvents()
    seen: list[int] = []

    async def app(scope: Message, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        seen.append(len(events.events))

    asyncio.run(AuditMiddleware(app, events)(http_scope(), receive, send))
    assert seen == [1]


def test_an_error_before_the_response_is_a_failure_and_is_raised() -> None:
    async def app(scope: Message, receive: Any, send: Any) -> None:
        raise LookupError("secret text")

    events = AsyncRecordedEvents()
    with pytest.raises(LookupError):
        asyncio.run(exchange(AuditMiddleware(app, events), http_scope()))
    event = events.only_event()
    assert (event.outcome, event.status_code) == (Outcome.FAILURE, "500")
    assert "secret" not in repr(event)


def test_an_error_after_the_response_began_adds_no_second_event() -> None:
    async def app(scope: Message, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise LookupError

    events = AsyncRecordedEvents()
    with pytest.raises(LookupError):
        asyncio.run(exchange(AuditMiddleware(app, events), http_scope()))
    assert events.only_event().status_code == "200"


def test_a_cancelled_request_has_an_unknown_outcome() -> None:
    events = AsyncRecordedEvents()

    async def main() -> None:
        begun = asyncio.Event()

        async def app(scope: Message, receive: Any, send: Any) -> None:
            begun.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(exchange(AuditMiddleware(app, events), http_scope()))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    event = events.only_event()
    assert (event.outcome, event.status_code) == (Outcome.UNKNOWN, None)


def test_the_actor_is_asked_for_after_the_application_has_answered() -> None:
    async def app(scope: Message, receive: Any, send: Any) -> None:
        scope["user"] = "u-1842"
        await answering()(scope, receive, send)

    audit = HttpAudit(actor=lambda scope: Actor("user", scope["user"]))
    assert run(app, http_scope(), audit)[0].only_event().actor == Actor("user", "u-1842")
    audit = HttpAudit(actor=lambda scope: None)
    assert run(app, http_scope(), audit)[0].only_event().actor.type == "anonymous"


def test_an_actor_function_that_fails_loses_no_event(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL + 1, logger="auditseal_glue")
    events, sent = run(answering(), http_scope(), HttpAudit(actor=lambda scope: scope["absent"]))
    assert events.only_event().actor == Actor("unknown", "unknown")
    assert sent[0]["status"] == 200


def test_chosen_headers_are_recorded_and_secret_ones_masked() -> None:
    headers = [("X-Tenant", "acme"), ("Authorization", "Bearer abc"), ("Cookie", "a=b")]
    audit = HttpAudit(headers=("X-Tenant", "Authorization", "Absent"))
    attributes = run(answering(), http_scope(headers=headers), audit)[0].only_event().attributes
    assert dict(attributes) == {"path": "/", "header.x-tenant": "acme", "header.authorization": "***"}


def test_bodies_are_never_read_or_recorded() -> None:
    asked: list[str] = []

    async def app(scope: Message, receive: Any, send: Any) -> None:
        asked.append((await receive())["body"])
        await send({"type": "http.response.start", "status": 200, "headers": []})

    events = AsyncRecordedEvents()
    asyncio.run(exchange(AuditMiddleware(app, events), http_scope("POST"), b"the body"))
    assert asked == [b"the body"]
    assert "the body" not in repr(events.only_event())


def test_skipped_paths_and_other_protocols_pass() -> None:
    events, sent = run(answering(), http_scope(path="/healthz"), HttpAudit(skip=frozenset({"/healthz"})))
    assert (len(sent), events.events) == (2, [])

    async def lifespan(scope: Message, receive: Any, send: Any) -> None:
        await send({"type": "lifespan.startup.complete"})

    events, sent = run(lifespan, {"type": "lifespan"})
    assert (len(sent), events.events) == (1, [])


def test_an_event_that_cannot_be_recorded_keeps_the_response_back_unless_the_service_says_otherwise() -> None:
    events = AsyncRecordedEvents()
    told: list[Any] = []

    async def main(audit: HttpAudit) -> list[Message]:
        with events.buffer_full():
            return await exchange(AuditMiddleware(answering(), events, audit), http_scope())

    with pytest.raises(BufferFullError):
        asyncio.run(main(HttpAudit()))
    sent = asyncio.run(main(HttpAudit(on_failure=lambda error, fields: told.append((error, fields["action"])))))
    assert sent[0]["status"] == 200
    assert [(type(error), action) for error, action in told] == [(BufferFullError, "GET")]


def test_events_within_a_request_have_its_context() -> None:
    events = AsyncRecordedEvents()
    audit = AsyncContextRecorder(events)

    async def app(scope: Message, receive: Any, send: Any) -> None:
        task = asyncio.create_task(
            audit.record(actor=Actor("user", "u"), action="a", resources=[Resource("r", "1")], outcome=Outcome.SUCCESS)
        )
        await task
        await answering()(scope, receive, send)

    async def main() -> None:
        middleware = AuditMiddleware(app, events)
        scopes = [http_scope(headers=[("x-request-id", f"r-{number}")]) for number in range(20)]
        await asyncio.gather(*(exchange(middleware, scope) for scope in scopes))

    asyncio.run(main())
    ids = sorted(str(event.correlation_id) for event in events.events)
    assert ids == sorted(f"r-{number}" for number in range(20) for _ in range(2))
    assert current_context().correlation_id is None


@pytest.mark.parametrize("given", ["", "x" * 129, "line\u0085break", "tab\there"])
def test_a_request_id_that_is_not_usable_is_replaced(given: str) -> None:
    found = run(answering(), http_scope(headers=[("x-request-id", given)]))[0].only_event().correlation_id
    assert found is not None
    assert len(found) == 36


@pytest.mark.parametrize(("first", "status"), [("websocket.accept", "101"), ("websocket.close", "403")])
def test_a_websocket_is_recorded_when_it_is_answered(first: str, status: str) -> None:
    async def app(scope: Message, receive: Any, send: Any) -> None:
        await send({"type": first})
        await send({"type": "websocket.close"})

    scope = http_scope(path="/live") | {"type": "websocket"}
    del scope["method"]
    event = run(app, scope)[0].only_event()
    assert (event.event_type, event.status_code, event.action) == ("websocket.connect", status, "GET")


@pytest.mark.parametrize("path", ["", "/\ud800", "/" + "x" * 300_000, "/\x00\x1b[31m"])
def test_odd_paths_lose_no_event(path: str) -> None:
    scope = http_scope() | {"path": path}
    event = run(answering(), scope)[0].only_event()
    assert len(event.resources[0].id) < 9_000


def test_headers_that_come_twice_are_all_recorded() -> None:
    headers = [("X-Tenant", "acorn"), ("X-Tenant", "birch"), ("X-Request-Id", "a"), ("X-Request-Id", "b")]
    event = run(answering(), http_scope(headers=headers), HttpAudit(headers=("X-Tenant",)))[0].only_event()
    assert event.attributes["header.x-tenant"] == "acorn, birch"
    assert event.correlation_id == "a, b"


def test_an_address_that_a_client_chose_loses_no_event() -> None:
    scope = http_scope()
    scope["client"] = ("\udcff" + "9" * 300_000, 1)
    ip = run(answering(), scope)[0].only_event().actor.ip
    assert ip is not None
    assert ip.startswith("?999")
