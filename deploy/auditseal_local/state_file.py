"""What a local stack keeps in files between its commands, and finds again there."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from auditseal_local.errors import LocalStackError


@contextmanager
def reading_state(path: Path) -> Iterator[None]:
    """Say which file it is that can't be made sense of within.

    Raises:
        LocalStackError: The file was cut short, or changed by hand.
    """
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        raise LocalStackError(f"{path} is damaged: end what runs there by hand, and remove its folder") from error
