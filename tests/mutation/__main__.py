"""`python -m tests.mutation [MODULE ...]`: change the core in small ways, and see whether its tests notice.

The exit code is 0 only where every module that was asked for scores enough. `make mutants` runs it.
"""

import argparse
import json
import math
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from time import monotonic
from typing import Any

from tests.mutation.mutants import mutants_of
from tests.mutation.subjects import AUDITOR_SUBJECTS, SUBJECTS, tests_of
from tests.mutation.trial import Baseline, measure, survives, warm_up

_ENOUGH = 95.0
_NICE = 19
_SPARE_SECONDS = 5  # CPU seconds for the imports of a trial


def main() -> int:
    """Run the trials that the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="the last part of its name; default: all")
    parser.add_argument("--json", type=Path, help="write the results here")
    parser.add_argument("--lines", type=_ranges, default=[range(1, sys.maxsize)], help="only those of 10-20,33-33")
    parser.add_argument("--every", type=int, default=1, metavar="K", help="a sample: only every K-th mutant")
    options = parser.parse_args()
    os.nice(_NICE)
    subjects = [name for name in (*SUBJECTS, *AUDITOR_SUBJECTS) if _wanted(name, options.modules)]
    files = {name: sorted({str(file) for part in tests_of(name) for file in Path().glob(part)}) for name in subjects}
    every_file = sorted(set().union(*files.values()))
    warm_up(every_file)
    baseline = measure([_path_of(name) for name in subjects], every_file)
    results = {}
    for name in subjects:
        results[name] = _try_module(name, baseline, files[name], options)
        if options.json:
            options.json.write_text(json.dumps(results, indent=2) + "\n")
    return 0 if results and all(result["score"] >= _ENOUGH for result in results.values()) else 1


def _wanted(name: str, modules: list[str]) -> bool:
    return not modules or name.rpartition(".")[2] in modules


def _ranges(text: str) -> list[range]:
    """Read ranges of lines, both ends included, as 10-20,33-33."""
    ends = [[int(number) for number in part.split("-")] for part in text.split(",")]
    return [range(first, last + 1) for first, last in ends]


def _path_of(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise SystemExit(f"{name}: there is no such module")
    return Path(spec.origin)


def _try_module(name: str, baseline: Baseline, files: list[str], options: argparse.Namespace) -> dict[str, Any]:
    """Try a module's mutants, or a sample of them, and print the survivors."""
    started, path = monotonic(), _path_of(name)
    made = [mutant for mutant in mutants_of(path) if any(mutant.start[0] in part for part in options.lines)]
    mutants = made[:: options.every]
    survivors = []
    for mutant in mutants:
        tests = baseline.judges(path, mutant.lines, files)
        cpu_seconds = math.ceil(_SPARE_SECONDS + 3 * sum(baseline.seconds[test] for test in tests))
        if not tests or survives(name, path, mutant.source, tests, cpu_seconds):
            survivors.append(mutant.describe())
            print(f"{name} {survivors[-1]}", flush=True)
    score = 100.0 * (len(mutants) - len(survivors)) / max(1, len(mutants))
    seconds = round(monotonic() - started)
    print(f"{name}: {len(mutants) - len(survivors)} of {len(mutants)}, {score:.1f} %, {seconds} s", flush=True)
    return {
        "made": len(made),
        "tried": len(mutants),
        "survivors": survivors,
        "score": round(score, 2),
        "seconds": seconds,
    }


if __name__ == "__main__":
    sys.exit(main())
