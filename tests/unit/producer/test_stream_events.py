"""The events by which a stream speaks of itself: when they are recorded, and what they say."""

import asyncio
import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from auditseal_producer import (
    Actor,
    AsyncAuditProducer,
    AuditProducer,
    BufferFullError,
    ConfigurationError,
    EventError,
    Outcome,
    ProducerConfig,
    Resource,
)
from auditseal_producer.client_log import ClientLog
from auditseal_producer.event_channel import EventChannel
from auditseal_producer.outgoing import EventEncoder, Outgoing
from auditseal_producer.receipt import ProducerCounts
from auditseal_producer.spool_file import SpoolFile
from auditseal_producer.stream_events import StreamEvents
from auditseal_schemas.errors import AuditsealError
from auditseal_schemas.event import AuditEvent, EventFields
from auditseal_schemas.event_codec import decode_event
from auditseal_schemas.event_parts import Source, Stream

FIELDS: EventFields = {
    "actor": Actor("user", "u-1"),
    "action": "approve",
    "resources": [Resource("invoice", "1")],
    "outcome": Outcome.SUCCESS,
}
UNTIL = datetime(2026, 11, 29, tzinfo=UTC)


class Channel:
    """A channel that keeps its events."""

    stream_id = "s-1"

    def __init__(self) -> None:
        encoder = EventEncoder(Source(service="billing", environment="test"), Stream("s-1", 0))
        self.encode = encoder.encode
        self.events: list[AuditEvent] = []
        self.problem: AuditsealError | None = None
        self.came = threading.Event()

    @property
    def counts(self) -> ProducerCounts:
        return ProducerCounts(len(self.events), 0, 3, 0)

    def offer(self, outgoing: Outgoing) -> None:
        if self.problem is not None:
            raise self.problem
        self.events.append(decode_event(outgoing.place(len(self.events))[0]))
        self.came.set()

    begin = offer

    def kinds(self) -> list[str]:
        return [str(event.event_type).rpartition(".")[2] for event in self.events]


@pytest.fixture
def channel() -> Channel:
    return Channel()


def speak(channel: Channel, heartbeat: float | None) -> StreamEvents:
    return StreamEvents(cast("EventChannel", channel), "billing", heartbeat, ClientLog(None))


def test_a_stream_says_when_it_opens_and_closes(channel: Channel) -> None:
    events = speak(channel, 3_600)
    events.open()
    channel.offer(channel.encode(FIELDS))
    events.close()
    opened, _, closed = channel.events
    assert channel.kinds() == ["opened", "None", "closed"]
    assert (opened.actor, opened.resources[0]) == (Actor("service", "billing"), Resource("stream", "s-1"))
    assert dict(closed.attributes) == {"acknowledged": "2", "failed": "0", "pending": "0", "refused": "3"}


def test_a_stream_without_a_heartbeat_says_nothing(channel: Channel) -> None:
    events = speak(channel, None)
    events.open()
    events.close()
    assert channel.events == []


def test_an_idle_stream_says_that_it_lives(channel: Channel) -> None:
    events = speak(channel, 0.01)
    events.open()
    for _ in range(2):
        channel.came.clear()
        assert channel.came.wait(60)
    events.close()
    assert set(channel.kinds()[1:-1]) == {"heartbeat"}


def test_a_paused_stream_is_silent_and_not_closed(channel: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    events = speak(channel, 3_600)
    events.pause(UNTIL)
    answers = [True, False, False]
    monkeypatch.setattr(events._stopping, "wait", lambda _: answers.pop())
    events._watch()
    events.close()
    assert channel.kinds() == ["paused"]
    assert channel.events[0].attributes["until"] == "2026-11-29T00:00:00Z"
    with pytest.raises(EventError, match="until: has no time zone"):
        events.pause(datetime(2026, 11, 29))  # noqa: DTZ001


def test_an_event_after_a_pause_ends_it(channel: Channel) -> None:
    events = speak(channel, 3_600)
    events.pause(UNTIL)
    channel.offer(channel.encode(FIELDS))
    events.close()
    assert channel.kinds() == ["paused", "None", "closed"]


def test_what_goes_wrong_is_logged(channel: Channel, caplog: pytest.LogCaptureFixture) -> None:
    channel.problem = AuditsealError("the disk is full")
    events = speak(channel, 3_600)
    events.open()
    events.close()
    lines = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert lines == [f"the stream's {kind} event isn't recorded: the disk is full" for kind in ("OPENED", "CLOSED")]


def config_of(path: Path, **changed: Any) -> ProducerConfig:
    return ProducerConfig(
        bootstrap_servers="127.0.0.1:9", service="billing", environment="test", spool=path, close_timeout=0, **changed
    )


def spooled(path: Path) -> list[str]:
    file = SpoolFile(path)
    try:
        events = [decode_event(each.event.encoded) for each in file.read(0, 100)]
    finally:
        file.close()
    assert [event.stream.sequence for event in events] == list(range(len(events)))
    return [str(event.event_type or event.action) for event in events]


def test_a_producer_speaks_for_its_stream_in_its_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.spool"
    for _ in range(2):
        with AuditProducer(config_of(path, heartbeat=60)) as producer:
            producer.record(**FIELDS)
    with AuditProducer(config_of(path)) as producer:
        producer.pause(UNTIL)
    names = ["auditseal.stream.opened", "approve", "auditseal.stream.closed"]
    assert spooled(path) == [*names, *names, "auditseal.stream.paused"]


@pytest.mark.parametrize(
    ("kind", "run"),
    [(AuditProducer, lambda pause: pause(UNTIL)), (AsyncAuditProducer, lambda pause: asyncio.run(pause(UNTIL)))],
)
def test_a_pause_that_has_no_room_is_refused(
    kind: Callable[..., Any], run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = ProducerConfig(bootstrap_servers="127.0.0.1:9", service="s", environment="e", close_timeout=0)
    producer = kind(config)
    channel = producer._channel
    monkeypatch.setattr(channel.get()._store, "has_room", lambda: False)
    with pytest.raises(BufferFullError):
        run(producer.pause)
    channel.close(0)


@pytest.mark.parametrize("wrong", [0, -1, 0.5, 86_401, float("inf"), float("nan"), "5"])
def test_a_heartbeat_out_of_bounds_is_refused(tmp_path: Path, wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^heartbeat: "):
        config_of(tmp_path / "s", heartbeat=wrong)
