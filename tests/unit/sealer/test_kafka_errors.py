"""What an error of a call to Kafka asks for."""

import pytest
from confluent_kafka import KafkaError

from auditseal_sealer.kafka_errors import Call, Reaction, react


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
        (Call.OFFSETS, error(KafkaError.ILLEGAL_GENERATION, aborts=True), Reaction.STALE),
        (Call.OFFSETS, error(KafkaError.REBALANCE_IN_PROGRESS, aborts=True), Reaction.STALE),
        (Call.OFFSETS, error(KafkaError.UNKNOWN_MEMBER_ID, aborts=True), Reaction.STALE),
        (Call.OFFSETS, error(KafkaError.UNKNOWN_MEMBER_ID, fatal=True), Reaction.RECOVER),
        (Call.COMMIT, error(KafkaError.ILLEGAL_GENERATION, aborts=True), Reaction.RECOVER),
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
