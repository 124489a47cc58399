"""Pure decisions: when a block closes, whose clock counts, what an error asks for, what waits for the vault."""

import pytest
from confluent_kafka import KafkaError

from auditseal_schemas.block_draft import CloseReason
from auditseal_schemas.halt import Halt, HaltError
from auditseal_sealer.archive_age import ArchiveAge
from auditseal_sealer.batch import BatchPolicy
from auditseal_sealer.clock import BrokerClock
from auditseal_sealer.kafka_errors import Call, Reaction, react

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
    assert POLICY.reason(full, opened, now) is reason


@pytest.mark.parametrize(
    ("opened", "now", "seconds"), [(None, 7.0, 0.05), (7.0, 7.0, 0.05), (7.0, 7.21, 0.04), (7.0, 9.0, 0.0)]
)
def test_reading_never_waits_beyond_a_blocks_age(opened, now, seconds) -> None:
    assert POLICY.patience(opened, now) == pytest.approx(seconds)


@pytest.mark.parametrize("wrong", [{"age": -1}, {"read": 0}, {"wait": 0}, {"wait": 2}])
def test_a_senseless_policy_is_refused(wrong) -> None:
    with pytest.raises(ValueError, match="age is 0 or more"):
        BatchPolicy(**wrong)


def test_a_block_may_lead_the_brokers_clock_by_the_bound_and_no_more() -> None:
    clock = BrokerClock(appended=1_000_000, seen=50.0)  # the broker's time is 1,000 s + what has passed since
    clock.check(1_010_000_000, now=50.0, bound=10)
    clock.check(1_015_000_000, now=55.0, bound=10)
    clock.check(0, now=50.0, bound=10)  # an event's broker may be ahead of us: only a lead is a lie
    with pytest.raises(HaltError) as caught:
        clock.check(1_010_100_000, now=50.0, bound=10)
    assert caught.value.halt is Halt.CLOCK


def error(code: int, *, fatal: bool = False, retriable: bool = False, aborts: bool = False) -> KafkaError:
    return KafkaError(code, "reason", fatal, retriable, aborts)


@pytest.mark.parametrize(
    ("call", "kafka_error", "reaction"),
    [
        (Call.OFFSETS, error(KafkaError._TIMED_OUT, retriable=True), Reaction.REPEAT),
        (Call.INIT, error(KafkaError._TIMED_OUT, retriable=True), Reaction.REPEAT),
        (Call.COMMIT, error(KafkaError.COORDINATOR_LOAD_IN_PROGRESS, retriable=True), Reaction.REPEAT),
        (Call.COMMIT, error(KafkaError._TIMED_OUT, retriable=True), Reaction.RECOVER),
        (Call.ABORT, error(KafkaError._TIMED_OUT, retriable=True), Reaction.RECOVER),
        (Call.COMMIT, error(KafkaError.COORDINATOR_LOAD_IN_PROGRESS, retriable=True, aborts=True), Reaction.RECOVER),
        (Call.OFFSETS, error(KafkaError.ILLEGAL_GENERATION, aborts=True), Reaction.RECOVER),
        (Call.BEGIN, error(KafkaError._STATE), Reaction.RECOVER),
        (Call.FLUSH, error(KafkaError.UNKNOWN_PRODUCER_ID, fatal=True), Reaction.RECOVER),
        (Call.COMMIT, error(KafkaError._FENCED, fatal=True), Reaction.FENCED),
        (Call.INIT, error(KafkaError.PRODUCER_FENCED), Reaction.FENCED),
        (Call.PRODUCE, error(KafkaError.INVALID_PRODUCER_EPOCH, aborts=True), Reaction.FENCED),
        (Call.OFFSETS, error(KafkaError.FENCED_INSTANCE_ID, aborts=True), Reaction.EXPELLED),
        (Call.PRODUCE, error(KafkaError.MSG_SIZE_TOO_LARGE), Reaction.TOO_LARGE),
        (Call.PRODUCE, error(KafkaError.MSG_SIZE_TOO_LARGE, aborts=True), Reaction.TOO_LARGE),
    ],
)
def test_an_error_of_a_call_has_one_reaction(call, kafka_error, reaction) -> None:
    assert react(call, kafka_error) is reaction


def test_the_oldest_block_that_waits_for_the_vault_counts() -> None:
    age = ArchiveAge()
    assert age.seconds(100.0) == 0
    age.restart(height=7, since=40_000_000)
    age.sealed(8, 90_000_000)
    age.sealed(9, 95_000_000)
    assert age.seconds(100.0) == 60
    age.archived(6)  # between the vault's block and the head all counts as old as the oldest of it
    assert age.seconds(100.0) == 60
    age.archived(8)
    assert age.seconds(100.0) == 5
    age.archived(9)
    assert age.seconds(100.0) == 0
    age.restart(height=9, since=None)
    assert age.seconds(100.0) == 0
