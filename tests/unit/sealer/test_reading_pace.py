"""When a partition gets a consumer of its own, and when it gives it back."""

from auditseal_sealer.reading_pace import ReadingPace


def wait(pace: ReadingPace, *, has_more: bool) -> None:
    for _ in range(6):
        assert not pace.is_to_be_judged()
        pace.note(64, 0.1)
    assert pace.is_to_be_judged()
    pace.judge(has_more=has_more)


def test_one_that_reads_all_there_is_keeps_up_however_much_it_is() -> None:
    pace = ReadingPace(100.0)
    for _ in range(50):
        wait(pace, has_more=False)
        assert not pace.is_behind()


def test_one_for_which_the_broker_has_more_each_time_is_behind() -> None:
    pace, found = ReadingPace(100.0), list[bool]()
    for has_more in (True, False, True, True):
        wait(pace, has_more=has_more)
        found.append(pace.is_behind())
    assert found == [False, False, False, True]


def test_one_that_never_waits_is_not_behind_whatever_the_broker_has() -> None:
    pace = ReadingPace(100.0)
    for _ in range(10_000):
        pace.note(64, 0.0)
    assert not pace.is_to_be_judged()


def test_where_there_is_no_other_consumer_it_asks_again_after_as_long() -> None:
    pace, found = ReadingPace(100.0), list[bool]()
    for _ in range(4):
        wait(pace, has_more=True)
        found.append(pace.is_behind())
        if pace.is_behind():
            pace.stay()
    assert found == [False, True, False, True]


def quiet_after(pace: ReadingPace, begun: float, rate: int, seconds: int) -> float | None:
    """Return the seconds after which a partition with so many records a second is quiet; None if it isn't."""
    for elapsed in range(1, seconds + 1):
        pace.note(rate, 0.0)
        if pace.is_quiet(begun + elapsed):
            return float(elapsed)
    return None


def test_a_consumer_of_its_own_is_kept_while_many_records_come_and_each_time_for_longer() -> None:
    pace, found = ReadingPace(0.0), list[float | None]()
    assert quiet_after(pace, 0.0, rate=100, seconds=100) is None
    for turn in range(1, 9):
        pace.take_own(turn * 1e4)
        found.append(quiet_after(pace, turn * 1e4, rate=99, seconds=1_000))
        pace.take_shared(turn * 1e4 + 2_000)
    assert found == [20, 40, 80, 160, 320, 600, 600, 600]


def test_one_for_which_the_broker_has_more_is_not_quiet() -> None:
    pace = ReadingPace(0.0)
    wait(pace, has_more=True)
    assert not pace.is_quiet(31.0)
