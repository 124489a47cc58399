"""A partition that changes its consumer: where it continues, what it knows of the end, and what it gives back."""

from collections.abc import Mapping
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from auditseal_schemas.header import TIMESTAMP_APPEND
from auditseal_sealer import record_source
from auditseal_sealer.consumer_pool import OWN_AT_ONCE
from auditseal_sealer.event_record import EventRecord, Reading
from auditseal_sealer.record_source import RecordSource


class Clock:
    """A clock that goes on with each read: 0.3 s."""

    now = 100.0


class Scripted:
    """A consumer of one partition that has the records up to `end`; `seen` is the end that it reports."""

    def __init__(self, end: int, seen: int, epoch: int | None = 3) -> None:
        self.end, self.seen, self.epoch = end, seen, epoch
        self.assigned, self.closed, self.position = list[TopicPartition](), 0, 0
        self.refuses, self.clock = False, Clock

    def assign(self, where: TopicPartition) -> None:
        if self.refuses:
            raise KafkaException(KafkaError(KafkaError._FAIL))
        self.assigned.append(where)
        self.position = where.offset

    def read(self, most: int, timeout: float) -> Reading:
        self.clock.now += 0.3
        offsets = range(self.position, min(self.end, self.position + most))
        self.position = max(offsets.stop, self.position)
        return Reading([EventRecord(at, TIMESTAMP_APPEND, 1, None, (), b"", self.epoch) for at in offsets], -1, None)

    def has_waiting(self) -> bool:
        return self.position < self.end

    def wake(self) -> None:
        pass

    def known_end(self, where: TopicPartition) -> int:
        return self.seen

    def close(self) -> None:
        self.closed += 1


class Places:
    """As many places as consumers may be made."""

    def __init__(self, free: int) -> None:
        self.free = free

    def acquire(self, *, blocking: bool) -> bool:
        assert not blocking
        if not self.free:
            return False
        self.free -= 1
        return True

    def release(self) -> None:
        self.free += 1


class Pool:
    """A pool that hands out scripted consumers."""

    def __init__(self, *shared: Scripted, others: bool = True, free: int = OWN_AT_ONCE) -> None:
        self.shared, self.others, self.places = list(shared), others, Places(free)

    def open(self, properties: Mapping[str, str]) -> Scripted:
        return self.shared.pop(0)

    def has_others(self, properties: Mapping[str, str]) -> bool:
        return self.others


class Stage:
    """A source on scripted consumers, and a clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, pool: Any, own: Scripted) -> None:
        self.made = 0

        def make(properties: Mapping[str, str]) -> Scripted:
            self.made += 1
            return own

        monkeypatch.setattr(record_source, "RecordConsumer", make)
        monkeypatch.setattr(record_source.time, "monotonic", lambda: Clock.now)
        self.source = RecordSource(pool, {})

    def read(self, most: int = 64) -> list[int]:
        return [record.offset for record in self.source.read(most, 0).records]

    def read_often(self, times: int, most: int = 64) -> list[int]:
        return [offset for _ in range(times) for offset in self.read(most=most)]


def test_it_continues_right_behind_the_last_record_with_that_records_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    shared, own, again = Scripted(197, 1_000), Scripted(200, 200, None), Scripted(230, 230)
    pool = Pool(shared, again)
    stage = Stage(monkeypatch, pool, own)
    stage.source.assign(TopicPartition("events", 2, 5, leader_epoch=1))
    assert stage.read_often(10) == list(range(5, 200))
    (there,) = own.assigned
    assert (there.topic, there.partition, there.offset, there.leader_epoch) == ("events", 2, 197, 3)
    assert (shared.closed, own.closed, pool.places.free) == (1, 0, OWN_AT_ONCE - 1)
    assert stage.read_often(50) == []
    assert not again.assigned
    assert stage.read_often(20) == list(range(200, 230))
    (back,) = again.assigned
    assert (back.offset, back.leader_epoch) == (200, None)
    assert (own.closed, pool.places.free) == (1, OWN_AT_ONCE)
    stage.source.close()
    assert (again.closed, pool.places.free) == (1, OWN_AT_ONCE)


def test_before_the_first_record_it_continues_where_it_was_assigned(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Scripted(9, 9)
    stage = Stage(monkeypatch, Pool(Scripted(0, 9)), own)
    stage.source.assign(TopicPartition("events", 0, 4, leader_epoch=1))
    assert [stage.read() for _ in range(5)] == [[], [], [], [], [4, 5, 6, 7, 8]]
    assert [(where.offset, where.leader_epoch) for where in own.assigned] == [(4, 1)]


def test_an_end_that_one_consumer_has_seen_is_not_forgotten_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Scripted(9, -1001)
    stage = Stage(monkeypatch, Pool(Scripted(4, 9)), own)
    stage.source.assign(TopicPartition("events", 0, 0))
    stage.read_often(8, most=1)
    assert own.assigned
    assert stage.source.known_end(TopicPartition("events", 0)) == 9
    stage.source.assign(TopicPartition("events", 0, 0))
    assert stage.source.known_end(TopicPartition("events", 0)) < 0


@pytest.mark.parametrize("pool", [Pool(Scripted(9, 99), others=False), Pool(Scripted(9, 99), free=0)])
def test_alone_or_without_a_place_it_stays(monkeypatch: pytest.MonkeyPatch, pool: Pool) -> None:
    stage = Stage(monkeypatch, pool, Scripted(99, 99))
    stage.source.assign(TopicPartition("events", 0, 0))
    assert stage.read_often(20, most=1) == list(range(9))
    assert stage.made == 0


def test_records_that_are_there_and_were_not_read_yet_make_nobody_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(monkeypatch, Pool(Scripted(40, 40)), Scripted(99, 99))
    stage.source.assign(TopicPartition("events", 0, 0))
    assert stage.read_often(60, most=1) == list(range(40))
    assert stage.made == 0


def test_where_its_own_consumer_is_refused_it_stays_and_gives_the_place_back(monkeypatch: pytest.MonkeyPatch) -> None:
    own, pool = Scripted(99, 99), Pool(Scripted(9, 99))
    own.refuses = True
    stage = Stage(monkeypatch, pool, own)
    stage.source.assign(TopicPartition("events", 0, 0))
    assert stage.read_often(20, most=1) == list(range(9))
    assert stage.made > 1
    assert (own.closed, pool.places.free) == (stage.made, OWN_AT_ONCE)


def test_closing_while_it_has_its_own_consumer_gives_the_place_back_once(monkeypatch: pytest.MonkeyPatch) -> None:
    own, pool = Scripted(99, 99), Pool(Scripted(9, 99))
    stage = Stage(monkeypatch, pool, own)
    stage.source.assign(TopicPartition("events", 0, 0))
    stage.read_often(14, most=1)
    assert pool.places.free == OWN_AT_ONCE - 1
    stage.source.close()
    stage.source.close()
    assert (own.closed, pool.places.free) == (2, OWN_AT_ONCE)
