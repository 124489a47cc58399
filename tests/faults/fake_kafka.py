"""A broker in memory that keeps Kafka's rules for one partition of events and one of blocks, and fails as a test plans.

Transactions, epochs and fencing, markers that take an offset, both isolation levels, offsets committed with a
transaction. It fails the test when a height is written with other bytes than before: `check` raises.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from confluent_kafka import OFFSET_INVALID, KafkaError, KafkaException, Message, TopicPartition

from auditseal_daemon.topic_rules import TopicView
from auditseal_schemas.block import Block
from auditseal_sealer.event_record import EventRecord, Reading

NOW_MS = 1_700_000_000_000


class Fate(Enum):
    """The outcome of one call."""

    NOT_DONE = auto()
    DONE_BUT_ERROR = auto()
    NOT_DONE_TIMEOUT = auto()
    DONE_BUT_TIMEOUT = auto()

    @property
    def takes_effect(self) -> bool:
        return self in {Fate.DONE_BUT_ERROR, Fate.DONE_BUT_TIMEOUT}

    @property
    def times_out(self) -> bool:
        return self in {Fate.NOT_DONE_TIMEOUT, Fate.DONE_BUT_TIMEOUT}


class Kind(Enum):
    """How Kafka classifies the error."""

    RETRIABLE = auto()
    ABORTABLE = auto()
    FATAL = auto()
    OTHER = auto()


@dataclass(frozen=True)
class Plan:
    """The `number`-th call of a name meets a fate; the error is of a kind."""

    call: str
    number: int
    fate: Fate
    kind: Kind = Kind.OTHER

    def error(self) -> KafkaException:
        code = KafkaError._TIMED_OUT if self.fate.times_out else KafkaError.UNKNOWN
        return KafkaException(
            KafkaError(
                code,
                f"{self.call}: {self.fate.name}",
                fatal=self.kind is Kind.FATAL,
                retriable=self.kind is Kind.RETRIABLE,
                txn_requires_abort=self.kind is Kind.ABORTABLE,
            )
        )


@dataclass
class Entry:
    """One offset of the blocks partition: a value, or a marker."""

    value: bytes | None
    state: str  # open, committed, aborted, marker
    key: bytes | None = None


@dataclass
class Broker:
    """All state. `calls` counts by name; the group's consumer gets no block from `late` on before it commits once."""

    plan: Plan | None = None
    events: list[Message] = field(default_factory=list)
    blocks: list[Entry] = field(default_factory=list)
    epochs: dict[str, int] = field(default_factory=dict)  # by transactional id, as all that follow
    open_offsets: dict[str, list[int]] = field(default_factory=dict)
    pending_group: dict[str, tuple[int, str]] = field(default_factory=dict)
    group: tuple[int, str] | None = None
    archived: int | None = None
    late: int | None = None
    calls: dict[str, int] = field(default_factory=dict)
    heights: dict[int, bytes] = field(default_factory=dict)
    breaches: list[str] = field(default_factory=list)
    struck: bool = False
    lock: threading.RLock = field(default_factory=threading.RLock)

    def call(self, name: str, effect: Callable[[], Any]) -> Any:
        """Do a call, unless the plan says otherwise. Calls of several sealers come one after the other."""
        with self.lock:
            return self._do(name, effect)

    def _do(self, name: str, effect: Callable[[], Any]) -> Any:
        self.calls[name] = self.calls.get(name, 0) + 1
        plan = self.plan
        if plan is None or (plan.call, plan.number) != (name, self.calls[name]):
            return effect()
        self.struck = True
        if plan.fate.takes_effect:
            effect()
        raise plan.error()

    def append_block(self, value: bytes | None, key: bytes | None = None, writer: str = "") -> int:
        if value is not None:
            height = Block.parse(value).header.height
            if self.heights.setdefault(height, value) != value:
                self.breaches.append(f"block {height} was signed twice")
        self.blocks.append(Entry(value, "open", key))
        self.open_offsets.setdefault(writer, []).append(len(self.blocks) - 1)
        return len(self.blocks) - 1

    def end_transaction(self, writer: str = "", *, commit: bool) -> None:
        offsets, position = self.open_offsets.pop(writer, []), self.pending_group.pop(writer, None)
        for offset in offsets:
            self.blocks[offset].state = "committed" if commit else "aborted"
        if offsets:
            self.blocks.append(Entry(None, "marker"))
        if commit and position:
            self.group = position

    def stable_end(self) -> int:
        return min((offsets[0] for offsets in self.open_offsets.values()), default=len(self.blocks))

    def committed(self) -> list[bytes]:
        return [entry.value for entry in self.blocks if entry.state == "committed" and entry.value is not None]

    def check(self) -> None:
        assert not self.breaches, self.breaches


