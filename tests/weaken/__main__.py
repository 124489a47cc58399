"""Weaken each rule in turn, and print those that no golden vault notices: `python -m tests.weaken [WORDS]`."""

import sys
from time import monotonic

from tests.mutation.trial import survives, warm_up
from tests.weaken.rules import RULES

JUDGES = (
    "tests/unit/auditor/test_vectors.py",
    "tests/unit/test_vectors.py::test_a_trust_file_that_can_not_be_relied_on_is_refused",
)
_SECONDS = 300  # of CPU for one rule


def main() -> int:
    words = " ".join(sys.argv[1:])
    chosen = [weakening for weakening in RULES if words in weakening.rule]
    warm_up(JUDGES)
    unnoticed, began = [], monotonic()
    for number, one in enumerate(chosen, start=1):
        if survives(one.module, one.path, one.source, JUDGES, _SECONDS):
            unnoticed.append(one)
        sys.stderr.write(f"\r{number} of {len(chosen)} rules, {len(unnoticed)} unnoticed, {monotonic() - began:.0f} s")
    sys.stderr.write("\n")
    for one in unnoticed:
        sys.stdout.write(f"section {one.section}: {one.rule}: no golden vault notices ({one.module})\n")
    return 1 if unnoticed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
