"""Finds the end of a record batch that can't be read, by looking at few offsets behind it."""

import time
from collections.abc import Callable

from auditseal_schemas.errors import UnavailableError
from auditseal_sealer.errors import UnreadableRecordsError
from auditseal_sealer.event_reader import EventReader
from auditseal_sealer.unreadable import Unreadable

_STEP = 0.1  # s


def find_extent(open_reader: Callable[[], EventReader], found: Unreadable, end: int, timeout: float) -> range:
    """Return the offsets of an unreadable batch, from the first one that couldn't be read.

    A fetch at any offset of the batch returns the whole batch, and so its error. Where another batch or a record comes
    instead, this one is over.

    Args:
        open_reader: Makes a reader of the partition.
        found: What couldn't be read.
        end: The partition's end.
        timeout: Seconds that one look may take.

    Raises:
        UnavailableError: The brokers don't answer.
    """
    last, step = found.offset, 1
    while (probe := last + step) < end and _is_within(open_reader, found, probe, timeout):
        last, step = probe, 2 * step
    behind = min(probe, end)
    while behind - last > 1:
        middle = (last + behind) // 2
        last, behind = (middle, behind) if _is_within(open_reader, found, middle, timeout) else (last, middle)
    return range(found.offset, behind)


def _is_within(open_reader: Callable[[], EventReader], found: Unreadable, offset: int, timeout: float) -> bool:
    """Return whether an offset belongs to the unreadable batch."""
    deadline = time.monotonic() + timeout
    with open_reader() as reader:
        reader.seek(offset)
        try:
            while time.monotonic() < deadline:
                if reader.read(_STEP) or reader.is_at_end():
                    return False
        except UnreadableRecordsError as error:
            return error.found.batch == found.batch
    raise UnavailableError(f"offset {offset} can't be looked at: nothing came for {timeout:g} s")
