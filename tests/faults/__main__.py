"""The campaign: `python -m tests.faults [--fault F3,F5] [--seed N] [--rounds N] [--scale X] [--keep]`."""

import argparse
import random
import secrets
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable
from pathlib import Path

from tests.faults import (  # noqa: F401  (they register)
    brokers,
    crashes,
    credentials,
    damage,
    ends,
    growth,
    hostile,
    network,
    records,
    storage,
    topics,
    twins,
    wrongs,
)
from tests.faults.fault import FAULTS, Fault, Trial
from tests.faults.report import Result, format_heading, format_line, write_json
from tests.faults.rig import Rig

_LEAST = 4


def main() -> int:
    """Run the campaign; return 1 where a promise was broken."""
    options = parse()
    names: list[str] = options.fault
    folder = Path(tempfile.mkdtemp(prefix="auditseal-faults-"))
    print(f"seed {options.seed}, folder {folder}", flush=True)
    print(format_heading(), flush=True)
    results: list[Result] = []
    try:
        with Rig(folder, options.seed) as rig:
            for name in names:
                rounds = options.rounds or scaled(FAULTS[name].rounds, options.scale)
                results.append(attempt(rig, FAULTS[name], rounds, options.seed))
                print(format_line(results[-1]), flush=True)
                write_json(Path(options.json), options.seed, results)
    finally:
        failed = [result.fault.name for result in results if not result.outcome]
        if failed or options.keep:
            print(f"logs and vaults stay in {folder}")
        else:
            shutil.rmtree(folder)
    print(
        f"{len(results) - len(failed)} of {len(names)} faults held; {options.json} has all figures; seed {options.seed}"
    )
    return 1 if failed or len(results) < len(names) else 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("--fault", type=names_of, default="", help="names, with commas; all where it is empty")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1 << 31))
    parser.add_argument("--rounds", type=int, default=0, help="injections of each fault; 0 for its own number")
    parser.add_argument("--scale", type=float, default=1.0, help="share of each fault's own number")
    parser.add_argument("--json", default="faults.json")
    parser.add_argument("--keep", action="store_true", help="keep logs and vaults")
    return parser.parse_args()


def names_of(text: str) -> list[str]:
    """Return the names of faults that a list with commas means, in either case; of all faults where it is empty.

    Raises:
        argparse.ArgumentTypeError: One of them isn't here.
    """
    names = [name.strip().upper() for name in text.split(",") if name.strip()]
    if "F22" in names:
        raise argparse.ArgumentTypeError("F22 is the soak, which runs by itself: make soak (MINUTES=2 for a short one)")
    if unknown := [name for name in names if name not in FAULTS]:
        raise argparse.ArgumentTypeError(f"there is no {', '.join(unknown)}; there are {', '.join(in_order(FAULTS))}")
    return names or in_order(FAULTS)


def in_order(names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda name: int(name[1:]))


def scaled(rounds: int, scale: float) -> int:
    """Return a share of a fault's own number, but no fewer than cover each of its ways."""
    return max(min(rounds, _LEAST), round(rounds * scale))


def attempt(rig: Rig, fault: Fault, rounds: int, seed: int) -> Result:
    """Run one fault; an error in it is its result, and the campaign continues."""
    begun = time.monotonic()
    trial = Trial(rig, fault.name, rounds, random.Random(f"{seed}/{fault.name}"))
    try:
        outcome = fault.run(trial)
    except Exception as error:
        traceback.print_exc(file=sys.stderr)
        rig.heal()
        return Result(fault, time.monotonic() - begun, None, f"{type(error).__name__}: {error}")
    return Result(fault, time.monotonic() - begun, outcome)


if __name__ == "__main__":
    sys.exit(main())
