"""Spools for tests: events that go into one, and producers whose broker is librdkafka's mock, or nobody."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, cast

from auditseal_producer import Actor, EventFields, Outcome, ProducerConfig, Resource
from auditseal_producer.outgoing import EventEncoder, NewEvent, PublishedEvent
from auditseal_producer.spool_database import SpooledEvent
from auditseal_producer.spool_file import SpoolFile
from auditseal_schemas.event_parts import Source, Stream

FIELDS: dict[str, Any] = {
    "actor": Actor("user", "u-1"),
    "action": "approve",
    "resources": [Resource("invoice", "inv-1")],
    "outcome": Outcome.SUCCESS,
}


def spool_config(path: Path, *, broker: bool = True, **changed: Any) -> ProducerConfig:
    """Configure a producer with a spool, whose broker is a mock, or nobody."""
    kafka = {"test.mock.num.brokers": 1} if broker else {}
    settings = {"close_timeout": 10.0 if broker else 0.0, "kafka": kafka | changed.pop("kafka", {})} | changed
    return ProducerConfig(
        bootstrap_servers="127.0.0.1:9", service="billing", environment="test", spool=path, **settings
    )


def new_event(stream_id: str, **changed: Any) -> NewEvent:
    """Return an event that has no number yet."""
    fields = cast("EventFields", FIELDS | changed)
    return EventEncoder(Source(service="billing", environment="test"), Stream(stream_id, 0)).encode(fields)


def spooled_events(file: SpoolFile, count: int) -> list[SpooledEvent]:
    """Return the next events of a file, numbered as its writer would."""
    _, sequence, position = file.stream
    made = []
    for number in range(count):
        new = new_event(file.stream.id)
        event = PublishedEvent(new.event_id, new.key, new.stream_id, new.place(sequence + number)[0], sequence + number)
        made.append(SpooledEvent(position + number, event))
    return made


def change_database(path: Path, statement: str, *values: object) -> None:
    """Change a closed spool's database by a statement of SQL."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement, values)
