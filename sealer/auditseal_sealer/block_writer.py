"""Publishes blocks: one transactional producer of one partition, block and consumer position in one transaction."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition

from auditseal_daemon.errors import ExpelledError
from auditseal_daemon.kafka_client import settings
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.halt import Halt, HaltError
from auditseal_schemas.limits import MIB
from auditseal_schemas.origin import Origin
from auditseal_sealer.clock import BrokerClock
from auditseal_sealer.context import SealerContext
from auditseal_sealer.errors import FencedError
from auditseal_sealer.hooks import Step
from auditseal_sealer.kafka_errors import Call, Reaction, kafka_error, react

ResultT = TypeVar("ResultT")
GroupMetadata = Any  # the binding's opaque ConsumerGroupMetadata
_PAUSE = 0.05  # s between two tries of a call that may be repeated


@dataclass(frozen=True, slots=True)
class Position:
    """Where the next block of a log begins: its first offset, and its height for people who look at the group."""

    offset: int
    height: int


@dataclass(frozen=True, slots=True)
class _Report:
    """The outcome of a record; `appended` is the broker's time in ms."""

    error: KafkaError | None
    appended: int


class BlockWriter:
    """A producer from its `init_transactions` to its first error; after that, only a new writer may continue.

    One thread at a time, but for `close`, which is the end of a `with` block. Methods raise:
        FencedError: Another writer has the transactional id.
        ExpelledError: Another member has our name in the group.
        HaltError: BLOCK_TOO_LARGE.
        UnavailableError: Anything else; whether the block was committed must be read from the topic.
    """

    def __init__(self, context: SealerContext, origin: Origin) -> None:
        """Connect, abort the transaction that a predecessor left open, and fence that predecessor."""
        config = self._config = context.config
        self._origin, self._watchdog, self._hooks = origin, context.watchdog, context.hooks
        self._turn = context.transactions.turn
        self._timeout = config.timeouts.call
        self._producer = Producer(
            settings(
                config.client,
                transactional_id=config.transactional_id(origin.partition),
                transaction_timeout_ms=int(config.timeouts.transaction * 1000),
                message_max_bytes=16 * MIB,
                linger_ms=0,
            )
        )
        try:
            with self._turn():
                self._call(Call.INIT, Producer.init_transactions)
        except BaseException:
            self.close()
            raise

    def ask_clock(self) -> BrokerClock:
        """Return the broker's clock, from an empty record in a transaction that is aborted.

        Readers of committed records never get it. Before the first signature it shows that transactions work.
        """
        with self._turn():
            self._call(Call.BEGIN, lambda producer, _: producer.begin_transaction())
            clock = self._flush(self._produce(None))
            self._call(Call.ABORT, Producer.abort_transaction)
            return clock

    def publish(self, block: bytes, position: Position, group: GroupMetadata) -> BrokerClock:
        """Commit a block and the group's position after it, in turn; return the broker's clock."""
        with self._turn():
            return self._commit(block, position, group)

    def _commit(self, block: bytes, position: Position, group: GroupMetadata) -> BrokerClock:
        origin, after = self._origin, self._hooks.after
        text = f"auditseal run={origin.run} height={position.height}"
        offsets = [TopicPartition(origin.topic, origin.partition, position.offset, metadata=text)]
        self._call(Call.BEGIN, lambda producer, _: producer.begin_transaction())
        after(Step.BEGUN, origin)
        reports = self._produce(block)
        after(Step.PRODUCED, origin)
        clock = self._flush(reports)
        after(Step.FLUSHED, origin)
        self._call(Call.OFFSETS, lambda producer, left: producer.send_offsets_to_transaction(offsets, group, left))
        after(Step.OFFSETS_SENT, origin)
        self._call(Call.COMMIT, Producer.commit_transaction)
        after(Step.COMMITTED, origin)
        return clock

    def close(self) -> None:
        """Disconnect, as soon as no call is under way; the next writer aborts a transaction that is open.

        An error's traceback has the frames of its calls, in a cycle with the future that had the error: Python frees
        them much later. So none of these frames may refer to the producer: it would keep its threads and connections.
        """
        del self._producer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _produce(self, value: bytes | None) -> list[_Report]:
        """Queue a record; return the list that will hold the report of its delivery."""
        reports: list[_Report] = []

        def report(error: KafkaError | None, message: Message) -> None:
            reports.append(_Report(error, message.timestamp()[1]))

        topic, partition = self._config.blocks_topic, self._origin.partition
        self._call(
            Call.PRODUCE, lambda producer, _: producer.produce(topic, value, partition=partition, on_delivery=report)
        )
        return reports

    def _flush(self, reports: list[_Report]) -> BrokerClock:
        """Deliver the queued records: without the explicit flush, the commit waits 100 ms for them."""
        self._call(Call.FLUSH, Producer.flush)
        if not reports:
            raise UnavailableError(f"{self._origin}: a block wasn't delivered in {self._timeout:g} s")
        if error := reports[0].error:
            raise self._failure(Call.PRODUCE, error)
        return BrokerClock(reports[0].appended, time.monotonic())

    def _call(self, call: Call, function: Callable[[Producer, float], ResultT]) -> ResultT:
        """Make a call of the producer with the time that is left, and repeat it if Kafka says that it may be."""
        deadline = time.monotonic() + self._timeout
        while True:
            try:
                with self._watchdog.over(call.value):
                    return function(self._producer, max(_PAUSE, deadline - time.monotonic()))
            except BufferError as exception:
                problem = f"{self._origin}: {call.value}: {exception}"
                raise UnavailableError(problem) from exception.with_traceback(None)  # see `close`
            except (KafkaException, SystemError) as exception:
                error = kafka_error(exception)
                if react(call, error) is not Reaction.REPEAT or time.monotonic() > deadline:
                    raise self._failure(call, error) from exception.with_traceback(None)  # see `close`
                time.sleep(_PAUSE)

    def _failure(self, call: Call, error: KafkaError) -> Exception:
        problem = f"{self._origin}: {call.value}: {error.str()} ({error.name()})"
        match react(call, error):
            case Reaction.FENCED:
                return FencedError(f"{problem}: another sealer writes this log")
            case Reaction.EXPELLED:
                name = self._config.instance
                return ExpelledError(f"{problem}: another sealer has the name {name!r} (sealer.instance) too")
            case Reaction.TOO_LARGE:
                return HaltError(Halt.BLOCK_TOO_LARGE, f"{problem}: raise max.message.bytes of the topic")
            case _:
                return UnavailableError(problem)
