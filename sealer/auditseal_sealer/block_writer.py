"""Publishes blocks: one transactional producer of one partition, block and consumer position in one transaction."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition

from auditseal_schemas.halt import Halt, HaltError
from auditseal_schemas.limits import MIB
from auditseal_schemas.origin import Origin
from auditseal_sealer.client import settings
from auditseal_sealer.clock import BrokerClock
from auditseal_sealer.config import SealerConfig
from auditseal_sealer.errors import FencedError, UnavailableError
from auditseal_sealer.hooks import Hooks, Step
from auditseal_sealer.kafka_errors import Call, Reaction, react
from auditseal_sealer.watchdog import Watchdog

ResultT = TypeVar("ResultT")
GroupMetadata = Any  # the binding's opaque ConsumerGroupMetadata
_PAUSE = 0.05  # s between two tries of a call that may be repeated


@dataclass(frozen=True, slots=True)
class Position:
    """Where the next block of a log begins: its first offset, and its height for whoever looks at the group."""

    offset: int
    height: int


class BlockWriter:
    """A producer from its `init_transactions` to its first error; after one, only a new writer may go on.

    One thread at a time. Methods raise:
        FencedError: Another writer has the transactional id.
        HaltError: BLOCK_TOO_LARGE.
        UnavailableError: Anything else; whether the block was committed must be read from the topic.
    """

    def __init__(
        self, client: Mapping[str, str], config: SealerConfig, origin: Origin, watchdog: Watchdog, hooks: Hooks
    ) -> None:
        """Connect, abort what a predecessor left open, and fence it."""
        self._config, self._origin, self._watchdog, self._hooks = config, origin, watchdog, hooks
        self._timeout = config.timeouts.call
        self._producer = Producer(
            settings(
                client,
                transactional_id=config.transactional_id(origin.partition),
                transaction_timeout_ms=int(config.timeouts.transaction * 1000),
                message_max_bytes=16 * MIB,
                linger_ms=0,
            )
        )
        self._call(Call.INIT, self._producer.init_transactions)

    def ask_clock(self) -> BrokerClock:
        """Return the broker's clock, from an empty record in a transaction that is aborted.

        Nobody who reads committed records sees it; and before the first signature it shows that all of this works.
        """
        self._call(Call.BEGIN, lambda _: self._producer.begin_transaction())
        clock = self._deliver(None)
        self._call(Call.ABORT, self._producer.abort_transaction)
        return clock

    def publish(self, block: bytes, position: Position, group: GroupMetadata) -> BrokerClock:
        """Commit a block and the group's position after it; return the broker's clock."""
        origin, after = self._origin, self._hooks.after
        text = f"auditseal run={origin.run} height={position.height}"
        offsets = [TopicPartition(origin.topic, origin.partition, position.offset, metadata=text)]
        self._call(Call.BEGIN, lambda _: self._producer.begin_transaction())
        after(Step.BEGUN, origin)
        clock = self._deliver(block)
        self._call(Call.OFFSETS, lambda left: self._producer.send_offsets_to_transaction(offsets, group, left))
        after(Step.OFFSETS_SENT, origin)
        self._call(Call.COMMIT, self._producer.commit_transaction)
        after(Step.COMMITTED, origin)
        return clock

    def _deliver(self, value: bytes | None) -> BrokerClock:
        """Produce and flush: without the explicit flush, the commit waits 100 ms for what is in the queue."""
        reports: list[tuple[KafkaError | None, int]] = []

        def report(error: KafkaError | None, message: Message) -> None:
            reports.append((error, message.timestamp()[1]))

        self._call(
            Call.PRODUCE,
            lambda _: self._producer.produce(
                self._config.blocks_topic, value, partition=self._origin.partition, on_delivery=report
            ),
        )
        self._hooks.after(Step.PRODUCED, self._origin)
        self._call(Call.FLUSH, self._producer.flush)
        if not reports:
            raise UnavailableError(f"{self._origin}: a block wasn't delivered in {self._timeout:g} s")
        error, appended = reports[0]
        if error:
            raise self._failure(Call.PRODUCE, error)
        self._hooks.after(Step.FLUSHED, self._origin)
        return BrokerClock(appended, time.monotonic())

    def _call(self, call: Call, function: Callable[[float], ResultT]) -> ResultT:
        """Do a call with the time that is left, again where Kafka says that it may be repeated."""
        deadline = time.monotonic() + self._timeout
        while True:
            try:
                with self._watchdog.over(call.value):
                    return function(max(_PAUSE, deadline - time.monotonic()))
            except BufferError as exception:
                raise UnavailableError(f"{self._origin}: {call.value}: {exception}") from exception
            except KafkaException as exception:
                error = exception.args[0]
                if react(call, error) is not Reaction.REPEAT or time.monotonic() > deadline:
                    raise self._failure(call, error) from exception
                time.sleep(_PAUSE)

    def _failure(self, call: Call, error: KafkaError) -> Exception:
        problem = f"{self._origin}: {call.value}: {error.str()} ({error.name()})"
        match react(call, error):
            case Reaction.FENCED:
                return FencedError(f"{problem}: another sealer writes this log")
            case Reaction.TOO_LARGE:
                return HaltError(
                    Halt.BLOCK_TOO_LARGE, f"{problem}: raise max.message.bytes of the topic or lower the block's limits"
                )
            case _:
                return UnavailableError(problem)
