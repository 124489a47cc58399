"""A slice of the campaign: some faults in turn on one rig, each a few times."""

import os
import random

from tests.faults.fault import FAULTS, Trial
from tests.faults.rig import Rig

SEED = int(os.environ.get("FAULTS_SEED", "1"))


def check_fault(name: str, rounds: int, rig: Rig) -> None:
    """Inject a fault and check that it was survived.

    Args:
        name: The fault, as in `FAULTS`.
        rounds: How often it is injected.
        rig: Where; what an earlier fault broke is mended first.
    """
    rig.heal()
    found = FAULTS[name].run(Trial(rig, name, rounds, random.Random(f"{SEED}/{name}")))
    assert found.injected >= rounds
    assert found.sealed == found.acknowledged
