"""`python -m tests.tamper`: judges every case and prints the matrix; the exit code is 1 if one was missed."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

from tests.tamper.case import Kind
from tests.tamper.matrix import Row, run

INTERVAL = 5.0
"""Seconds between two lines of progress."""


def main() -> int:
    parser = ArgumentParser(prog="python -m tests.tamper", description=__doc__)
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--every", type=int, default=1, help="of the bulk classes, every so-manieth case only")
    parser.add_argument("--json", type=Path, help="where the matrix is written as JSON")
    options = parser.parse_args()
    began = monotonic()
    rows = run(options.jobs, options.every, _Progress(began))
    summary = summary_of(rows) | {"every": options.every, "seconds": round(monotonic() - began, 1)}
    if options.json:
        options.json.write_text(json.dumps(summary | {"rows": [row.to_json() for row in rows]}, indent=1) + "\n")
    print("\n".join(matrix_lines(rows)))
    print(", ".join(f"{name}: {number:,}" for name, number in summary.items()))
    return 1 if summary["missed"] else 0


class _Progress:
    """A line now and then on stderr."""

    def __init__(self, began: float) -> None:
        self._began = self._last = began

    def __call__(self, rows: Sequence[Row]) -> None:
        if monotonic() - self._last > INTERVAL:
            self._last = monotonic()
            cases, missed = sum(row.cases for row in rows), sum(row.missed for row in rows)
            print(f"{self._last - self._began:4.0f} s: {cases:,} cases, {missed} missed", file=sys.stderr, flush=True)


def summary_of(rows: Sequence[Row]) -> dict[str, int | float]:
    """Return the number of cases, of attacks that were detected, of those that can't be, of lawful changes, of misses.

    A class without a case shows nothing, so it counts as a miss.
    """
    by_kind = {kind: [row for row in rows if row.kind is kind] for kind in Kind}
    return {
        "cases": sum(row.cases for row in rows),
        "detected": sum(row.cases - row.missed for row in by_kind[Kind.ATTACK]),
        "undetectable without an anchor": sum(row.cases for row in by_kind[Kind.UNDETECTABLE]),
        "lawful": sum(row.cases for row in by_kind[Kind.LAWFUL]),
        "missed": sum(row.missed or not row.cases for row in rows),
    }


def matrix_lines(rows: Sequence[Row]) -> list[str]:
    """Return the matrix as lines of text: attacks first, then those that can't be detected, then lawful changes."""
    lines = [f"{'class':<72} {'the attacker':<32} {'cases':>7} {'missed':>6}  verdicts"]
    for kind in Kind:
        lines.append(f"-- {kind} --")
        for row in rows:
            if row.kind is kind:
                found = ", ".join(f"{verdicts or 'none'} {number:,}" for verdicts, number in row.verdicts.most_common())
                lines.append(f"{row.name:<72} {row.attacker:<32} {row.cases:>7,} {row.missed:>6}  {found}")
                lines += [f"     MISSED {name}: {problem}" for name, problem in row.misses]
    return lines


if __name__ == "__main__":
    sys.exit(main())
