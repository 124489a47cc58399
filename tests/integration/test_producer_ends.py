"""Every way in which a process ends, on a real broker: what the documentation promises for it arrives."""

from collections import defaultdict
from dataclasses import replace

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from auditseal_local.kafka import KafkaNode
from auditseal_schemas.event import AuditEvent
from auditseal_schemas.event_codec import decode_event
from auditseal_schemas.event_parts import Stream
from tests.factory.events import LEAST
from tests.factory.process_ends import ENDS, SPOOLED_ENDS, End, Ended, Promise, check_end, run_ends
from tests.faults.rig import read_all

TOPIC = "process.ends"
Arrived = dict[str, list[AuditEvent]]


@pytest.fixture(scope="module")
def ended(kafka: KafkaNode) -> dict[str, tuple[Ended, list[AuditEvent]]]:
    """Run all the programs; return how each ended, and its events that arrived."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    admin.create_topics([NewTopic(TOPIC, 1, 1)])[TOPIC].result(20)
    all_ended = run_ends(ENDS, kafka.bootstrap_servers, TOPIC)
    arrived: Arrived = defaultdict(list)
    for value in read_all(kafka.bootstrap_servers, TOPIC, 1):
        event = decode_event(value)
        arrived[event.source.service].append(event)
    return {each.end.name: (each, arrived[each.end.name]) for each in all_ended}


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.name)
def test_an_end_keeps_its_promise(ended: dict[str, tuple[Ended, list[AuditEvent]]], end: End) -> None:
    check_end(*ended[end.name])


def test_each_promise_has_its_ends() -> None:
    every = (*ENDS, *SPOOLED_ENDS)
    assert {end.promise for end in every} == set(Promise)
    assert len({end.name for end in every}) == len(every)


@pytest.mark.parametrize(
    ("numbers", "promise"),
    [
        ([0, 1, 3], Promise.SOME),
        ([0, 1, 1], Promise.SOME),
        ([1, 0], Promise.SOME),
        ([0], Promise.ALL),
        ([0, 1, 1], Promise.ALL),
        ([0], Promise.KEPT),
    ],
)
def test_a_promise_that_is_broken_is_noticed(numbers: list[int], promise: Promise) -> None:
    events = [event_of(number) for number in numbers]
    with pytest.raises(AssertionError):
        check_end(Ended(End("end", "", promise, events=2), 0, ""), events)


def test_a_spool_may_deliver_an_event_twice() -> None:
    check_end(Ended(End("end", "", Promise.KEPT, events=2), 0, ""), [event_of(0), event_of(1), event_of(0)])


def event_of(number: int) -> AuditEvent:
    return replace(LEAST, event_id=f"01900000-0000-7000-8000-00000000000{number}", stream=Stream("s", number))
