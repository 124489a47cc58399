"""Ranges that touch are one."""

import pytest

from auditseal_schemas.ranges import join_ranges


@pytest.mark.parametrize(
    ("ranges", "joined"),
    [
        ([], ()),
        ([range(3, 5), range(1, 2)], (range(1, 2), range(3, 5))),
        ([range(1, 3), range(3, 5)], (range(1, 5),)),
        ([range(1, 9), range(3, 5), range(10, 11)], (range(1, 9), range(10, 11))),
    ],
)
def test_ranges_that_touch_are_one(ranges: list[range], joined: tuple[range, ...]) -> None:
    assert join_ranges(ranges) == joined
