"""A slice of the fault campaign (`make faults`): what brokers, stores and producers do to the pipeline.

The faults of its own processes are in `test_faults_of_processes.py`, so that two workers share the time.
"""

import pytest

from tests.faults import brokers, crashes, records, storage, topics  # noqa: F401  (they register)
from tests.faults.rig import Rig
from tests.faults.rounds import check_fault

ROUNDS = {"F5": 1, "F13": 2, "F16": 6, "F17": 1, "F20": 2, "F21": 1, "F24": 1, "F4": 2, "F27": 1}
"""Injections of each fault; those of brokers last, since they take the longest to come back."""


@pytest.mark.kafka
@pytest.mark.minio
@pytest.mark.parametrize("name", ROUNDS)
def test_the_fault_is_survived(name: str, rig: Rig) -> None:
    check_fault(name, ROUNDS[name], rig)