class FakeProducer:
    """`confluent_kafka.Producer`, as far as the sealer uses it."""

    def __init__(self, broker: Broker, settings: Mapping[str, Any]) -> None:
        self._broker, self._epoch, self._began = broker, -1, False
        self.id: str = settings["transactional.id"]
        self._queue: list[tuple[bytes | None, bytes | None, Any]] = []

    def init_transactions(self, _timeout: float) -> None:
        def init() -> None:
            self._broker.end_transaction(self.id, commit=False)
            self._epoch = self._broker.epochs[self.id] = self._broker.epochs.get(self.id, 0) + 1

        self._broker.call("init_transactions", init)

    def begin_transaction(self) -> None:
        def begin() -> None:
            if self._began:
                raise KafkaException(KafkaError(KafkaError._STATE, "the transaction before isn't over"))
            self._began = True

        self._broker.call("begin_transaction", begin)

    def produce(self, topic: str, value: bytes | None, key: bytes | None, partition: int, on_delivery: Any) -> None:
        self._broker.call("produce", lambda: self._queue.append((value, key, on_delivery)))

    def flush(self, _timeout: float) -> int:
        def deliver() -> int:
            self._check_epoch()
            for value, key, report in self._queue:
                offset = self._broker.append_block(value, key, self.id)
                report(None, Message(topic="blocks", partition=0, offset=offset, value=value, timestamp=(2, NOW_MS)))
            self._queue.clear()
            return 0

        return int(self._broker.call("flush", deliver))

    def send_offsets_to_transaction(self, offsets: list[TopicPartition], _group: object, _timeout: float) -> None:
        def send() -> None:
            self._check_epoch()
            self._broker.pending_group[self.id] = (offsets[0].offset, offsets[0].metadata or "")

        self._broker.call("send_offsets_to_transaction", send)

    def commit_transaction(self, _timeout: float) -> None:
        self._end("commit_transaction", commit=True)

    def abort_transaction(self, _timeout: float) -> None:
        self._end("abort_transaction", commit=False)

    def _end(self, name: str, *, commit: bool) -> None:
        def end() -> None:
            self._check_epoch()
            self._broker.end_transaction(self.id, commit=commit)
            self._began = False

        self._broker.call(name, end)

    def _check_epoch(self) -> None:
        if self._epoch != self._broker.epochs[self.id]:
            raise KafkaException(KafkaError(KafkaError._FENCED, "an old epoch", fatal=True))


