"""The verdict of a soak on samples: growth is detected, and a flat line is flat."""

import pytest

from tests.faults.slope import slope
from tests.faults.soak import Samples, growth, problems_of

MIB = 2**20


def test_the_slope_of_a_line_is_its_own() -> None:
    assert slope([0, 1, 2, 3], [5, 7, 9, 11]) == pytest.approx(2)
    assert slope([0, 1, 2, 3], [4, 4, 4, 4]) == 0
    assert slope([1, 1], [3, 4]) == 0


def test_growth_is_told_over_the_whole_time_and_by_the_hour() -> None:
    samples = Samples(list(range(101)), [(100 + number / 10) * MIB for number in range(101)], [20.0] * 101)
    found = growth(samples)
    assert found["memory_growth"] == pytest.approx(0.1)
    assert found["memory_mib_per_hour"] == pytest.approx(360)
    assert found["descriptor_growth"] == 0


def test_the_first_quarter_is_warming_up() -> None:
    samples = Samples(list(range(100)), [MIB * min(number, 25) for number in range(100)], [10.0] * 100)
    assert growth(samples.after_warm_up())["memory_growth"] == 0


def test_a_minute_has_its_first_sample() -> None:
    samples = Samples(
        [10.0, 40.0, 69.0, 70.0, 200.0], [MIB * size for size in (1, 2, 3, 4, 5)], [7.0, 8.0, 9.0, 6.0, 5.0]
    )
    assert samples.by_minute() == {0: (1, 7), 1: (4, 6), 3: (5, 5)}


def test_each_bound_that_was_missed_is_a_problem_of_its_own() -> None:
    flat, grown = [{"memory_growth": by, "descriptor_growth": by * 50} for by in (0.1, 0.11)]
    assert problems_of(30, 0, 1, {"sealer": flat}) == []
    assert problems_of(30.1, 2, 0, {"sealer": flat, "watch": grown}) == [
        "lag was back to zero after 30.1 s only",
        "2 daemons ended",
        "no heartbeat came in the pauses",
        "the watch's memory grew by 11%",
        "the watch holds 6 more descriptors",
    ]
