"""Where a partition is read from, asked of a broker that doesn't answer: a stop ends the asking."""

import time
from typing import Any

import pytest

from auditseal_archiver.errors import StoppedError
from auditseal_archiver.start_offset import find_beginning, find_start
from tests.unit.archiver.consumers import SilentConsumer, stop_when_asked

SOON = 60.0  # s: for a machine that does much else; a stop that is not seen asks forever


@pytest.mark.parametrize("find", [find_start, find_beginning])
def test_a_stop_ends_the_asking(find: Any) -> None:
    consumer = SilentConsumer()
    begun = time.monotonic()
    stop = stop_when_asked(consumer)
    with pytest.raises(StoppedError):
        find(consumer, "blocks", 0, stop)
    assert time.monotonic() - begun < SOON
    consumer.asked.clear()
    with pytest.raises(StoppedError):
        find(consumer, "blocks", 0, stop)
    assert not consumer.asked.is_set()
