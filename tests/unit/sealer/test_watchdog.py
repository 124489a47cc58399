"""A call that doesn't come back ends the process; one that does is forgotten."""

import threading

from auditseal_schemas.halt import Halt, HaltError
from auditseal_sealer.watchdog import Watchdog


def test_a_call_that_hangs_is_named_and_one_that_returned_is_not() -> None:
    expired, told = [], threading.Event()

    def expire(error: HaltError) -> None:
        expired.append(error)
        told.set()

    watchdog = Watchdog(1.0, expire)
    with watchdog.over("commit_transaction"):
        pass
    with watchdog.over("send_offsets_to_transaction"):
        assert told.wait(60)
    (error,) = expired
    assert error.halt is Halt.TRANSACTION_STUCK
    assert "send_offsets_to_transaction" in str(error)
    assert "commit_transaction" not in str(error)


def test_calls_that_return_in_time_let_the_process_live() -> None:
    expired: list[HaltError] = []
    watchdog = Watchdog(1.5, expired.append)
    for _ in range(4):  # of which each has more than a second left, and all together take longer
        with watchdog.over("flush"):
            threading.Event().wait(0.45)
    assert expired == []
