"""What several slices share."""

from collections.abc import Iterator

import pytest

from tests.faults.rig import Rig
from tests.faults.rounds import SEED


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A rig for the faults of one file."""
    with Rig(tmp_path_factory.mktemp("faults"), SEED) as rig:
        yield rig
