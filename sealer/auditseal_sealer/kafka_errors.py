"""The reaction to an error of a Kafka call, decided here for all calls.

| the error | reaction |
| --- | --- |
| another producer has our transactional id | FENCED |
| another member has our name in the group | EXPELLED: for good, and a new producer would fence that member's |
| the group has another generation by now, or is about to have one | STALE: abort, and begin again with its news |
| the block is larger than client, topic or broker allow | TOO_LARGE: trying again would loop |
| a commit or abort timed out | RECOVER: it may still arrive, so the producer must get a new epoch first (KIP-890) |
| fatal, or the transaction must be aborted | RECOVER |
| retriable | REPEAT the same call |
| anything else | RECOVER |

RECOVER always means a new producer: its `init_transactions` aborts open transactions and fences late requests.
"""

from enum import Enum, StrEnum, auto

from confluent_kafka import KafkaError, KafkaException


class Call(StrEnum):
    """The calls of a transactional producer."""

    INIT = "init_transactions"
    BEGIN = "begin_transaction"
    PRODUCE = "produce"
    FLUSH = "flush"
    OFFSETS = "send_offsets_to_transaction"
    COMMIT = "commit_transaction"
    ABORT = "abort_transaction"


class Reaction(Enum):
    """What to do."""

    REPEAT = auto()
    RECOVER = auto()
    FENCED = auto()
    EXPELLED = auto()
    STALE = auto()
    TOO_LARGE = auto()


_BY_CODE = {
    KafkaError._FENCED: Reaction.FENCED,  # noqa: SLF001  (its public name for a local error)
    KafkaError.PRODUCER_FENCED: Reaction.FENCED,
    KafkaError.INVALID_PRODUCER_EPOCH: Reaction.FENCED,
    KafkaError.FENCED_INSTANCE_ID: Reaction.EXPELLED,
    KafkaError.MSG_SIZE_TOO_LARGE: Reaction.TOO_LARGE,
    KafkaError.RECORD_LIST_TOO_LARGE: Reaction.TOO_LARGE,
}
_STALE = frozenset({KafkaError.ILLEGAL_GENERATION, KafkaError.UNKNOWN_MEMBER_ID, KafkaError.REBALANCE_IN_PROGRESS})
_ENDS = frozenset({Call.COMMIT, Call.ABORT})


def react(call: Call, error: KafkaError) -> Reaction:
    """Return what to do about an error of a call."""
    if error.code() in _BY_CODE:
        return _BY_CODE[error.code()]
    if call is Call.OFFSETS and error.code() in _STALE and not error.fatal():
        return Reaction.STALE
    if error.fatal() or error.txn_requires_abort():
        return Reaction.RECOVER
    if call in _ENDS and error.code() == KafkaError._TIMED_OUT:  # noqa: SLF001
        return Reaction.RECOVER
    return Reaction.REPEAT if error.retriable() else Reaction.RECOVER


def kafka_error(exception: KafkaException | SystemError) -> KafkaError:
    """Return the Kafka error in an exception of the binding.

    A fatal error, such as another producer with our transactional id, is set as an exception while a delivery's
    callback runs. The error callback cannot prevent that (observed with confluent-kafka 2.16 on 2026-11-21); the first
    call within the callback then fails with a SystemError, and the error is its cause. A SystemError of any other cause
    is raised again.
    """
    cause: BaseException | None = exception
    while isinstance(cause, SystemError):
        cause = cause.__cause__
    if not isinstance(cause, KafkaException):
        raise exception
    error: KafkaError = cause.args[0]
    return error
