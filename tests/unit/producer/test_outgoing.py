"""An event on its way: unknown names in the words of `record`, and events that were published before."""

from datetime import UTC, datetime
from typing import Any

import pytest

from auditseal_producer import Actor, DecodeError, EventError, Outcome, Resource
from auditseal_producer.outgoing import EventEncoder, read_published
from auditseal_schemas.event_codec import decode_event
from auditseal_schemas.event_key import event_key
from auditseal_schemas.event_parts import Source, Stream

SOURCE, STREAM = Source(service="billing", environment="test"), Stream("s", 0)


def fields(**changed: Any) -> Any:
    return {
        "actor": Actor("user", "u-1"),
        "action": "approve",
        "resources": [Resource("invoice", "1")],
        "outcome": Outcome.SUCCESS,
    } | changed


def test_an_event_is_stamped_unless_the_service_did() -> None:
    event = decode_event(EventEncoder(SOURCE, STREAM).encode(fields()).place(7)[0])
    assert (event.stream.sequence, event.source) == (7, SOURCE)
    assert abs((datetime.now(UTC) - event.occurred_at).total_seconds()) < 60
    when = datetime(2026, 1, 1, tzinfo=UTC)
    again = EventEncoder(SOURCE, STREAM).encode(fields(event_id=event.event_id, occurred_at=when))
    assert decode_event(again.place(0)[0]).occurred_at == when
    assert again.event_id == event.event_id


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (fields(actr=1), "unknown field 'actr' (did you mean actor?); known: actor, action, resources"),
        (fields(source=SOURCE), "unknown field 'source'"),
        (fields(stream=STREAM), "unknown field 'stream'"),
        ({"action": "a"}, "actor is missing"),
    ],
)
def test_a_wrong_name_is_said_in_the_words_of_record(given: Any, problem: str) -> None:
    with pytest.raises(EventError) as refusal:
        EventEncoder(SOURCE, STREAM).encode(given)
    assert problem in str(refusal.value)
    assert "AuditEvent" not in str(refusal.value)


def test_what_a_service_s_iterable_raises_is_the_service_s() -> None:
    def changes() -> Any:
        raise TypeError("the service's own")
        yield

    with pytest.raises(TypeError, match="the service's own"):
        EventEncoder(SOURCE, STREAM).encode(fields(changes=changes()))


def test_a_published_event_stays_as_it_was() -> None:
    encoded = EventEncoder(SOURCE, STREAM).encode(fields()).place(41)[0]
    published = read_published(encoded)
    assert published.place(7) == (encoded, 41, 7)
    assert (published.stream_id, published.key) == ("s", event_key(None, Actor("user", "u-1")))


@pytest.mark.parametrize("wrong", [b"", b"x", b"\xc3\x01" + bytes(20)])
def test_bytes_that_are_not_an_event_are_refused(wrong: bytes) -> None:
    with pytest.raises(DecodeError):
        read_published(wrong)
    with pytest.raises(EventError, match="must be bytes, not str"):
        read_published("text")  # type: ignore[arg-type]
