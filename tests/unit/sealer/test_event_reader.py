"""Reading events on a scripted consumer: errors within what was read, known gaps, silence, and the end of a batch."""

import time
from collections.abc import Mapping, Sequence

import pytest
from confluent_kafka import KafkaError, TopicPartition

from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.header import TIMESTAMP_APPEND
from auditseal_sealer import event_reader
from auditseal_sealer.damage_extent import find_extent
from auditseal_sealer.errors import UnreadableRecordsError
from auditseal_sealer.event_reader import AT_ONCE, EventReader
from auditseal_sealer.event_record import EventRecord, Fault, Reading
from auditseal_sealer.unreadable import Damage, Unreadable

WHERE = TopicPartition("events", 0)


def record(offset: int) -> EventRecord:
    return EventRecord(offset, TIMESTAMP_APPEND, 1, None, (), b"value", 0)


class ScriptedConsumer:
    """A partition of records, in which some ranges are damaged batches and others never come."""

    def __init__(self, end: int, damaged: Sequence[range] = (), missing: Sequence[range] = ()) -> None:
        self.end, self.damaged, self.missing = end, damaged, missing
        self.code: int = KafkaError._BAD_COMPRESSION
        self.position = 0
        self.properties: Mapping[str, str] = {}
        self.calls, self.closed = 0, 0

    def assign(self, where: TopicPartition) -> None:
        self.position = where.offset

    def read(self, most: int, timeout: float) -> Reading:
        self.calls += 1
        found = list[EventRecord]()
        while len(found) < most and self.position < self.end:
            for batch in self.damaged:
                if self.position in batch:
                    return Reading(found, -1, Fault(batch.start, KafkaError(self.code, "no good")))
            if any(self.position in gap for gap in self.missing):
                return Reading(found, -1, None)
            found.append(record(self.position))
            self.position += 1
        return Reading(found, self.end if self.position == self.end else -1, None)

    def known_end(self, where: TopicPartition) -> int:
        return self.end

    def close(self) -> None:
        self.closed += 1


def reader_of(
    consumer: ScriptedConsumer,
    *skips: range,
    silence: float = 60,
    partitions: int = 1,
) -> EventReader:
    def make(properties: Mapping[str, str]) -> ScriptedConsumer:
        consumer.properties = properties
        return consumer

    return EventReader(make, {}, "group", WHERE, partitions=partitions, fetch_bytes=7, silence=silence, skips=skips)


def read_all(reader: EventReader) -> list[int]:
    offsets = list[int]()
    while messages := reader.read(0):
        offsets += [message.offset for message in messages]
    return offsets


def test_few_records_are_taken_at_once_and_one_fetch_at_a_time() -> None:
    consumer = ScriptedConsumer(3 * AT_ONCE)
    reader = reader_of(consumer)
    reader.seek(0)
    assert [len(reader.read(0)) for _ in range(4)] == [AT_ONCE, AT_ONCE, AT_ONCE, 0]
    expected = {"queued.min.messages": "1", "fetch.message.max.bytes": "7", "check.crcs": "true"}
    assert {name: consumer.properties[name] for name in expected} == expected


