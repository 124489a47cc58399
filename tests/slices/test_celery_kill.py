"""A process of Celery's prefork pool is killed in the middle of a task: what its events and its spool come to."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from celery import Celery

from auditseal_local.kafka import KafkaNode
from auditseal_schemas.event import AuditEvent
from auditseal_schemas.event_codec import decode_event
from tests.faults.rig import read_all

ROOT = Path(__file__).parents[2]
TASKS = """
import os, signal, sys
from pathlib import Path
from celery import current_task
from examples.celery_app import ProcessRecorder, app
from auditseal import Actor, Outcome, Resource

audit = ProcessRecorder()


def record(action, invoice):
    audit.record(
        actor=Actor("service", "settlement"),
        action=action,
        resources=[Resource("invoice", invoice)],
        outcome=Outcome.SUCCESS,
    )


def settle(invoice):
    record("settle.begin", invoice)
    mark = Path(invoice)
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    record("settle.end", invoice)


for name, options in {
    "once": {},
    "late": {"acks_late": True},
    "again": {"acks_late": True, "reject_on_worker_lost": True},
}.items():
    app.task(name=name, **options)(settle)
"""
ACTIONS = {"once": ["settle.begin"], "late": ["settle.begin"], "again": ["settle.begin", "settle.begin", "settle.end"]}


def read(kafka: KafkaNode, topic: str) -> list[AuditEvent]:
    return [decode_event(value) for value in read_all(kafka.bootstrap_servers, topic, 1)]


@contextmanager
def worker(folder: Path, broker: dict[str, object]) -> Iterator[None]:
    words = ["worker", "--pool=prefork", "--concurrency=1", "--loglevel=ERROR", "--without-gossip", "--without-mingle"]
    program = f"{TASKS}\napp.conf.update({broker!r})\napp.worker_main({words!r})"
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        cwd=folder,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)


def test_no_event_that_was_accepted_is_lost(
    kafka: KafkaNode, make_topic: Callable[..., str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    topic = make_topic("celery")
    monkeypatch.setenv("AUDITSEAL_KAFKA__BOOTSTRAP_SERVERS", kafka.bootstrap_servers)
    monkeypatch.setenv("AUDITSEAL_EVENTS_TOPIC", topic)
    monkeypatch.setenv("AUDITSEAL_ENVIRONMENT", "test")
    monkeypatch.setenv("AUDITSEAL_PRODUCER__SERVICE", "invoices")
    monkeypatch.setenv("AUDITSEAL_PRODUCER__SPOOL", str(tmp_path / "audit-{n}.spool"))
    folders = {"data_folder_in": "queue", "data_folder_out": "queue", "control_folder": "control"}
    broker = {
        "broker_url": "filesystem://",
        "broker_transport_options": {name: str(tmp_path / folder) for name, folder in folders.items()},
    }
    for folder in folders.values():
        (tmp_path / folder).mkdir(exist_ok=True)
    sender = Celery("sender")
    sender.conf.update(broker)
    tasks = {}
    with worker(tmp_path, broker):
        for name in ACTIONS:
            tasks[name] = sender.send_task(name, [name]).id
        deadline = time.monotonic() + 90
        while len({event.event_id for event in read(kafka, topic)}) < 5 and time.monotonic() < deadline:
            time.sleep(0.3)
    found = read(kafka, topic)
    own = {event.event_id: event for event in found}  # a spool may deliver an event twice, with the same id
    assert all(own[event.event_id] == event for event in found)
    assert {
        name: [event.action for event in own.values() if event.correlation_id == task] for name, task in tasks.items()
    } == ACTIONS
    assert {event.stream.id for event in own.values()} == {found[0].stream.id}
    assert sorted(event.stream.sequence for event in own.values()) == list(range(5))
