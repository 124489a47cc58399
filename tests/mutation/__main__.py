"""`python -m tests.mutation [MODULE ...]`: change the core in small ways, and see whether its tests notice.

The exit code is 0 only where every module that was asked for scores enough. `make mutants` runs it.
"""

import argparse
import json
import math
import os
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from time import monotonic

from tests.mutation.mutants import mutants_of
from tests.mutation.subjects import AUDITOR_SUBJECTS, SUBJECTS, tests_of
from tests.mutation.trial import measure, survives, warm_up

_ENOUGH = 95.0
_NICE = 19


def main() -> int:
    """Run the trials that the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="the last part of its name; default: all")
    parser.add_argument("--json", type=Path, help="write the results here")
    parser.add_argument("--lines", help="only mutants of these lines, as 10-20")
    options = parser.parse_args()
    os.nice(_NICE)
    subjects = [name for name in (*SUBJECTS, *AUDITOR_SUBJECTS) if _wanted(name, options.modules)]
    results = {}
    for name in subjects:
        results[name] = _try_module(name, options.lines)
        if options.json:
            options.json.write_text(json.dumps(results, indent=2) + "\n")
    return 0 if results and all(result["score"] >= _ENOUGH for result in results.values()) else 1


def _wanted(name: str, modules: list[str]) -> bool:
    return not modules or name.rpartition(".")[2] in modules


def _try_module(name: str, lines: str | None) -> dict[str, object]:
    """Try all mutants of one module in a process of its own, and print the survivors."""
    started = monotonic()
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise SystemExit(f"{name}: there is no such module")
    path = Path(spec.origin)
    files = sorted({str(file) for pattern in tests_of(name) for file in Path().glob(pattern)})
    first, last = (int(part) for part in lines.split("-")) if lines else (1, sys.maxsize)
    mutants = [mutant for mutant in mutants_of(path) if first <= mutant.start[0] <= last]
    warm_up(files)
    with tempfile.TemporaryDirectory() as folder:
        baseline = measure(name, path, files, Path(folder) / "baseline.json")
    cpu_seconds = math.ceil(10 + 5 * sum(baseline.seconds.values()))
    survivors = []
    for mutant in mutants:
        tests = baseline.judges(mutant.lines)
        if not tests or survives(name, path, mutant.source, tests, cpu_seconds):
            survivors.append(mutant.describe())
            print(f"{name} {survivors[-1]}", flush=True)
    score = 100.0 * (len(mutants) - len(survivors)) / max(1, len(mutants))
    seconds = round(monotonic() - started)
    print(f"{name}: {len(mutants) - len(survivors)} of {len(mutants)}, {score:.1f} %, {seconds} s", flush=True)
    return {"mutants": len(mutants), "survivors": survivors, "score": round(score, 2), "seconds": seconds}


if __name__ == "__main__":
    sys.exit(main())