@pytest.mark.parametrize("first", [0, 1, 5, AT_ONCE])
@pytest.mark.parametrize(
    ("code", "damage"),
    [
        (KafkaError._BAD_COMPRESSION, Damage.COMPRESSION),
        (KafkaError._BAD_MSG, Damage.CONTENT),
        (KafkaError._NOT_IMPLEMENTED, Damage.CONTENT),
        (KafkaError.INVALID_MSG, Damage.CONTENT),
    ],
)
def test_records_before_an_unreadable_batch_come_first(first: int, code: int, damage: Damage) -> None:
    consumer = ScriptedConsumer(2 * AT_ONCE, [range(first, first + 3)])
    consumer.code = code
    reader = reader_of(consumer)
    reader.seek(0)
    offsets = [message.offset for _ in range(first // AT_ONCE + 1) for message in reader.read(0)]
    assert offsets == list(range(first))
    with pytest.raises(UnreadableRecordsError) as caught:
        read_all(reader)
    found = caught.value.found
    assert (found.offset, found.damage, found.batch) == (first, damage, first)


def test_from_the_middle_of_a_batch_on_only_the_rest_of_it_is_unreadable() -> None:
    reader = reader_of(ScriptedConsumer(40, [range(3, 9)]))
    reader.seek(5)
    assert reader.read(0) == []
    with pytest.raises(UnreadableRecordsError) as caught:
        reader.read(0)
    assert (caught.value.found.offset, caught.value.found.batch) == (5, 3)


def test_known_ranges_are_skipped() -> None:
    consumer = ScriptedConsumer(30, [range(3, 9), range(20, 30)])
    reader = reader_of(consumer, range(3, 9), range(20, 30))
    reader.seek(0)
    offsets = [message.offset for _ in range(20) for message in reader.read(0)]
    assert offsets == [0, 1, 2, *range(9, 20)]
    assert reader.is_at_end()


def test_another_error_is_unavailability() -> None:
    consumer = ScriptedConsumer(9, [range(2, 3)])
    consumer.code = KafkaError._AUTO_OFFSET_RESET
    reader = reader_of(consumer, range(2, 3))
    reader.seek(0)
    assert len(reader.read(0)) == 2
    with pytest.raises(UnavailableError, match="events/0 can't be read: no good"):
        reader.read(0)


def test_records_that_are_there_and_dont_come_are_unreadable_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    consumer = ScriptedConsumer(9, missing=[range(4, 6)])
    reader = reader_of(consumer, silence=60)
    reader.seek(0)
    assert len(reader.read(0)) == 4
    assert reader.read(0) == []
    now = time.monotonic()
    monkeypatch.setattr(event_reader.time, "monotonic", lambda: now + 61)
    with pytest.raises(UnreadableRecordsError) as caught:
        reader.read(0)
    found = caught.value.found
    assert (found.offset, found.damage) == (4, Damage.SILENCE)
    assert "ends at 9" in found.problem


def test_the_end_of_the_log_is_no_silence() -> None:
    consumer = ScriptedConsumer(4)
    reader = reader_of(consumer, silence=-1.0)
    reader.seek(0)
    assert read_all(reader) == [0, 1, 2, 3]
    assert [reader.read(0) for _ in range(5)] == [[]] * 5


@pytest.mark.parametrize("offset", [10, 12, 40])
@pytest.mark.parametrize("length", [1, 2, 3, 7, 64, 1000])
@pytest.mark.parametrize("behind", [0, 1, 5])
@pytest.mark.parametrize("is_another_damaged", [False, True])
def test_the_end_of_a_damaged_batch_is_found_by_few_looks(
    offset: int, length: int, behind: int, is_another_damaged: bool
) -> None:
    batch = range(10, 40 + length)
    another = [range(batch.stop, batch.stop + behind)] if is_another_damaged and behind else []
    consumer = ScriptedConsumer(batch.stop + behind, [batch, *another])
    found = Unreadable(offset, Damage.COMPRESSION, "", 10)
    extent = find_extent(lambda: reader_of(consumer), found, consumer.end, 5)
    assert extent == range(offset, batch.stop)
    assert consumer.closed <= 2 * (batch.stop - offset).bit_length() + 1


def test_a_look_without_an_answer_decides_nothing() -> None:
    consumer = ScriptedConsumer(100, missing=[range(100)])
    found = Unreadable(10, Damage.COMPRESSION, "", 10)
    with pytest.raises(UnavailableError, match="offset 11 can't be looked at"):
        find_extent(lambda: reader_of(consumer), found, 100, 0.05)


@pytest.mark.parametrize(("partitions", "pause"), [(1, "1"), (7, "1"), (16, "4"), (40, "10"), (1_000, "10")])
def test_the_more_partitions_the_less_often_librdkafka_looks_at_its_queue(partitions: int, pause: str) -> None:
    consumer = ScriptedConsumer(0)
    reader_of(consumer, partitions=partitions)
    assert consumer.properties["fetch.queue.backoff.ms"] == pause


def test_an_end_from_before_the_seek_is_not_the_present_end() -> None:
    consumer = ScriptedConsumer(4, missing=[range(4)])
    reader = reader_of(consumer)
    consumer.end = 0
    reader.seek(0)
    assert not reader.is_at_end()  # a shared consumer may know the end of an earlier time
    reader.read(0)  # the end
    assert reader.is_at_end()
    reader.seek(0)
    assert not reader.is_at_end()
