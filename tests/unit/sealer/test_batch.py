"""When a block closes before it is full, how long reading may wait for that, and when an empty block is due."""

import pytest

from auditseal_schemas.block_draft import CloseReason
from auditseal_sealer.batch import BatchPolicy

POLICY = BatchPolicy(age=0.25, wait=0.05)


@pytest.mark.parametrize(
    ("full", "opened", "now", "reason"),
    [
        (None, None, 100.0, None),
        (None, 100.0, 100.24, None),
        (None, 100.0, 100.25, CloseReason.AGE),
        (CloseReason.COUNT, 100.0, 100.0, CloseReason.COUNT),
        (CloseReason.GAPS, 100.0, 200.0, CloseReason.GAPS),
    ],
)
def test_a_block_closes_when_it_is_full_or_old(full, opened, now, reason) -> None:
    assert POLICY.close_reason(full, opened, now) is reason


@pytest.mark.parametrize(
    ("opened", "now", "seconds"), [(None, 7.0, 0.05), (7.0, 7.0, 0.05), (7.0, 7.21, 0.04), (7.0, 9.0, 0.0)]
)
def test_reading_never_waits_beyond_a_blocks_age(opened, now, seconds) -> None:
    assert POLICY.wait_seconds(opened, now) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("count", "opened", "closed", "is_quiet"),
    [
        (24, 7.0, 7.25, True),
        (25, 7.0, 7.25, False),
        (0, None, 7.0, False),
        (499, 7.0, 12.0, True),
        (1, 7.0, 7.0, False),
    ],
)
def test_a_partition_is_quiet_below_a_hundred_records_a_second(count, opened, closed, is_quiet) -> None:
    assert POLICY.is_quiet(count, opened, closed) is is_quiet


@pytest.mark.parametrize("wrong", [{"age": -1}, {"heartbeat": -1}, {"wait": 0}, {"wait": 2}])
def test_a_senseless_policy_is_refused(wrong) -> None:
    with pytest.raises(ValueError, match="age and heartbeat are 0 or more"):
        BatchPolicy(**wrong)


@pytest.mark.parametrize(
    ("heartbeat", "last", "now", "is_due"),
    [(60, None, 7.0, True), (60, 7.0, 66.9, False), (60, 7.0, 67.0, True), (0, 7.0, 1e9, False), (0, None, 7.0, True)],
)
def test_the_first_empty_block_is_due_at_once_and_the_next_after_a_time(heartbeat, last, now, is_due) -> None:
    assert BatchPolicy(heartbeat=heartbeat).is_heartbeat_due(last, now) is is_due
