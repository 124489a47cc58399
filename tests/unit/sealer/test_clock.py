"""Whose clock counts: the broker's, which a block may lead by a bound."""

import pytest

from auditseal_schemas.halt import Halt, HaltError
from auditseal_sealer.clock import BrokerClock


def test_a_block_may_lead_the_brokers_clock_by_the_bound_and_no_more() -> None:
    clock = BrokerClock(appended=1_000_000, seen=50.0)  # the broker's time is 1,000 s + what has passed since
    clock.check(1_010_000_000, now=50.0, bound=10)
    clock.check(1_015_000_000, now=55.0, bound=10)
    clock.check(0, now=50.0, bound=10)  # an event's broker may be ahead of us: only a lead is a lie
    with pytest.raises(HaltError) as caught:
        clock.check(1_010_100_000, now=50.0, bound=10)
    assert caught.value.halt is Halt.CLOCK
