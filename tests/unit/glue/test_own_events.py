"""The events of our own: recorded first, or in the background, and a failure is never silent."""

from typing import Any

import pytest

from auditseal_glue.own_events import NotRecordedError, record_first, record_in_background
from auditseal_producer.client_log import ClientLog
from auditseal_producer.pending import PendingReceipt
from auditseal_producer.testing import RecordedEvents
from auditseal_schemas.event import EventFields
from auditseal_schemas.event_parts import Actor, Outcome, Resource

FIELDS: EventFields = {
    "actor": Actor("daemon", "watch"),
    "action": "auditseal.test",
    "resources": [Resource("vault", "v")],
    "outcome": Outcome.SUCCESS,
}


class Silent:
    """A recorder whose brokers never answer."""

    def record(self, **fields: Any) -> PendingReceipt:
        return PendingReceipt("id", "stream", ClientLog(None))


def test_it_is_recorded_first() -> None:
    recorder = RecordedEvents()
    record_first(recorder, **FIELDS)
    assert [event.action for event in recorder.events] == ["auditseal.test"]


def test_what_was_not_recorded_is_an_error() -> None:
    recorder = RecordedEvents()
    with recorder.brokers_down(), pytest.raises(NotRecordedError, match="no acknowledgement") as failed:
        record_first(recorder, **FIELDS)
    assert failed.value.may_arrive
    with recorder.buffer_full(), pytest.raises(NotRecordedError) as refused:
        record_first(recorder, **FIELDS)
    assert not refused.value.may_arrive
    with pytest.raises(NotRecordedError, match="action"):
        record_first(recorder, **FIELDS | {"action": ""})
    with pytest.raises(NotRecordedError, match=r"still waits for an acknowledgement after 0\.01 s"):
        record_first(Silent(), 0.01, **FIELDS)
    assert recorder.events == []


def test_what_is_recorded_in_the_background_says_how_it_ended() -> None:
    recorder, ends = RecordedEvents(), list[BaseException | None]()
    record_in_background(recorder, ends.append, **FIELDS)
    with recorder.brokers_down():
        record_in_background(recorder, ends.append, **FIELDS)
    with recorder.buffer_full():
        record_in_background(recorder, ends.append, **FIELDS)
    assert [type(end).__name__ for end in ends] == ["NoneType", "DeliveryError", "BufferFullError"]
