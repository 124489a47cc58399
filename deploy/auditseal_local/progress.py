"""The reports of long steps about their progress."""

from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[str], None]
"""Called with one short line whenever the step or its state changes, about once a second at most."""


def silent(_line: str) -> None:
    """Ignore progress, for callers that show none."""
