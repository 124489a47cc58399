"""`python -m tests.mutation [MODULE ...]`: change the core in small ways, and see whether its tests notice.

The exit code is 0 only where every module that was asked for scores enough, without the survivors that are argued to
mean nothing, and every such argument is still for a mutant that is made. `make mutants` runs it.
"""

import argparse
import json
import math
import os
import sys
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from time import monotonic
from typing import Any

from tests.mutation.equivalent import Change, read_arguments, void_arguments
from tests.mutation.mutants import Mutant, mutants_of
from tests.mutation.subjects import AUDITOR_SUBJECTS, HOLDING, SUBJECTS, tests_of
from tests.mutation.trial import Baseline, measure, survives, warm_up

_ENOUGH = 95.0
_NICE = 19
_SPARE_SECONDS = 5  # CPU seconds for the imports of a trial


def main() -> int:
    """Run the trials that the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="the last part of its name; default: all")
    parser.add_argument("--json", type=Path, help="write the results here")
    parser.add_argument("--again", type=Path, metavar="FILE", help="only what survived by these earlier results")
    parser.add_argument("--every", type=int, default=1, metavar="K", help="a sample: only every K-th mutant")
    options = parser.parse_args()
    os.nice(_NICE)
    subjects = [name for name in (*SUBJECTS, *AUDITOR_SUBJECTS, HOLDING) if _wanted(name, options.modules)]
    files = {name: sorted({str(file) for part in tests_of(name) for file in Path().glob(part)}) for name in subjects}
    every_file = sorted(set().union(*files.values()))
    warm_up(every_file)
    baseline = measure([_path_of(name) for name in subjects], every_file)
    print("too slow to judge:", *baseline.slow, sep="\n  ", flush=True)
    results = {}
    for name in subjects:
        results[name] = _try_module(name, baseline, files[name], options)
        if options.json:
            options.json.write_text(json.dumps(results, indent=2) + "\n")
    return 0 if results and all(map(_is_enough, results.values())) else 1


def _wanted(name: str, modules: list[str]) -> bool:
    return not modules or name.rpartition(".")[2] in modules


def _is_enough(result: dict[str, Any]) -> bool:
    return not result["void"] and bool(result["score"] >= _ENOUGH)


def _survived(results: Path, module: str) -> set[Change]:
    """Read which changes of a module survived by earlier results, without those that were argued for."""
    told = json.loads(results.read_text()).get(module, {"survivors": []})["survivors"]
    return {Change(**{name: value for name, value in one.items() if name != "number"}) for one in told}


def _path_of(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise SystemExit(f"{name}: there is no such module")
    return Path(spec.origin)


def _try_module(name: str, baseline: Baseline, files: list[str], options: argparse.Namespace) -> dict[str, Any]:
    """Try a module's mutants, or a sample of them, and print the survivors that aren't argued for."""
    started, path, arguments = monotonic(), _path_of(name), read_arguments()
    made = list(mutants_of(name, path))
    void = list(void_arguments(arguments, name, (mutant.change for mutant in made)))
    again = _survived(options.again, name) if options.again else None
    mutants = [mutant for mutant in made if again is None or mutant.change in again][:: options.every]
    survivors, argued = list[dict[str, Any]](), list[dict[str, Any]]()
    for mutant in mutants:
        if not _survives(mutant, path, baseline, files):
            continue
        told = {"number": mutant.start[0], **asdict(mutant.change)}
        (argued if mutant.change in arguments else survivors).append(told)
        if mutant.change not in arguments:
            print(json.dumps(told, indent=1), flush=True)
    judged = len(mutants) - len(argued)
    score = 100.0 - 100.0 * len(survivors) / max(1, judged)
    seconds = round(monotonic() - started)
    killed = f"{judged - len(survivors)} of {judged}, {score:.1f} %; {len(argued)} more survived as argued"
    print(f"{name}: {killed}; {seconds} s", *void, sep="\n", flush=True)
    return {
        "made": len(made),
        "tried": len(mutants),
        "survivors": survivors,
        "argued": argued,
        "void": void,
        "score": round(score, 2),
        "seconds": seconds,
    }


def _survives(mutant: Mutant, path: Path, baseline: Baseline, files: list[str]) -> bool:
    tests = baseline.judges(path, mutant.lines, files)
    cpu_seconds = math.ceil(_SPARE_SECONDS + 3 * sum(baseline.seconds[test] for test in tests))
    return not tests or survives(mutant.module, path, mutant.source, tests, cpu_seconds)


if __name__ == "__main__":
    sys.exit(main())
