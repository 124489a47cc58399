"""When a partition is sealed again after a failure: the whole policy as a table."""

import pytest

from auditseal_sealer.restart import Failure, Restart, RestartPolicy

POLICY = RestartPolicy(shortest=0.2, longest=1.0, fenced=5.0, steady=30.0)
UNAVAILABLE, FENCED, FOUGHT, EXPELLED = Failure
FIRST = POLICY.first()


@pytest.mark.parametrize(
    ("before", "failure", "worked", "after"),
    [
        (FIRST, UNAVAILABLE, 1, Restart(0.2, 0.4)),
        (Restart(0.2, 0.4), UNAVAILABLE, 1, Restart(0.4, 0.8)),
        (Restart(0.4, 0.8), UNAVAILABLE, 1, Restart(0.8, 1.0)),
        (Restart(0.8, 1.0), UNAVAILABLE, 1, Restart(1.0, 1.0)),
        (Restart(1.0, 1.0), UNAVAILABLE, 30, Restart(1.0, 1.0)),
        (Restart(1.0, 1.0), UNAVAILABLE, 30.1, Restart(0.2, 0.4)),
        (FIRST, FENCED, 1, Restart(5.0, 1.0, was_fenced=True)),
        (Restart(5.0, 1.0, was_fenced=True), UNAVAILABLE, 1, Restart(1.0, 1.0, was_fenced=True)),
        (Restart(1.0, 1.0, was_fenced=True), FENCED, 1, Restart(5.0, 1.0, was_fenced=True)),
        (FIRST, FOUGHT, 1, Restart(5.0, 1.0, was_fenced=True)),
        (Restart(1.0, 1.0, was_fenced=True), FOUGHT, 1, None),
        (Restart(1.0, 1.0, was_fenced=True), FOUGHT, 31, Restart(5.0, 1.0, was_fenced=True)),
        (Restart(1.0, 1.0, was_fenced=True), UNAVAILABLE, 31, Restart(0.2, 0.4)),
        (FIRST, EXPELLED, 1, None),
        (FIRST, EXPELLED, 31, None),
    ],
)
def test_what_follows_a_failure(before: Restart, failure: Failure, worked: float, after: Restart | None) -> None:
    assert POLICY.after(before, failure, worked) == after


def test_a_long_pause_for_the_group_is_not_cut_by_a_short_bound_and_not_shortened_by_a_long_one() -> None:
    patient = RestartPolicy(shortest=0.2, longest=60, fenced=5)
    assert patient.after(Restart(20, 40), FENCED, 1) == Restart(40, 60, was_fenced=True)
