"""A transactional producer from its `init_transactions` to its first error; after that, only another may continue."""

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
from auditseal_sealer.clock import BrokerClock
from auditseal_sealer.config import SealerConfig
from auditseal_sealer.errors import FencedError, StaleGroupError
from auditseal_sealer.kafka_errors import Call, Reaction, kafka_error, react
from auditseal_sealer.watchdog import Watchdog

ResultT = TypeVar("ResultT")
GroupMetadata = Any  # the binding's opaque ConsumerGroupMetadata
_PAUSE = 0.05  # s between two tries of a call that may be repeated


@dataclass(frozen=True, slots=True)
class _Report:
    """The outcome of a record; `appended` is the broker's time in ms."""

    error: KafkaError | None
    offset: int
    appended: int


class Delivery:
    """A record on its way. `offset` and `clock` have values after a flush."""

    def __init__(self, what: str) -> None:
        """Take what messages call the record."""
        self.what = what
        self.report: _Report | None = None

    def take(self, error: KafkaError | None, message: Message) -> None:
        """Take librdkafka's report."""
        offset = message.offset()
        self.report = _Report(error, -1 if offset is None else offset, message.timestamp()[1])

    @property
    def offset(self) -> int:
        """The record's offset."""
        assert self.report is not None
        return self.report.offset

    @property
    def clock(self) -> BrokerClock:
        """The broker's clock at the append."""
        assert self.report is not None
        return BrokerClock(self.report.appended, time.monotonic())


class TransactionalProducer:
    """One producer of the blocks topic. One thread at a time, but for `close`, which is the end of a `with` block.

    Methods raise:
        FencedError: Another producer has the transactional id.
        ExpelledError: Another member has our name in the group.
        HaltError: BLOCK_TOO_LARGE.
        UnavailableError: Anything else; whether a transaction was committed must be read from the topic.
    """

    def __init__(self, config: SealerConfig, watchdog: Watchdog, transactional_id: str) -> None:
        """Connect, abort the transaction that a predecessor left open, and fence that predecessor."""
        self._config, self._watchdog, self.id = config, watchdog, transactional_id
        self._timeout = config.timeouts.call
        self._producer = Producer(
            settings(
                config.client,
                transactional_id=transactional_id,
                transaction_timeout_ms=int(config.timeouts.transaction * 1000),
                message_max_bytes=16 * MIB,
                linger_ms=0,
            )
        )
        try:
            self._call(Call.INIT, Producer.init_transactions)
        except BaseException:
            self.close()
            raise

    def begin(self) -> None:
        """Begin a transaction."""
        self._call(Call.BEGIN, lambda producer, _: producer.begin_transaction())

    def produce(self, partition: int, key: bytes, value: bytes | None, what: str) -> Delivery:
        """Queue a record of the blocks topic."""
        topic, delivery = self._config.blocks_topic, Delivery(what)

        def produce(producer: Producer, _: float) -> None:
            producer.produce(topic, value, key, partition=partition, on_delivery=delivery.take)

        self._call(Call.PRODUCE, produce, what)
        return delivery

    def flush(self) -> None:
        """Deliver the queued records: without the explicit flush, the commit waits 100 ms for them."""
        self._call(Call.FLUSH, Producer.flush)

    def check(self, delivery: Delivery) -> None:
        """Check that a flush has delivered a record."""
        if delivery.report is None:
            raise UnavailableError(f"{delivery.what} wasn't delivered in {self._timeout:g} s")
        if error := delivery.report.error:
            raise self._failure(Call.PRODUCE, error, delivery.what)

    def send_offsets(self, offsets: list[TopicPartition], group: GroupMetadata) -> None:
        """Put the group's positions into the transaction.

        Raises:
            StaleGroupError: The group has another generation by now.
        """
        self._call(Call.OFFSETS, lambda producer, left: producer.send_offsets_to_transaction(offsets, group, left))

    def commit(self) -> None:
        """Commit the transaction."""
        self._call(Call.COMMIT, Producer.commit_transaction)

    def abort(self) -> None:
        """Abort the transaction."""
        self._call(Call.ABORT, Producer.abort_transaction)

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

    def _call(self, call: Call, function: Callable[[Producer, float], ResultT], what: str = "") -> ResultT:
        """Make a call of the producer with the time that is left, and repeat it if Kafka says that it may be."""
        deadline = time.monotonic() + self._timeout
        while True:
            try:
                with self._watchdog.over(call.value):
                    return function(self._producer, max(_PAUSE, deadline - time.monotonic()))
            except BufferError as exception:
                problem = f"{what or self.id}: {call.value}: {exception}"
                raise UnavailableError(problem) from exception.with_traceback(None)  # see `close`
            except (KafkaException, SystemError) as exception:
                error = kafka_error(exception)
                if react(call, error) is not Reaction.REPEAT or time.monotonic() > deadline:
                    raise self._failure(call, error, what) from exception.with_traceback(None)  # see `close`
                time.sleep(_PAUSE)

    def _failure(self, call: Call, error: KafkaError, what: str) -> Exception:
        problem = f"{what or self.id}: {call.value}: {error.str()} ({error.name()})"
        match react(call, error):
            case Reaction.FENCED:
                return FencedError(f"{problem}: another sealer has taken a log over")
            case Reaction.EXPELLED:
                name = self._config.instance
                return ExpelledError(f"{problem}: another sealer has the name {name!r} (sealer.instance) too")
            case Reaction.STALE:
                return StaleGroupError(problem)
            case Reaction.TOO_LARGE:
                return HaltError(Halt.BLOCK_TOO_LARGE, f"{problem}: raise max.message.bytes of the topic")
            case _:
                return UnavailableError(problem)
