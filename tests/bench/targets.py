"""What a figure must reach, and the table that says whether it does."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

Figures = dict[str, float]


def formatted(figure: float) -> str:
    """Write a figure with as many digits as mean something."""
    return f"{figure:,.3f}" if figure < 100 else f"{figure:,.0f}"


@dataclass(frozen=True, slots=True)
class AtLeast:
    """A target to reach; below `floor`, where there is one, the figure is no longer acceptable either."""

    bound: float
    floor: float | None = None

    def __str__(self) -> str:
        return f"≥ {self.bound:,}" + (f", never < {self.floor:,}" if self.floor is not None else "")

    def missed(self, value: float) -> str | None:
        """Say what a figure lacks, None where it lacks nothing."""
        if value >= self.bound:
            return None
        share = f"lacks {formatted(self.bound - value)} ({1 - value / self.bound:.0%})"
        if self.floor is None:
            return share
        return f"{share}; the floor {'holds' if value >= self.floor else 'is MISSED too'}"


@dataclass(frozen=True, slots=True)
class Below:
    """A bound to stay below."""

    bound: float

    def __str__(self) -> str:
        return f"< {self.bound:,}"

    def missed(self, value: float) -> str | None:
        """Say by how much a figure is too large, None where it isn't."""
        return (
            None if value < self.bound else f"{formatted(value - self.bound)} too much ({value / self.bound - 1:.0%})"
        )


Row = tuple[str, str, str, AtLeast | Below | None]
"""A measurement's name, the figure's name in it, what that is, and its target; None where it has none of its own."""


def show(rows: Sequence[Row], figures: dict[str, Figures]) -> int:
    """Print the table, and each target that is missed; return 1 where one is, else 0: a command's exit code."""
    table = Table("what", "figure", "target")
    missed = []
    for measurement, name, what, target in rows:
        value = figures[measurement][name]
        lack = None if target is None else target.missed(value)
        if lack is not None:
            missed.append(f"{what}: {lack}")
        bound = "" if target is None else str(target) if lack is None else f"{target}  MISSED: {lack}"
        table.add_row(what, formatted(value), bound)
    Console(width=140).print(table)
    for line in missed:
        print(f"MISSED {line}")
    return 1 if missed else 0
