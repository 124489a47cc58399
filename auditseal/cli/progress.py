"""The bar of a long step: how far it is, how fast it is, and how long it still takes; on a terminal only."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

Advance = Callable[[str, int, int | None], None]
"""Called with what is done, how much of it is done, and how much there is; None where that is not known yet."""
_REFRESH_SECONDS = 0.1


class _RateColumn(TextColumn):
    """How much is done in a second."""

    def __init__(self, unit: str) -> None:
        super().__init__("")
        self._unit = unit

    def render(self, task: Task) -> Text:
        """Return the rate, empty before there is one."""
        return Text(f"{task.speed:,.0f} {self._unit}/s" if task.speed else "")


@contextmanager
def progress_bar(unit: str) -> Iterator[Advance]:
    """Yield the function that moves the bars, one for each thing that is done; remove them when the block ends.

    No thread refreshes them, so that the processes that do the work can start by a fork.

    Args:
        unit: What is counted, such as blocks.
    """
    console = Console(stderr=True)
    hidden = not console.is_terminal
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        _RateColumn(unit),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=hidden, auto_refresh=False) as progress:
        due = monotonic()
        bars = {}

        def advance(what: str, done: int, total: int | None) -> None:
            nonlocal due
            if hidden or monotonic() < due:
                return
            if what not in bars:
                bars[what] = progress.add_task(what, total=total)
            progress.update(bars[what], completed=done, total=total, refresh=True)
            due = monotonic() + _REFRESH_SECONDS

        yield advance
