"""The verdict of a soak on samples: growth is detected, and a flat line is flat."""

import os
import socket
from collections import Counter
from tempfile import TemporaryFile

import psutil
import pytest

from tests.faults.descriptors import descriptors_of
from tests.faults.slope import slope
from tests.faults.soak import Samples, growth, problems_of

MIB = 2**20


def test_the_slope_of_a_line_is_its_own() -> None:
    assert slope([0, 1, 2, 3], [5, 7, 9, 11]) == pytest.approx(2)
    assert slope([0, 1, 2, 3], [4, 4, 4, 4]) == 0
    assert slope([1, 1], [3, 4]) == 0


def test_growth_is_told_over_the_whole_time_and_by_the_hour() -> None:
    samples = Samples(list(range(101)), [(100 + number / 10) * MIB for number in range(101)], [Counter(files=20)] * 101)
    found = growth(samples)
    assert found["memory_growth"] == pytest.approx(0.1)
    assert found["memory_mib_per_hour"] == pytest.approx(360)
    assert (found["descriptors"], found["descriptor_growth"]) == (20, 0)


def test_the_first_quarter_is_warming_up() -> None:
    samples = Samples(list(range(100)), [MIB * min(number, 25) for number in range(100)], [Counter(files=10)] * 100)
    assert growth(samples.after_warm_up())["memory_growth"] == 0


def test_a_minute_has_its_first_sample() -> None:
    numbers = [Counter(files=number - 1, Kafka=1) for number in (7, 8, 9, 6, 5)]
    samples = Samples([10.0, 40.0, 69.0, 70.0, 200.0], [MIB * size for size in (1, 2, 3, 4, 5)], numbers)
    assert samples.by_minute() == {0: (1, 7), 1: (4, 6), 3: (5, 5)}


def test_connections_that_come_and_go_are_no_growth_and_descriptors_that_stay_are() -> None:
    pool = [0, 100, 3, 60, 0, 128, 7, 90, 0, 60, 128, 0]
    flat = Samples(list(range(12)), [MIB] * 12, [Counter(store=number, files=5) for number in pool])
    assert (growth(flat)["descriptor_growth"], growth(flat)["most_store_connections"]) == (0, 128)
    dip = Counter(files=4)  # as while a session begins anew
    grown = [
        each + Counter(Kafka=4 + at // 4) - (dip if at == 1 else Counter()) for at, each in enumerate(flat.descriptors)
    ]
    found = Samples(flat.times, flat.memory, grown)
    assert growth(found)["descriptor_growth"] == 2
    assert [each["Kafka"] for each in found.usual_descriptors()] == [4, 5, 6]


def test_each_descriptor_counts_as_what_it_is_for() -> None:
    process = psutil.Process()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        before = descriptors_of(process, {port: "store"})
        with socket.create_connection(("127.0.0.1", port)), TemporaryFile():
            pipe = os.pipe()
            found = descriptors_of(process, {port: "store"}) - before
            unnamed = descriptors_of(process, {}) - before
            for end in pipe:
                os.close(end)
    assert found == Counter(store=1, files=1, pipe=2)
    assert unnamed == Counter({"other connections": 1, "files": 1, "pipe": 2})


def test_each_bound_that_was_missed_is_a_problem_of_its_own() -> None:
    flat, grown = [
        {"memory_growth": by, "descriptor_growth": by * 50, "most_store_connections": 256 + more}
        for by, more in ((0.1, 0), (0.11, 1))
    ]
    assert problems_of(30, 0, 1, 2, {"sealer": flat}) == []
    assert problems_of(30.1, 2, 0, 1, {"sealer": flat, "watch": grown}) == [
        "lag was back to zero after 30.1 s only",
        "2 daemons ended",
        "no heartbeat came in the pauses",
        "no hold was released",
        "the watch's memory grew by 11%",
        "the watch holds 6 more descriptors",
        "the watch had 257 connections to the store",
    ]
