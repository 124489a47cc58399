"""Ranges of whole numbers, such as offsets and heights, of which those that touch are one."""

from collections.abc import Iterable


def join_ranges(ranges: Iterable[range]) -> tuple[range, ...]:
    """Return ranges in ascending order, with one range for those that touch or overlap."""
    joined = list[range]()
    for one in sorted(ranges, key=lambda one: one.start):
        if joined and one.start <= joined[-1].stop:
            joined[-1] = range(joined[-1].start, max(joined[-1].stop, one.stop))
        else:
            joined.append(one)
    return tuple(joined)
