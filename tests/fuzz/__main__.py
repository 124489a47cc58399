"""`python -m tests.fuzz [TARGET ...]`: fuzz each target in a process of its own, and report. `make fuzz` runs it.

The exit code is 0 only where every input of every target kept the promises that `watch` holds it to.
"""

import argparse
import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from tests.fuzz.targets import TARGETS
from tests.fuzz.watch import MOST_GROWTH_KIB, MOST_SECONDS

_ROW = "{:<12} {:>9} {:>8} {:>6} {:>9} {:>9} {:>9} {:>8} {:>6}  {}"
_HEAD = ("target", "inputs", "parsed", "s", "slowest", "base MiB", "peak MiB", "corpus", "lines", "answer")


@dataclass(frozen=True)
class Outcome:
    """The result of fuzzing one target.

    Attributes:
        target: Its name.
        passed: Every input that was asked for was tried and kept the promises.
        exit_code: The fuzzing process's own: 77 where an input broke a promise, -n where signal n ended it.
        seconds: How long it took.
        corpus: The inputs that are kept since each reaches something new.
        reached: Of each module that the target is about, the percentage of its lines that the corpus reaches.
        numbers: What the watch saw; empty where the process died before it could tell.
    """

    target: str
    passed: bool
    exit_code: int
    seconds: float
    corpus: int
    reached: dict[str, float]
    numbers: dict[str, Any]

    def row(self) -> str:
        """Return the outcome as a line of the table."""
        numbers = self.numbers
        lines = sum(self.reached.values()) / len(self.reached) if self.reached else 0.0
        return _ROW.format(
            self.target,
            numbers.get("executions", 0),
            numbers.get("accepted", 0),
            round(self.seconds),
            f"{numbers.get('slowest_seconds', 0) * 1000:.0f} ms",
            *(f"{(numbers.get(name) or 0) / 1024:.1f}" for name in ("baseline_kib", "peak_kib")),
            self.corpus,
            f"{lines:.0f} %",
            "pass" if self.passed else "FAIL",
        )


def fuzz(name: str, runs: int, folder: Path) -> Outcome:
    """Fuzz one target and replay what was found under coverage."""
    folder.mkdir(parents=True, exist_ok=True)
    numbers_path, reached_path = folder / "numbers.json", folder / "reached.json"
    for old in (numbers_path, reached_path):
        old.unlink(missing_ok=True)
    began = monotonic()
    code = _run(["tests.fuzz.engine", name, str(runs), str(folder)], folder / "log")
    seconds = monotonic() - began
    numbers = json.loads(numbers_path.read_text()) if numbers_path.exists() else {}
    replayed = _run(["tests.fuzz.reach", name, str(folder)], folder / "reach.log")
    reached = json.loads(reached_path.read_text()) if replayed == 0 else {}
    passed = code == 0 and replayed == 0 and numbers.get("executions", 0) >= runs
    return Outcome(name, passed, code, seconds, len(list((folder / "corpus").iterdir())), reached, numbers)


def _run(arguments: list[str], log: Path) -> int:
    with log.open("wb") as file:
        command = [sys.executable, "-m", *arguments]
        return subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, check=False).returncode


def main() -> int:
    """Fuzz what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", help=f"of {', '.join(TARGETS)}; all of them where none is named")
    parser.add_argument("--runs", type=int, default=1_000_000, help="inputs for each target")
    parser.add_argument("--folder", type=Path, default=Path("build/fuzz"), help="where corpora and the report go")
    options = parser.parse_args()
    unknown = set(options.targets) - set(TARGETS)
    if unknown:
        parser.error(f"no target is called {', '.join(sorted(unknown))}")
    print(f"bounds: {MOST_SECONDS} s an input, {MOST_GROWTH_KIB // 1024} MiB over the baseline", flush=True)
    print(_ROW.format(*_HEAD), flush=True)
    outcomes = []
    for name in options.targets or TARGETS:
        outcomes.append(fuzz(name, options.runs, options.folder / name))
        print(outcomes[-1].row(), flush=True)
    report = {"runs": options.runs, "targets": [asdict(outcome) for outcome in outcomes]}
    (options.folder / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    failed = [outcome for outcome in outcomes if not outcome.passed]
    for outcome in failed:
        folder = options.folder / outcome.target
        print(f"{outcome.target}: exit code {outcome.exit_code}; see {folder}/log and the input in {folder}/broken")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
