"""The errors of the files in which a local stack keeps its state between commands."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from auditseal_local.errors import LocalStackError


@contextmanager
def reading_state(path: Path) -> Iterator[None]:
    """Name the state file in an error of the block that reads it.

    Raises:
        LocalStackError: The file was cut short, or changed by hand.
    """
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        raise LocalStackError(f"{path} is damaged: end its processes by hand, and remove its folder") from error