class FakeConsumer:
    """`confluent_kafka.Consumer` of one assigned partition."""

    def __init__(self, broker: Broker, settings: Mapping[str, Any]) -> None:
        self._broker, self._committed = broker, settings["isolation.level"] == "read_committed"
        self._topic, self._next, self._told = "", 0, -1

    def assign(self, partitions: list[TopicPartition]) -> None:
        self._topic, self._next, self._told = partitions[0].topic, partitions[0].offset, -1

    def poll(self, _timeout: float) -> Message | None:
        message: Message | None = self._broker.call("poll", self._one)
        return message

    def consume(self, most: int, _timeout: float) -> list[Message]:
        def consume() -> list[Message]:
            found = list[Message]()
            while len(found) < most and (message := self._one()) is not None:
                found.append(message)
            return found

        return list(self._broker.call("consume", consume))

    def committed(self, partitions: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        offset, text = self._broker.group or (OFFSET_INVALID, "")
        answer = [TopicPartition(partitions[0].topic, 0, offset, metadata=text)]
        return list(self._broker.call("committed", lambda: answer))

    def get_watermark_offsets(self, _where: TopicPartition, cached: bool) -> tuple[int, int]:
        return 0, self._end()

    def close(self) -> None:
        pass

    def _end(self) -> int:
        if self._topic == "events":
            return len(self._broker.events)
        return self._broker.stable_end() if self._committed else len(self._broker.blocks)

    def _one(self) -> Message | None:
        while self._next < self._end():
            offset, self._next = self._next, self._next + 1
            if self._topic == "events":
                return self._broker.events[offset]
            entry = self._broker.blocks[offset]
            if entry.state == "committed" or (entry.state != "marker" and not self._committed):
                return Message("blocks", 0, offset, key=entry.key, value=entry.value, timestamp=(2, NOW_MS))
        if self._told == self._end():
            return None
        self._told = self._end()
        end_of_partition = KafkaError(KafkaError._PARTITION_EOF)
        return Message(topic=self._topic, partition=0, offset=self._end(), error=end_of_partition)


class FakeRecordConsumer:
    """The sealer's `RecordConsumer` of the events."""

    def __init__(self, broker: Broker) -> None:
        self._consumer = FakeConsumer(broker, {"isolation.level": "read_uncommitted"})

    def assign(self, where: TopicPartition) -> None:
        self._consumer.assign([where])

    def read(self, most: int, timeout: float) -> Reading:
        records, end = list[EventRecord](), -1
        for message in self._consumer.consume(most, timeout):
            offset = message.offset() or 0
            if message.error():
                end = offset
            else:
                records.append(EventRecord(offset, *message.timestamp(), message.key(), (), message.value(), 0))
        return Reading(records, end, None)

    def wake(self) -> None:
        pass

    def known_end(self, where: TopicPartition) -> int:
        return self._consumer.get_watermark_offsets(where, cached=True)[1]

    def close(self) -> None:
        pass


class FakeCluster:
    """`auditseal_daemon.cluster.Cluster` over the broker; its calls fail as the broker's plan says."""

    def __init__(self, broker: Broker, fail: Callable[[str, Callable[[], Any]], Any]) -> None:
        self._broker, self._ask = broker, fail

    def cluster_id(self) -> str:
        return str(self._ask("cluster_id", lambda: "cluster"))

    def topic(self, name: str) -> TopicView | None:
        view: TopicView = self._ask("topic", lambda: TopicView(name, f"id-{name}", (1,), {}))
        return view

    def start(self, topic: str, partition: int) -> int:
        return int(self._ask("start", lambda: 0))

    def end(self, topic: str, partition: int) -> int:
        lengths = {"events": len(self._broker.events), "blocks": len(self._broker.blocks)}
        return int(self._ask("end", lambda: lengths[topic]))

    def stable_end(self, topic: str, partition: int) -> int:
        return int(self._ask("stable_end", self._broker.stable_end))


class FakeGroupConsumer:
    """The archiver's consumer of the blocks partition, alone in its group."""

    def __init__(self, broker: Broker) -> None:
        self._broker, self._next, self._told, self._assigned, self._paused = broker, 0, -1, False, False
        self._callbacks: dict[str, Any] = {}

    def subscribe(self, topics: list[str], **callbacks: Any) -> None:
        self._callbacks = {"topic": topics[0], **callbacks}

    def poll(self, _timeout: float) -> Message | None:
        where = [TopicPartition(self._callbacks["topic"], 0)]
        if not self._assigned:
            self._assigned = True
            self._callbacks["on_assign"](self, where)
        message: Message | None = self._broker.call("group_poll", self._one)
        if message is None:
            time.sleep(0.001)
        return message

    def committed(self, partitions: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        offset = OFFSET_INVALID if self._broker.archived is None else self._broker.archived
        answer = [TopicPartition(partitions[0].topic, 0, offset)]
        return list(self._broker.call("committed", lambda: answer))

    def get_watermark_offsets(self, _where: TopicPartition, timeout: float, cached: bool) -> tuple[int, int]:
        low, high = self._broker.call("get_watermark_offsets", lambda: (0, self._broker.stable_end()))
        return int(low), int(high)

    def incremental_assign(self, partitions: list[TopicPartition]) -> None:
        self._broker.call("incremental_assign", lambda: self._move(partitions[0].offset))

    def incremental_unassign(self, partitions: list[TopicPartition]) -> None:
        self._broker.call("incremental_unassign", lambda: None)

    def seek(self, where: TopicPartition) -> None:
        self._broker.call("seek", lambda: self._move(where.offset))

    def pause(self, _partitions: list[TopicPartition]) -> None:
        self._broker.call("pause", lambda: self._pause(paused=True))

    def resume(self, _partitions: list[TopicPartition]) -> None:
        self._broker.call("resume", lambda: self._pause(paused=False))

    def commit(self, offsets: list[TopicPartition], asynchronous: bool) -> None:
        self._broker.call("commit", lambda: setattr(self._broker, "archived", offsets[0].offset))

    def close(self) -> None:
        where = [TopicPartition(self._callbacks["topic"], 0)]
        self._broker.call("close", lambda: self._callbacks["on_revoke"](self, where))

    def _move(self, offset: int) -> None:
        self._next, self._told = offset, -1

    def _pause(self, *, paused: bool) -> None:
        self._paused = paused

    def _one(self) -> Message | None:
        if self._paused:
            return None
        while self._next < self._broker.stable_end():
            if self._next == self._broker.late and not self._broker.calls.get("commit"):
                return None
            offset, self._next = self._next, self._next + 1
            entry = self._broker.blocks[offset]
            if entry.state == "committed" and entry.value is not None:
                return Message(topic="blocks", partition=0, offset=offset, value=entry.value, timestamp=(2, NOW_MS))
        if self._told == self._next:
            return None
        self._told = self._next
        return Message(topic="blocks", partition=0, offset=self._next, error=KafkaError(KafkaError._PARTITION_EOF))
