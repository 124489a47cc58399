"""A value that is computed at its first use, by each thread for its own instance at once."""

import threading
from dataclasses import dataclass

from auditseal_schemas.lazy_property import lazy_property


@dataclass(frozen=True)
class Doubled:
    number: int
    calls: list[int]
    both: threading.Barrier | None = None

    @lazy_property
    def value(self) -> int:
        """Twice the number."""
        if self.both:
            self.both.wait(10)
        self.calls.append(self.number)
        return 2 * self.number


def test_a_value_is_computed_at_its_first_use_and_kept() -> None:
    doubled = Doubled(3, [])
    assert doubled.calls == []
    assert [doubled.value, doubled.value] == [6, 6]
    assert doubled.calls == [3]


def test_the_class_shows_the_property_and_its_text() -> None:
    assert Doubled.value.__doc__ == "Twice the number."


def test_two_threads_compute_the_values_of_two_instances_at_the_same_time() -> None:
    both, calls = threading.Barrier(2), list[int]()
    ones = [Doubled(number, calls, both) for number in (1, 2)]
    threads = [threading.Thread(target=getattr, args=(one, "value")) for one in ones]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(calls) == [1, 2]
