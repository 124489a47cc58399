"""Every way in which a process ends, on a real broker: what the documentation promises for it arrives."""

from collections import defaultdict

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from auditseal_local.kafka import KafkaNode
from auditseal_schemas.event import AuditEvent
from auditseal_schemas.event_codec import decode_event
from tests.factory.process_ends import ENDS, End, Ended, Promise, run_ends
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
    how, events = ended[end.name]
    assert how.code == end.code, how.told
    streams: dict[str, list[int]] = defaultdict(list)
    for event in events:
        streams[event.stream.id].append(event.stream.sequence)
    # Whatever got lost is a tail: no stream has a gap, and none has a number twice.
    assert all(numbers == list(range(len(numbers))) for numbers in streams.values())
    assert len({event.event_id for event in events}) == len(events)
    if end.promise is Promise.SOME:
        assert len(events) <= end.events
    else:
        assert (len(events), len(streams)) == (end.events, end.streams), how.told


def test_each_promise_has_its_ends() -> None:
    assert {end.promise for end in ENDS} == set(Promise)
    assert len({end.name for end in ENDS}) == len(ENDS)
