"""What one request knows never reaches an event of another, whatever the server does with contexts."""

import asyncio
import contextvars
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn

from auditseal_glue import AsyncContextRecorder, ContextRecorder, HttpAudit, audit_context, current_context
from auditseal_glue.asgi import AuditMiddleware
from auditseal_local.ports import LOOPBACK
from auditseal_producer import Actor, ConfigurationError, EventError, Outcome, Resource
from auditseal_producer.testing import AsyncRecordedEvents, RecordedEvents
from tests.factory.asgi_exchange import exchange, http_scope

ALICE = Actor("user", "alice")
EVENT: dict[str, Any] = {"action": "read", "resources": [Resource("invoice", "7")], "outcome": Outcome.SUCCESS}


class Service:
    """Finds the user within the middleware, reads the body, and records what the request does."""

    def __init__(self) -> None:
        self.events = AsyncRecordedEvents()
        self.refused: list[str] = []
        self.app = AuditMiddleware(self.login, self.events, HttpAudit(skip=frozenset({"/skipped"})))

    async def login(self, scope: Any, receive: Any, send: Any) -> None:
        user = dict(scope["headers"]).get(b"x-user")
        if user is None:
            await self.answer(scope, receive, send)
            return
        with audit_context(actor=Actor("user", user.decode()), tenant="acme"):
            await self.answer(scope, receive, send)

    async def answer(self, scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        try:
            await AsyncContextRecorder(self.events).accept(**EVENT)
        except EventError as error:
            self.refused.append(f"{scope['path']}: {error}")
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


@contextmanager
def served(service: Service, loop: str, protocol: str) -> Iterator[socket.socket]:
    """Serve by a real uvicorn, and yield a connection to it."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        config = uvicorn.Config(
            service.app, log_level="error", loop=loop, http=protocol, lifespan="off", timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            with socket.create_connection(listener.getsockname(), timeout=20) as connection:
                yield connection
        finally:
            server.should_exit = True
            thread.join()


def read_answers(connection: socket.socket, count: int) -> None:
    received = b""
    while received.count(b"\r\n\r\nok") < count:
        piece = connection.recv(65_536)
        assert piece, received
        received += piece


@pytest.mark.parametrize(("loop", "protocol"), [("asyncio", "httptools"), ("uvloop", "h11")])
@pytest.mark.parametrize("second", ["/invoices", "/skipped"])
def test_a_pipelined_request_does_not_get_the_actor_of_the_one_before(loop: str, protocol: str, second: str) -> None:
    service = Service()
    with served(service, loop, protocol) as connection:
        connection.sendall(
            b"GET /first HTTP/1.1\r\nhost: a\r\nx-user: alice\r\n\r\n"
            b"GET %s HTTP/1.1\r\nhost: a\r\n\r\n" % second.encode()
        )
        read_answers(connection, 2)
    assert service.refused == [f"{second}: actor is missing"]
    recorded = [(event.action, event.actor.id, event.tenant) for event in service.events.events]
    expected = [("read", "alice", "acme"), ("GET", "alice", "acme"), ("GET", "anonymous", None)]
    assert recorded == expected[: 2 if second == "/skipped" else 3]


def test_a_request_after_one_with_a_large_body_does_not_get_its_actor() -> None:
    service, body = Service(), b"x" * 1_000_000  # so large that uvicorn pauses reading, and the service resumes it
    with served(service, "asyncio", "httptools") as connection:
        head = f"POST /first HTTP/1.1\r\nhost: a\r\nx-user: alice\r\ncontent-length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)
        read_answers(connection, 1)
        connection.sendall(b"GET /second HTTP/1.1\r\nhost: a\r\n\r\n")
        read_answers(connection, 1)
    assert service.refused == ["/second: actor is missing"]
    assert [event.actor.id for event in service.events.events] == ["alice", "alice", "anonymous"]


def test_what_is_set_around_the_middleware_is_set_again_behind_it() -> None:
    service = Service()

    async def main() -> None:
        with audit_context(actor=ALICE, tenant="acme"):
            await exchange(service.app, http_scope())
            assert current_context().actor == ALICE

    asyncio.run(main())
    assert service.events.only_event().actor.id == "anonymous"


def test_each_of_many_tasks_and_threads_has_its_own_actor() -> None:
    recorded = RecordedEvents()
    audit = ContextRecorder(recorded)

    def record(name: str) -> None:
        with audit_context(actor=Actor("user", name)):
            audit.record(**EVENT, correlation_id=name)

    async def in_task(name: str) -> None:
        with audit_context(actor=Actor("user", name)):
            for _ in range(3):
                await asyncio.sleep(0)
                audit.record(**EVENT, correlation_id=name)
            await asyncio.to_thread(lambda: audit.record(**EVENT, correlation_id=name))

    async def main() -> None:
        await asyncio.gather(*(in_task(f"task-{number}") for number in range(20)))

    asyncio.run(main())
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(record, [f"thread-{number}" for number in range(20)]))
    assert len(recorded.events) == 100
    assert all(event.actor.id == event.correlation_id for event in recorded.events)


def test_an_executor_has_the_context_only_if_it_is_passed() -> None:
    audit = ContextRecorder(RecordedEvents())
    with ThreadPoolExecutor(1) as pool, audit_context(actor=ALICE):
        with pytest.raises(EventError, match="actor is missing"):
            pool.submit(audit.record, **EVENT).result()
        pool.submit(contextvars.copy_context().run, lambda: audit.record(**EVENT)).result()


def test_a_block_that_ends_in_another_context_is_an_error() -> None:
    @contextmanager
    def dependency() -> Iterator[None]:
        with audit_context(actor=ALICE):
            yield

    block = dependency()  # FastAPI does this with a dependency that isn't async
    contextvars.copy_context().run(block.__enter__)
    with pytest.raises(ConfigurationError, match="another thread or task"):
        contextvars.copy_context().run(block.__exit__, None, None, None)
    assert current_context().actor is None
