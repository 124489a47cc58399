"""The producers of a sealer: which logs share one."""

import time
from typing import Any, ClassVar

import pytest

from auditseal_schemas.origin import Origin
from auditseal_sealer import block_producers
from auditseal_sealer.block_producer import CLOSE_SECONDS
from auditseal_sealer.block_producers import BlockProducers
from auditseal_sealer.shares import SHARES

NOTHING: Any = None


class Noted:
    """A producer that notes how it ends."""

    ends: ClassVar = list[str]()

    def __init__(self, *_: object) -> None:
        pass

    def end(self) -> None:
        self.ends.append("end")

    def join(self, seconds: float) -> None:
        self.ends.append("join")
        time.sleep(seconds)  # its call doesn't return


@pytest.fixture
def producers(monkeypatch: pytest.MonkeyPatch) -> BlockProducers:
    Noted.ends.clear()
    monkeypatch.setattr(block_producers, "BlockProducer", Noted)
    return BlockProducers(NOTHING, NOTHING)


def origin(partition: int) -> Origin:
    return Origin("test.example.com", "events", partition, 0)


def test_each_producer_serves_the_logs_of_every_eighth_partition(producers: BlockProducers) -> None:
    made = [producers.of(origin(number)) for number in range(3 * SHARES)]
    assert made[:SHARES] == made[SHARES : 2 * SHARES] == made[2 * SHARES :]
    assert len(set(made)) == SHARES == 8


def test_a_sealer_of_few_logs_has_few_producers_and_all_are_told_to_end_before_one_is_waited_for(
    producers: BlockProducers,
) -> None:
    for number in (1, 5):
        producers.of(origin(number))
    producers.close()
    assert Noted.ends == ["end", "end", "join", "join"]


def test_producers_whose_calls_do_not_return_take_no_longer_than_one_of_them(producers: BlockProducers) -> None:
    """Or a sealer whose broker has died would not stop in time."""
    for number in range(SHARES):
        producers.of(origin(number))
    begun = time.monotonic()
    producers.close()
    assert CLOSE_SECONDS <= time.monotonic() - begun < 2 * CLOSE_SECONDS
