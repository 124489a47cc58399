"""What to do about records that can't be read: the policy as tables."""

import pytest

from auditseal_schemas.halt import Halt, HaltError
from auditseal_sealer.unreadable import ATTEMPTS, Damage, Doubt, Unreadable
from tests.factory.keys import ORIGIN

BOMB = Unreadable(7, Damage.COMPRESSION, "it doesn't inflate", 5)
WRONG_CRC = Unreadable(7, Damage.CONTENT, "its CRC is wrong", 5)
SILENT = Unreadable(7, Damage.SILENCE, "nothing came", 7)


def doubt(*found: Unreadable) -> Doubt:
    now = Doubt()
    for one in found:
        now = now.again(one)
    return now


@pytest.mark.parametrize(
    ("found", "may_skip"),
    [
        ([], False),
        ([BOMB], False),
        ([BOMB] * (ATTEMPTS - 1), False),
        ([BOMB] * ATTEMPTS, True),
        ([*[BOMB] * (ATTEMPTS - 1), Unreadable(9, Damage.COMPRESSION, "", 9)], False),
        ([*[BOMB] * (ATTEMPTS - 1), WRONG_CRC], False),
        ([WRONG_CRC, *[BOMB] * ATTEMPTS], True),
        ([WRONG_CRC] * (ATTEMPTS - 1), False),
        ([SILENT] * (ATTEMPTS - 1), False),
    ],
)
def test_a_batch_is_skipped_once_it_failed_often_enough_in_one_way(found: list[Unreadable], may_skip: bool) -> None:
    assert doubt(*found).may_skip(ORIGIN) is may_skip


@pytest.mark.parametrize("found", [WRONG_CRC, SILENT], ids=lambda found: found.damage.name)
def test_what_a_replica_may_have_is_a_halt_that_says_where(found: Unreadable) -> None:
    with pytest.raises(HaltError, match=f"from offset 7 on .*{found.problem}.*let another replica lead") as caught:
        doubt(*[found] * ATTEMPTS).may_skip(ORIGIN)
    assert caught.value.halt is Halt.UNREADABLE_RECORDS


def test_each_failure_lets_the_next_read_be_silent_for_twice_as_long() -> None:
    doubt, found = Doubt(), Unreadable(5, Damage.SILENCE, "nothing", 5)
    waits = list[float]()
    for _ in range(ATTEMPTS):
        waits.append(doubt.silence(20))
        doubt = doubt.again(found)
    assert waits == [20, 40, 80]


def test_a_doubt_is_open_until_its_records_are_skipped() -> None:
    assert not Doubt().is_open([])
    assert doubt(BOMB).is_open([range(8, 9)])
    assert not doubt(BOMB, BOMB).is_open([range(1, 2), range(7, 9)])
