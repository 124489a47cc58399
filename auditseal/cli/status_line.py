"""The line on standard error that says what a long step is doing: on a terminal only."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text


@contextmanager
def status_line() -> Iterator[Callable[[str], None]]:
    """Yield a function that replaces the line; remove the line when the block ends.

    If standard error is not a terminal, show nothing, so that logs hold no animation.
    """
    with Console(stderr=True).status("") as status:
        yield lambda line: status.update(Text(line))
