"""Weaken each rule in turn, and print those that no golden vault notices: `python -m tests.weaken [WORDS]`.

The exit code is 0 only if there is a rule with these words and a golden vault notices each of them. `make weaken` runs
it.
"""

import os
import sys
from time import monotonic

from tests.weaken.trials import unnoticed
from tests.weaken.weakening import read_weakenings

_NICE = 19


def main(words: str) -> int:
    """Try the weakenings that have these words; all of them without words."""
    os.nice(_NICE)
    chosen = [one for one in read_weakenings() if words in str(one)]
    count, began = 0, monotonic()
    for number, (one, is_unnoticed) in enumerate(unnoticed(chosen), start=1):
        if is_unnoticed:
            count += 1
            print(f"no golden vault notices: {one}, in {one.module}", flush=True)
        print(f"\r{number} of {len(chosen)} rules, {monotonic() - began:.0f} s ", end="", file=sys.stderr, flush=True)
    print(f"\n{len(chosen) - count} of {len(chosen)} weakened rules are noticed")
    return 1 if count or not chosen else 0


if __name__ == "__main__":
    sys.exit(main(" ".join(sys.argv[1:])))
