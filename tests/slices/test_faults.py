"""A slice of the fault campaign (`make faults`), on a real Kafka and a real MinIO: what must never break."""

import os
import random
from collections.abc import Iterator

import pytest

from tests.faults import brokers, crashes, ends, network, records, storage, topics, twins  # noqa: F401  (they register)
from tests.faults.fault import FAULTS, Trial
from tests.faults.rig import Rig

SEED = int(os.environ.get("FAULTS_SEED", "1"))

ROUNDS = {
    "F1": 2,
    "F3": 3,
    "F23": 3,
    "F5": 1,
    "F6": 3,
    "F10": 2,
    "F13": 2,
    "F16": 6,
    "F17": 1,
    "F20": 2,
    "F21": 1,
    "F24": 1,
    "F29": 4,
    "F4": 2,
    "F27": 1,
}
"""Injections of each fault; those of brokers last, since they take the longest to come back."""


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with Rig(tmp_path_factory.mktemp("faults"), SEED) as rig:
        yield rig


@pytest.mark.kafka
@pytest.mark.minio
@pytest.mark.parametrize("name", ROUNDS)
def test_the_fault_is_survived(name: str, rig: Rig) -> None:
    rig.heal()
    found = FAULTS[name].run(Trial(rig, name, ROUNDS[name], random.Random(f"{SEED}/{name}")))
    assert found.injected >= ROUNDS[name]
    assert found.sealed == found.acknowledged
