"""Reads the state of a log from all sources. `recovery` decides what follows."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from confluent_kafka import TopicPartition

from auditseal_daemon.batch_size import fetch_bytes
from auditseal_schemas.block import Block
from auditseal_schemas.errors import MalformedError, UnavailableError
from auditseal_schemas.halt import Halt, HaltError
from auditseal_schemas.header import Predecessor
from auditseal_schemas.origin import Origin
from auditseal_sealer.blocks_reader import BlocksReader
from auditseal_sealer.context import SealerContext
from auditseal_sealer.earlier_runs import find_earlier_head
from auditseal_sealer.partition_consumer import Isolation
from auditseal_sealer.sources import EventsPartition, LogSources
from auditseal_vault.log_reader import StoredBlock

_TAIL = 4  # offsets: two transactions of one block and one marker
_LONGEST = 64  # offsets: of so many blocks at most one is kept in memory
_POLL = 0.05  # s


@dataclass(frozen=True, slots=True)
class CommittedBlock:
    """A committed block and its offset in the blocks topic."""

    offset: int
    height: int
    data: bytes


class SourceReader:
    """Reads one log's sources."""

    def __init__(self, context: SealerContext, origin: Origin) -> None:
        self._origin, self._config, self._cluster = origin, context.config, context.cluster
        self._archive = context.archive(origin)

    def read(self) -> LogSources:
        """Read all sources, at one moment.

        Raises:
            UnavailableError: One of them is unreachable, or another sealer wrote blocks meanwhile.
            HaltError: HANGING_TRANSACTION, LOG_RECREATED or BLOCKS_LOST if a topic is gone.
        """
        end = self._settled_end()
        start = self._cluster.start(self._config.blocks_topic, self._origin.partition)
        with self._reader(Isolation.COMMITTED) as committed:
            head = self._find_head(committed, start, end)
            archived = self._archive.head(near=head.height if head else None)
            after = start if head is None else head.offset + 1
            aborted = self._aborted(after, end)
            unarchived = self._find_unarchived(committed, start, head, archived)
            filled = self._find_filled(committed, start, head)
            origin, timeout = self._origin, self._config.timeouts.question
            group_text = committed.group_text(origin.topic, origin.partition, timeout)
        self._check_unmoved(end)
        begun = archived is not None or (head is not None and head.height >= 0)
        return LogSources(
            events=self._events_partition(),
            head=head.data if head else None,
            unarchived=unarchived.data if unarchived else None,
            aborted=aborted,
            archived=archived,
            group_text=group_text,
            earlier_head=None if begun else self._find_earlier_head(),
            filled=filled,
        )

    def _find_earlier_head(self) -> Predecessor | None:
        named = self._config.predecessor(self._origin.partition)
        return find_earlier_head(self._archive.reader, self._origin, named)

    def _settled_end(self) -> int:
        """Return the blocks partition's end once no transaction is open: an open one hides the records behind it."""
        topic, partition = self._config.blocks_topic, self._origin.partition
        deadline = time.monotonic() + self._config.timeouts.settled
        while True:
            end = self._cluster.end(topic, partition)
            stable = self._cluster.stable_end(topic, partition)
            if end == stable:
                return end
            if time.monotonic() > deadline:
                problem = f"a transaction of someone else is open on {topic}/{partition} since offset {stable}"
                raise HaltError(Halt.HANGING_TRANSACTION, f"{self._origin}: {problem}, and hides the head")
            time.sleep(_POLL)

    def _check_unmoved(self, end: int) -> None:
        """Check that all sources show one moment: a commit between two of them would look like a lost block."""
        topic, partition = self._config.blocks_topic, self._origin.partition
        now = self._cluster.end(topic, partition)
        if now != end:
            raise UnavailableError(f"{topic}/{partition} moved from {end} to {now} while its head was looked for")

    def _find_head(self, reader: BlocksReader, start: int, end: int) -> CommittedBlock | None:
        """Return the last committed block, reading from nearer to the end first."""
        span = _TAIL
        while True:
            begin = max(start, end - span)
            last = None
            for offset, data in self._values(reader, begin, end):
                last = (offset, data)
            if last:
                return CommittedBlock(last[0], _height(self._origin, last[1]), last[1])
            if begin == start:
                return None
            span *= 2

    def _find_filled(self, reader: BlocksReader, start: int, head: CommittedBlock | None) -> bytes | None:
        """Return the last committed block with records below a head without records, reading from near to far."""
        if head is None or _has_records(head.data):
            return None
        end, span, filled = head.offset, _TAIL, None
        while filled is None and end > start:
            begin = max(start, end - span)
            for _, data in self._values(reader, begin, end):
                filled = data if _has_records(data) else filled
            end, span = begin, min(2 * span, _LONGEST)
        return filled

    def _aborted(self, begin: int, end: int) -> tuple[bytes, ...]:
        """Return the values after the head, by a new consumer: an idle one took a second."""
        with self._reader(Isolation.UNCOMMITTED) as reader:
            return tuple(value for _, value in self._values(reader, begin, end))

    def _find_unarchived(
        self, reader: BlocksReader, start: int, head: CommittedBlock | None, archived: StoredBlock | None
    ) -> CommittedBlock | None:
        """Return the block after the vault's highest: first from its likely place, else by bisection over heights."""
        wanted = archived.height + 1 if archived else 0
        if head is None or head.height < wanted:
            return None
        if head.height == wanted:
            return head
        low, high = start, head.offset
        probe = max(low, high - 2 * (head.height - wanted))
        while low < high:
            found = self._first(reader, probe, high)
            if found is not None and found.height == wanted:
                return found
            if found is None or found.height > wanted:
                high = probe
            else:
                low = found.offset + 1
            probe = (low + high) // 2
        return None

    def _first(self, reader: BlocksReader, begin: int, end: int) -> CommittedBlock | None:
        for offset, data in self._values(reader, begin, end):
            return CommittedBlock(offset, _height(self._origin, data), data)
        return None

    def _values(self, reader: BlocksReader, begin: int, end: int) -> Iterator[tuple[int, bytes]]:
        """Yield offset and value of the records between two offsets, without the empty ones that ask the clock."""
        if begin >= end:
            return
        reader.seek(begin)
        for message in reader.read_to(end, self._config.timeouts.call):
            value, offset = message.value(), message.offset()
            if value is not None and offset is not None:
                yield offset, value

    def _events_partition(self) -> EventsPartition:
        topic, partition = self._origin.topic, self._origin.partition
        view = self._cluster.topic(topic)
        if view is None:
            raise HaltError(Halt.LOG_RECREATED, f"{self._origin}: topic {topic} is gone")
        start, end = self._cluster.start(topic, partition), self._cluster.end(topic, partition)
        return EventsPartition(
            self._cluster.cluster_id(), view.topic_id, view.partitions, start, end, fetch_bytes(view.settings)
        )

    def _reader(self, isolation: Isolation) -> BlocksReader:
        config = self._config
        where = TopicPartition(config.blocks_topic, self._origin.partition)
        return BlocksReader(config.client, config.group, where, isolation)


def _has_records(data: bytes) -> bool:
    """Return whether a block has records. Other data count only at the head, where they are a halt."""
    try:
        return Block.parse(data).header.count > 0
    except MalformedError:
        return False


def _height(origin: Origin, data: bytes) -> int:
    """Return a committed block's height, -1 if it is of an earlier run.

    Raises:
        HaltError: INVALID_BLOCK.
    """
    try:
        header = Block.parse(data).header
    except MalformedError as error:
        raise HaltError(
            Halt.INVALID_BLOCK, f"{origin}: the blocks topic has a record that is not a block: {error}"
        ) from error
    return header.height if header.origin.run >= origin.run else -1
