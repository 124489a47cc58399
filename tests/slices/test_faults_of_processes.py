"""A slice of the fault campaign (`make faults`): processes that end, that are there twice, and that lose an answer.

The faults of brokers, stores and producers are in `test_faults_of_services.py`.
"""

import pytest

from tests.faults import crashes, ends, network, twins  # noqa: F401  (they register)
from tests.faults.rig import Rig
from tests.faults.rounds import check_fault

ROUNDS = {"F1": 2, "F3": 3, "F23": 3, "F6": 3, "F10": 2, "F29": 4}
"""Injections of each fault."""


@pytest.mark.kafka
@pytest.mark.minio
@pytest.mark.parametrize("name", ROUNDS)
def test_the_fault_is_survived(name: str, rig: Rig) -> None:
    check_fault(name, ROUNDS[name], rig)
