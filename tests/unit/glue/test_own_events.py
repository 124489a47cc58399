"""The events of our own: recorded first, or in the background, and a failure is never silent."""

from typing import Any

import pytest

from auditseal_glue.own_events import NotRecordedError, RecordedAction, record_first, record_in_background
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


def outcomes(recorder: RecordedEvents) -> list[tuple[Outcome, str | None]]:
    """Return the outcomes of all events with their reasons; they are of one action."""
    assert len({event.correlation_id for event in recorder.events}) == 1
    assert None not in {event.correlation_id for event in recorder.events}
    return [(event.outcome, event.reason and event.reason.text) for event in recorder.events]


BEFORE = (Outcome.UNKNOWN, "this is recorded before it is done; another event says what came of it")


def test_an_action_is_unknown_before_it_is_done_and_succeeds_afterwards() -> None:
    recorder = RecordedEvents()
    action = RecordedAction(recorder, pytest.fail, **FIELDS)
    action.begin()
    assert outcomes(recorder) == [BEFORE]
    action.succeed()
    assert outcomes(recorder) == [BEFORE, (Outcome.SUCCESS, None)]


def test_an_action_that_failed_never_was_a_success() -> None:
    recorder = RecordedEvents()
    action = RecordedAction(recorder, pytest.fail, **FIELDS)
    action.begin()
    action.fail("the store refuses")
    action.fail("the store is away", Outcome.UNKNOWN)
    assert outcomes(recorder)[1:] == [(Outcome.FAILURE, "the store refuses"), (Outcome.UNKNOWN, "the store is away")]


def test_two_actions_have_two_correlation_ids() -> None:
    recorder = RecordedEvents()
    for _ in range(2):
        RecordedAction(recorder, pytest.fail, **FIELDS).begin()
    assert len({event.correlation_id for event in recorder.events}) == 2


def test_an_action_whose_first_event_may_still_arrive_gets_another_one_that_says_failure() -> None:
    recorder, lost = RecordedEvents(), list[BaseException]()
    with recorder.brokers_down(), pytest.raises(NotRecordedError):
        RecordedAction(recorder, lost.append, **FIELDS).begin()
    assert (recorder.events, len(recorder.failures), len(lost)) == ([], 2, 1)
    with recorder.buffer_full(), pytest.raises(NotRecordedError):
        RecordedAction(recorder, lost.append, **FIELDS).begin()
    assert len(lost) == 1


def test_an_outcome_that_was_lost_is_told() -> None:
    recorder, lost = RecordedEvents(), list[BaseException]()
    action = RecordedAction(recorder, lost.append, **FIELDS)
    action.begin()
    with recorder.buffer_full():
        action.succeed()
    assert outcomes(recorder) == [BEFORE]
    assert [type(error).__name__ for error in lost] == ["BufferFullError"]
