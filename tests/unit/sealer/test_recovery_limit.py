"""The number of recoveries at once has a bound, and so has the time that one of them waits."""

import threading
import time

import pytest

from auditseal_sealer.recovery_limit import RecoveryLimit


def test_no_more_than_so_many_go_on_at_once() -> None:
    limit, lock, under_way, most = RecoveryLimit(2, 60), threading.Lock(), list[int](), list[int]()

    def recovery(number: int) -> None:
        with limit.turn():
            with lock:
                under_way.append(number)
                most.append(len(under_way))
            time.sleep(0.02)
            with lock:
                under_way.remove(number)

    threads = [threading.Thread(target=recovery, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(most) == 8
    assert max(most) == 2


def test_one_that_has_waited_for_long_goes_on_and_gives_nobody_elses_place_back() -> None:
    limit = RecoveryLimit(1, 0.01)
    with limit.turn(), limit.turn():  # the end of the outer one would raise if its place had been given back
        pass


def test_a_place_is_given_back_after_an_error() -> None:
    limit, begun = RecoveryLimit(1, 30), time.monotonic()
    for _ in range(3):
        with pytest.raises(TimeoutError), limit.turn():
            raise TimeoutError
    assert time.monotonic() - begun < 25
