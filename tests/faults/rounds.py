"""A slice of the campaign: some faults in turn on one rig, each a few times."""

import os
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.faults.fault import FAULTS, Trial
from tests.faults.rig import Rig

SEED = int(os.environ.get("FAULTS_SEED", "1"))


@contextmanager
def new_rig(directory: Path) -> Iterator[Rig]:
    """Start a rig with the slice's seed."""
    with Rig(directory, SEED) as rig:
        yield rig


def check_fault(name: str, rounds: Mapping[str, int], rig: Rig) -> None:
    """Inject a fault and check that it was survived.

    Args:
        name: The fault, as in `FAULTS`.
        rounds: How often each fault of the slice is injected.
        rig: Where; what an earlier fault broke is mended first.
    """
    rig.heal()
    found = FAULTS[name].run(Trial(rig, name, rounds[name], random.Random(f"{SEED}/{name}")))
    assert found.injected >= rounds[name]
    assert found.sealed == found.acknowledged
