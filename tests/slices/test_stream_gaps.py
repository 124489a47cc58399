"""Broken connections, forks and sealers that change: no gap is false."""

from pathlib import Path

from tests.faults import stream_gaps
from tests.faults.rig import Rig


def test_no_gap_is_false(tmp_path: Path) -> None:
    with Rig(tmp_path / "rig", seed=1) as rig:
        found = stream_gaps.run(rig, 4_000, kill_every=2)
    assert (found["events"], found["streams"]) == (4_000 + 2 * found["streams"], 2 * stream_gaps.PRODUCERS)
    assert min(found["resets"], found["kills"], found["looks"]) > 0
