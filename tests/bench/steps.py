"""The steps of a benchmark, which say on the way what is done."""

import sys
from collections.abc import Callable

from tests.bench.targets import Figures


def say(text: str) -> None:
    """Print a line about the progress, apart from the figures."""
    print(text, file=sys.stderr, flush=True)


def step(name: str, run: Callable[[], Figures]) -> Figures:
    """Say what is measured, and measure it."""
    say(f"measuring {name}")
    return run()
