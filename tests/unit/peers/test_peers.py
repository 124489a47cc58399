"""The parts of `make peers` that need no server."""

import struct
from pathlib import Path

import pytest

from tests.peers import consumer_performance, event_file, ours
from tests.peers.__main__ import ratios
from tests.peers.go_peers import PLANS
from tests.peers.peer import Result

_SAID = """start.time, end.time, data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, nMsg.sec, rebalance.time.ms, \
fetch.time.ms, fetch.MB.sec, fetch.nMsg.sec
2026-11-28 12:00:00:000, 2026-11-28 12:00:04:000, 2.0, 0.5, 1000, 250.0, 3000, 1000, 2.0, 1000.0
"""


def test_the_ceiling_is_the_rate_of_fetching_alone() -> None:
    assert consumer_performance.parse(_SAID, 1000) == 1000.0


def test_a_ceiling_over_fewer_records_is_refused() -> None:
    with pytest.raises(AssertionError, match="1000, 250"):
        consumer_performance.parse(_SAID, 1001)


def test_a_file_gives_the_events_back(tmp_path: Path) -> None:
    path, events = tmp_path / "events", [(b"", b"value"), (b"key", b""), (b"k", b"v" * 300)]
    path.write_bytes(b"".join(struct.pack(">I", len(field)) + field for event in events for field in event))
    assert list(event_file.stored_events(path)) == events
    assert [message.offset for message in event_file.messages(path)] == [0, 1, 2]
    assert list(event_file.first_events(path, 2)) == events[:2]


def test_a_peer_is_compared_with_the_figure_of_ours_that_has_the_same_work_before_it() -> None:
    results = [Result(ours.SEALER, 1, 200.0), Result(ours.LOCKED, 1, 50.0), Result(next(iter(PLANS)), 1, 100.0)]
    assert ratios(results) == [1.0, 1.0, 0.5]
