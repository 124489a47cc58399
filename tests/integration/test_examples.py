"""The example applications, each run on a real Kafka: what they record arrives."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest

from auditseal_local.kafka import KafkaNode
from auditseal_local.ports import accepts, free_ports
from auditseal_producer import AsyncAuditProducer, AuditProducer, Change, EventError, Outcome, ProducerConfig, Reason
from auditseal_producer.testing import RecordedEvents
from auditseal_schemas.event import AuditEvent
from auditseal_schemas.event_codec import decode_event
from tests.factory.asgi_exchange import exchange, http_scope
from tests.faults.rig import read_all

ROOT = Path(__file__).parents[2]
MakeTopic = Callable[..., str]
WORKER = ["--pool=prefork", "--concurrency=2", "--loglevel=ERROR", "--without-gossip", "--without-mingle"]
HEADERS = [("X-User", "u-1842"), ("X-Request-Id", "r-17")]


@pytest.fixture(autouse=True)
def topic(kafka: KafkaNode, make_topic: MakeTopic, monkeypatch: pytest.MonkeyPatch) -> str:
    """The topic of the example, which finds it in the environment."""
    name = make_topic("examples")
    monkeypatch.setenv("AUDITSEAL_KAFKA__BOOTSTRAP_SERVERS", kafka.bootstrap_servers)
    monkeypatch.setenv("AUDITSEAL_EVENTS_TOPIC", name)
    monkeypatch.setenv("AUDITSEAL_ENVIRONMENT", "test")
    monkeypatch.setenv("AUDITSEAL_PRODUCER__SERVICE", "invoices")
    monkeypatch.syspath_prepend(ROOT)
    return name


def events_in(kafka: KafkaNode, topic: str) -> list[AuditEvent]:
    return [decode_event(value) for value in read_all(kafka.bootstrap_servers, topic, 1)]


def check_approval(own: AuditEvent, request: AuditEvent) -> None:
    """Check the two events of one request."""
    assert (own.source.service, own.actor.id, own.action) == ("invoices", "u-1842", "invoice.approve")
    assert own.resources[0].id == "7"
    assert (request.event_type, request.action, request.status_code) == ("http.request", "POST", "200")
    assert request.resources[0].id == "/invoices/7/approve"
    assert own.correlation_id == request.correlation_id == "r-17"


def test_flask(kafka: KafkaNode, topic: str) -> None:
    from examples.flask_app import make_app

    with AuditProducer(ProducerConfig.from_env()) as producer:
        client = make_app(producer).test_client()
        assert client.post("/invoices/7/approve", headers=HEADERS).json == {"invoice": "7", "status": "approved"}
        assert client.get("/absent").status_code == 404
        assert client.get("/healthz").status_code == 404
    own, request, absent = events_in(kafka, topic)
    check_approval(own, request)
    assert own.changes == (Change("status", "open", "approved"),)
    assert request.actor.id == "u-1842"
    assert (absent.outcome, absent.status_code) == (Outcome.FAILURE, "404")


def test_flask_that_is_ended_by_sigterm_loses_nothing(
    kafka: KafkaNode, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (port,) = free_ports(1)
    monkeypatch.setenv("PORT", str(port))
    with subprocess.Popen([sys.executable, "-m", "examples.flask_app"], cwd=ROOT, stderr=subprocess.DEVNULL) as service:
        try:
            while not accepts(port):
                assert service.poll() is None
                time.sleep(0.05)
            url = f"http://127.0.0.1:{port}/invoices/7/approve"
            assert httpx2.post(url, headers=dict(HEADERS)).status_code == 200
            service.terminate()
            assert service.wait(60) == 0
        finally:
            service.kill()
    check_approval(*events_in(kafka, topic))


@pytest.mark.parametrize("framework", ["fastapi", "django"])
def test_asgi(kafka: KafkaNode, topic: str, framework: str) -> None:
    if framework == "fastapi":
        from examples.fastapi_app import make_app
    else:
        from examples.django_app import make_app  # type: ignore[assignment]

    async def run() -> list[dict[str, Any]]:
        async with AsyncAuditProducer(ProducerConfig.from_env()) as producer:
            app: Any = make_app(producer)
            sent = await exchange(app, http_scope("POST", "/invoices/7/approve", headers=HEADERS))
            await exchange(app, http_scope("GET", "/absent"))
            return sent

    sent = asyncio.run(run())
    assert sent[0]["status"] == 200
    assert b"".join(message.get("body", b"") for message in sent).replace(b" ", b"") == (
        b'{"invoice":"7","status":"approved"}'
    )
    own, request, absent = events_in(kafka, topic)
    check_approval(own, request)
    assert (absent.outcome, absent.status_code) == (Outcome.FAILURE, "404")
    if framework == "fastapi":
        assert request.actor.id == "u-1842"
    else:
        assert request.attributes["header.x-user"] == "u-1842"


def test_celery(kafka: KafkaNode, topic: str, tmp_path: Path) -> None:
    """A real worker with two processes, whose broker is a folder."""
    broker = {
        "broker_url": "filesystem://",
        "broker_transport_options": {
            "data_folder_in": str(tmp_path),
            "data_folder_out": str(tmp_path),
            "processed_folder": str(tmp_path / "done"),
            "control_folder": str(tmp_path / "control"),
        },
    }
    program = (
        f"from examples.celery_app import app; app.conf.update({broker!r}); app.worker_main({['worker', *WORKER]!r})"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    worker = subprocess.Popen([sys.executable, "-c", program], env=environment, cwd=tmp_path)
    try:
        from examples.celery_app import app, remind

        app.conf.update(broker)
        for number in range(6):
            remind.delay(f"{'paid' if number % 2 else 'open'}-{number}")
        tried = remind.delay("unreachable")
        deadline = time.monotonic() + 60
        while len(found := events_in(kafka, topic)) < 8 and time.monotonic() < deadline:
            time.sleep(0.3)
    finally:
        worker.terminate()
        worker.wait(60)
    tries = [event for event in found if event.resources[0].id == "unreachable"]
    assert [(event.outcome, event.correlation_id) for event in tries] == [(Outcome.FAILURE, tried.id)] * 2
    assert tries[0].event_id != tries[1].event_id
    found = [event for event in found if event not in tries]
    assert {event.resources[0].id: event.outcome for event in found} == {
        "open-0": Outcome.SUCCESS,
        "paid-1": Outcome.FAILURE,
        "open-2": Outcome.SUCCESS,
        "paid-3": Outcome.FAILURE,
        "open-4": Outcome.SUCCESS,
        "paid-5": Outcome.FAILURE,
    }
    assert {event.reason for event in found if event.outcome == Outcome.FAILURE} == {Reason(code="ValueError")}


def test_an_outbox_follows_its_transaction(kafka: KafkaNode, topic: str, tmp_path: Path) -> None:
    from sqlalchemy import create_engine
    from sqlalchemy.orm import Session

    from examples.sqlalchemy_outbox import Base, Invoice, OutboxEvent, add_event, approve, relay

    engine = create_engine(f"sqlite:///{tmp_path / 'service.db'}")
    Base.metadata.create_all(engine)
    with closing(engine.raw_connection()), Session(engine) as session:
        session.add_all([Invoice(id="7", status="open"), Invoice(id="8", status="open")])
        session.commit()
        approve(session, "7", "u-1842")
        session.commit()
        approve(session, "8", "u-1842")
        session.rollback()
        fields = {"actor": {"type": "user", "id": "u"}, "resources": [{"type": "t", "id": "1"}], "outcome": "SUCCESS"}
        for wrong in ({"action": ""}, {"action": "a" * 300_000}, {"action": "read", "resources": []}):
            with pytest.raises(EventError):
                add_event(session, **fields | wrong)
        down = RecordedEvents()
        with down.brokers_down(), pytest.raises(Exception, match="got no acknowledgement"):
            relay(session, down)
        session.rollback()
        assert session.query(OutboxEvent).count() == 1
        with AuditProducer(ProducerConfig.from_env()) as producer:
            assert relay(session, producer) == 1
            assert relay(session, producer) == 0
    (event,) = events_in(kafka, topic)
    assert (event.event_id, event.resources[0].id) == (down.failures[0].event_id, "7")
    assert event.changes == (Change("status", "open", "approved"),)
    engine.dispose()
