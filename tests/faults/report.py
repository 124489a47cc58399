"""What a campaign tells: a line for each fault, and all of it as JSON.

`python -m tests.faults.report faults.json` prints the table of docs/explanation/reliability.md from it.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.faults.fault import Fault, Outcome


@dataclass(frozen=True)
class Result:
    """A fault's outcome, or the reason why it is missing."""

    fault: Fault
    seconds: float
    outcome: Outcome | None
    problem: str = ""

    @property
    def verdict(self) -> str:
        return "held" if self.outcome else "FAILED"


_COLUMNS = (
    f"{'fault':5} {'times':>6} {'acknowledged':>12} {'sealed once':>11} {'measured':>8} {'recovery p50':>12} {'p99':>6}"
    f" {'longest':>8} {'took':>7}  verdict"
)


def format_heading() -> str:
    return _COLUMNS


def format_line(result: Result) -> str:
    """Return a result as a line of the table; recoveries in seconds."""
    name, took = result.fault.name, f"{result.seconds:.0f} s"
    if result.outcome is None:
        return (
            f"{name:5} {'':>6} {'':>12} {'':>11} {'':>8} {'':>12} {'':>6} {'':>8} {took:>7}  FAILED: {result.problem}"
        )
    found = result.outcome
    note = f" ({found.note})" if found.note else ""
    times = (
        f"{len(found.recoveries):>8} {found.median:>12.1f} {found.p99:>6.1f} {found.longest:>8.1f}"
        if found.recoveries
        else f"{'-':>8} {'-':>12} {'-':>6} {'-':>8}"
    )
    numbers = f"{found.injected:>6} {found.acknowledged:>12} {found.sealed:>11}"
    return f"{name:5} {numbers} {times} {took:>7}  held: {result.fault.title}{note}"


def figures(found: Outcome) -> dict[str, object]:
    """Return an outcome with what its recoveries come to: how many were measured, and their percentiles."""
    summary = {"measured": len(found.recoveries), "p50": found.median, "p99": found.p99, "longest": found.longest}
    return asdict(found) | {name: round(number, 2) for name, number in summary.items()}


def write_json(path: Path, seed: int, results: Sequence[Result]) -> None:
    """Write all results."""
    lines = [
        {
            "fault": result.fault.name,
            "title": result.fault.title,
            "verdict": result.verdict,
            "problem": result.problem,
            "seconds": round(result.seconds, 1),
            **(figures(result.outcome) if result.outcome else {}),
        }
        for result in results
    ]
    path.write_text(json.dumps({"seed": seed, "results": lines}, indent=1) + "\n")


def format_row(result: Mapping[str, Any]) -> str:
    """Return one of the JSON's results as a row of a Markdown table; a fault that failed says why.

    An event counts as acknowledged only where each was sealed once: the verdict is `held` for no other.
    """
    if result["verdict"] != "held":
        return f"| {result['fault']} | {result['title']} | | **failed** | | | | {result['problem']} |"
    times = [f"{result['p50']:.1f} s", f"{result['p99']:.1f} s"] if result["measured"] else ["-", "-"]
    once = f"{result['sealed']:,} of {result['acknowledged']:,}" if result["acknowledged"] else "-"
    cells = [
        result["fault"],
        result["title"],
        result["injected"],
        once,
        result["measured"] or "-",
        *times,
        result["note"],
    ]
    return f"| {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    told = json.loads(Path(sys.argv[1]).read_text())
    print("| fault | what | times | sealed once of acknowledged | measured | recovery p50 | p99 | seen |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for one in told["results"]:
        print(format_row(one))
    minutes = sum(one["seconds"] for one in told["results"]) / 60
    print(f"\nSeed {told['seed']}, {minutes:.0f} minutes.")
