"""Which file a producer takes as its spool, where several processes have one setting."""

from contextlib import suppress
from pathlib import Path

from auditseal_producer.errors import SpoolBusyError
from auditseal_producer.spool_file import SpoolFile

NUMBER = "{n}"
"""The part of a file's name that stands for a number."""

_MOST = 1_000


def open_spool(path: Path) -> SpoolFile:
    """Open a spool. Of a path with `{n}` in its name it is the first, from 0 on, that no other producer holds.

    So a process that takes the place of a dead one takes its spool, and sends what is left in it.

    Raises:
        SpoolBusyError: Another producer holds it; with `{n}`, others hold all numbers below 1,000.
        SpoolError: As `SpoolFile`. A damaged spool is not passed over, since its events would be forgotten.
    """
    if NUMBER not in path.name:
        return SpoolFile(path)
    for number in range(_MOST):
        with suppress(SpoolBusyError):
            return SpoolFile(path.with_name(path.name.replace(NUMBER, str(number))))
    raise SpoolBusyError(
        f"spool: producers hold all {_MOST} spools of {path}: close producers, or start fewer processes"
    )
